"""When somebody has to be told, and when it is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from benchling_connector.domain.alerts import (
    CALM,
    AlertKind,
    Changes,
    Open,
    Rules,
    Seen,
    Severity,
    changes,
    findings,
)
from benchling_connector.domain.lifecycle import HealthWord, Mode

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WELL = Seen(
    "c1",
    created_at=NOON - timedelta(days=100),
    mode=Mode.RUNNING,
    health=HealthWord.HEALTHY,
    event_at=NOON - timedelta(minutes=1),
    worked_at=NOON,
)
RULES = Rules()


def ago(**span: float) -> datetime:
    return NOON - timedelta(**span)


def codes(seen: Seen, rules: Rules = RULES) -> list[tuple[str, str]]:
    return [(one.kind.value, one.code) for one in findings(seen, rules, NOON)]


def test_of_a_connector_that_is_well_there_is_nothing_to_tell() -> None:
    assert codes(WELL) == []


def test_what_is_critical_is_told_at_once() -> None:
    seen = replace(WELL, health=HealthWord.CRITICAL, code="queue-access-denied", health_since=NOON)
    assert codes(seen) == [("health", "queue-access-denied")]
    (finding,) = findings(seen, RULES, NOON)
    assert finding.severity is Severity.CRITICAL
    assert "sqs:ReceiveMessage" in finding.remedy


@pytest.mark.parametrize(("minutes", "told"), [(4, False), (5, True)])
def test_a_warning_is_told_when_it_lasts(minutes: float, told: bool) -> None:
    since = ago(minutes=minutes)
    seen = replace(WELL, health=HealthWord.WARNING, code="lake-failing", health_since=since)
    assert bool(codes(seen)) is told


def test_a_worker_that_went_silent_is_told_of() -> None:
    assert codes(replace(WELL, health=HealthWord.CRITICAL)) == [("health", "worker-silent")]


def test_messages_that_were_just_quarantined_are_told_of_once_and_as_such() -> None:
    seen = replace(
        WELL,
        quarantined=3,
        quarantined_at=ago(minutes=10),
        health=HealthWord.WARNING,
        code="messages-quarantined",
        health_since=ago(minutes=10),
    )
    assert codes(seen) == [("quarantine", "messages-quarantined")]


def test_messages_that_have_been_in_quarantine_for_an_hour_are_no_news() -> None:
    assert codes(replace(WELL, quarantined=3, quarantined_at=ago(hours=1))) == []


@pytest.mark.parametrize(("letters", "told"), [(None, False), (0, False), (1, True)])
def test_dead_letters_are_told_of(letters: int | None, told: bool) -> None:
    assert bool(codes(replace(WELL, dead_letters=letters))) is told


def test_a_running_connector_without_events_is_told_of_after_the_hours_that_are_set() -> None:
    seen = replace(WELL, event_at=ago(hours=5))
    assert codes(seen, Rules(timedelta(hours=5))) == [("no-events", "no-events")]
    assert codes(seen, Rules(timedelta(hours=6))) == []
    assert codes(seen, Rules(None)) == []


def test_of_an_idle_connector_nobody_expects_events() -> None:
    seen = replace(WELL, mode=Mode.IDLE, event_at=ago(days=3), worked_at=ago(days=3))
    assert codes(seen) == []


def test_a_connector_that_never_had_an_event_counts_from_when_it_was_made() -> None:
    assert codes(replace(WELL, event_at=None, created_at=ago(hours=47))) == []
    assert codes(replace(WELL, event_at=None, created_at=ago(hours=48)))


@pytest.mark.parametrize("mode", [Mode.IDLE, Mode.DISABLED])
def test_events_that_wait_while_nobody_works_are_told_of_days_before_they_are_lost(
    mode: Mode,
) -> None:
    seen = replace(WELL, mode=mode, health=HealthWord.UNKNOWN, worked_at=ago(days=10))
    assert codes(seen) == [("expiring", "events-expiring")]
    assert codes(replace(seen, worked_at=ago(days=9))) == []


def test_a_connector_that_never_worked_has_nothing_to_lose() -> None:
    assert codes(replace(WELL, mode=Mode.IDLE, worked_at=None)) == []


def test_a_message_that_has_been_failing_for_days_is_told_of_though_the_connector_works() -> None:
    seen = replace(WELL, oldest_at=ago(days=10))
    assert codes(seen) == [("expiring", "events-expiring")]


def test_a_shorter_retention_of_the_queue_is_told_of_sooner() -> None:
    seen = replace(WELL, oldest_at=ago(days=3), retention=timedelta(days=4))
    (finding,) = findings(seen, RULES, NOON)
    assert finding.sentence == (
        "Events wait for 3 days; the queue begins to lose them in 24 hours."
    )


def test_what_is_wrong_is_raised_once() -> None:
    found = findings(replace(WELL, dead_letters=1), RULES, NOON)
    first = changes(found, (), NOON)
    assert [one.code for one in first.raised] == ["dead-letters-waiting"]
    known = [Open("a1", "dead-letters", "dead-letters-waiting", None)]
    assert changes(found, known, NOON) == Changes()


def test_an_alert_is_over_when_nothing_of_it_was_seen_for_a_minute() -> None:
    open_ = Open("a1", "dead-letters", "dead-letters-waiting", None)
    assert changes((), [open_], NOON) == Changes(calmed=("a1",))
    calm = replace(open_, cleared_at=NOON)
    assert changes((), [calm], NOON + CALM / 2) == Changes()
    assert changes((), [calm], NOON + CALM) == Changes(over=("a1",))


def test_what_comes_back_within_the_minute_is_the_same_alert() -> None:
    found = findings(replace(WELL, dead_letters=1), RULES, NOON)
    calm = Open("a1", "dead-letters", "dead-letters-waiting", NOON)
    assert changes(found, [calm], NOON + CALM * 2) == Changes(back=("a1",))


def test_another_reason_for_the_same_trouble_is_another_alert() -> None:
    seen = replace(WELL, health=HealthWord.CRITICAL, code="lake-failing", health_since=NOON)
    change = changes(
        findings(seen, RULES, NOON), [Open("a1", "health", "queue-failing", None)], NOON
    )
    assert ([one.code for one in change.raised], change.calmed) == (["lake-failing"], ("a1",))


def test_every_kind_of_alert_can_be_found() -> None:
    seen = replace(
        WELL,
        health=HealthWord.CRITICAL,
        quarantined=1,
        quarantined_at=NOON,
        dead_letters=1,
        event_at=ago(days=11),
        worked_at=ago(days=11),
    )
    assert {kind for kind, _ in codes(seen)} == {kind.value for kind in AlertKind}
