"""Health is a table, and what its worst row makes of it."""

from datetime import UTC, datetime, timedelta

import pytest

from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.domain.health import (
    CRITICAL_AFTER_S,
    Condition,
    Finding,
    Health,
    State,
    condition_of,
    stopped,
    warning,
)

REFUSED = ConfigurationError("benchling-credentials-refused")
FAILING = TransientError("benchling-failing", "GET /api/v2/entries answered 500.")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WELL = Condition("lake", State.HEALTHY, NOON)


def since(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (None, State.HEALTHY),
        (Finding(FAILING, NOON, 1), State.WARNING),
        (Finding(FAILING, NOON, CRITICAL_AFTER_S - 0.1), State.WARNING),
        (Finding(FAILING, NOON, CRITICAL_AFTER_S), State.CRITICAL),
        (Finding(REFUSED, NOON, 0), State.CRITICAL),
    ],
)
def test_a_part_is_critical_when_somebody_has_to_mend_it_or_it_lasts(finding, state) -> None:
    row = condition_of("benchling", finding, since(-5))
    assert row.state is state
    if finding is None:
        assert row == Condition("benchling", State.HEALTHY, since(-5))
    else:
        error = finding.error
        assert (row.code, row.sentence, row.remedy) == (error.code, error.sentence, error.remedy)
        assert row.since == NOON


def test_a_passing_trouble_is_critical_within_three_minutes() -> None:
    assert CRITICAL_AFTER_S + 30 <= 180


def test_stopped_files_are_a_warning_until_they_leave_no_room() -> None:
    one = stopped(1, NOON, "Access is denied.", is_full=False)
    assert (one.part, one.state, one.code, one.since) == (
        "files",
        State.WARNING,
        "file-refused",
        NOON,
    )
    assert one.sentence == "One RAW file is stopped, the lake refuses: Access is denied."
    assert "files retry" in (one.remedy or "")
    many = stopped(1200, NOON, "Access is denied.", is_full=True)
    assert many.state is State.CRITICAL
    assert many.sentence is not None
    assert many.sentence.startswith("1,200 RAW files are stopped")
    assert many.sentence.endswith("nothing is taken from the queue.")


def test_the_worst_row_decides_and_of_equals_the_oldest() -> None:
    failing = condition_of("benchling", Finding(FAILING, since(1), 500), NOON)
    refused = condition_of("queue", Finding(REFUSED, since(2), 1), NOON)
    mild = warning("configuration", "tls-verification-off", NOON)
    assert Health((WELL, mild, refused, failing)).worst == failing
    assert Health((WELL, mild, refused)).worst == refused
    assert Health((WELL, mild)).worst == mild
    assert Health((WELL,)).worst == WELL
    assert Health((WELL, mild)).state is State.WARNING


def test_a_warning_says_what_to_do() -> None:
    row = warning("configuration", "tls-verification-off", NOON)
    assert row.state is State.WARNING
    assert row.sentence
    assert row.remedy


def test_the_report_names_the_worst_row_and_holds_all() -> None:
    refused = condition_of("queue", Finding(REFUSED, since(2), 1), NOON)
    assert Health((WELL, refused)).report() == {
        "health": "CRITICAL",
        "code": REFUSED.code,
        "sentence": REFUSED.sentence,
        "remedy": REFUSED.remedy,
        "since": "2026-01-01T12:02:00.000000Z",
        "conditions": [
            {
                "part": "lake",
                "state": "HEALTHY",
                "code": None,
                "sentence": None,
                "remedy": None,
                "since": "2026-01-01T12:00:00.000000Z",
            },
            {
                "part": "queue",
                "state": "CRITICAL",
                "code": REFUSED.code,
                "sentence": REFUSED.sentence,
                "remedy": REFUSED.remedy,
                "since": "2026-01-01T12:02:00.000000Z",
            },
        ],
    }
