"""An error's family decides what becomes of a message, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.domain.errors import ConfigurationError, PermanentError, TransientError
from benchling_connector.domain.fate import Quarantine, Release, fate_of, release_delay


def test_what_can_never_succeed_is_quarantined_and_nothing_else() -> None:
    assert isinstance(fate_of(PermanentError("event-not-json"), 99, 0.5), Quarantine)
    assert isinstance(fate_of(TransientError("lake-failing"), 99, 0.5), Release)
    assert isinstance(fate_of(ConfigurationError("queue-access-denied"), 99, 0.5), Release)


def test_the_reason_is_the_code_and_the_sentence() -> None:
    assert fate_of(TransientError("lake-failing", "Disk full."), 1, 0).reason == (
        "lake-failing: Disk full."
    )
    assert fate_of(PermanentError("event-not-json", "No."), 1, 0) == Quarantine(
        "event-not-json: No."
    )


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_delay_grows_and_has_an_end(count, jitter) -> None:
    delay = release_delay(count, jitter)
    assert 2.5 <= delay <= 900
    assert release_delay(count + 1, jitter) >= delay


def test_the_delay_doubles_from_five_seconds() -> None:
    assert [release_delay(n, 0.999999) // 0.9999 for n in (1, 2, 3)] == [5, 10, 20]


def test_a_claim_that_was_lost_says_nothing_against_the_message() -> None:
    lost = fate_of(TransientError("claim-lost"), 9, 0.5)
    assert isinstance(lost, Release)
    assert lost.delay_s == release_delay(1, 0.5)


def test_a_time_that_the_other_side_names_is_honoured_within_reason() -> None:
    named = fate_of(TransientError("benchling-failing", retry_after=120), 1, 0)
    assert isinstance(named, Release)
    assert named.delay_s == 120
    far = fate_of(TransientError("benchling-failing", retry_after=10**9), 1, 0)
    assert isinstance(far, Release)
    assert far.delay_s == 900
