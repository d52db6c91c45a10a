"""Every state of a connector, every wish in it, and what is seen of it."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from benchling_connector.domain.commands import (
    ENDED,
    CommandStatus,
    may_follow,
)
from benchling_connector.domain.commands import TRANSITIONS as COMMAND_TRANSITIONS
from benchling_connector.domain.lifecycle import (
    GONE,
    TRANSITIONS,
    Connection,
    HealthWord,
    Mode,
    Network,
    Observed,
    Refusal,
    Wish,
    connection_of,
    health_of,
    moved,
    network_of,
    runs,
)
from benchling_connector.domain.problems import PROBLEMS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEALTHY, WARNING, CRITICAL, UNKNOWN = HealthWord


def test_the_table_has_every_wish_in_every_mode() -> None:
    assert set(TRANSITIONS) == set(product(Mode, Wish))


def test_what_is_refused_is_a_problem_with_a_remedy() -> None:
    refusals = {after.code for after in TRANSITIONS.values() if isinstance(after, Refusal)}
    assert refusals == {"connector-disabled", "connector-enabled"}
    assert refusals <= set(PROBLEMS)


def test_from_every_mode_every_other_can_be_reached() -> None:
    steps = {
        (before, after)
        for (before, _), after in TRANSITIONS.items()
        if isinstance(after, Mode) and before is not after
    }
    reached = {
        mode: {after for before, after in steps if before is mode}
        | {last for first, middle in steps if first is mode for b, last in steps if b is middle}
        for mode in Mode
    }
    assert all(reached[mode] >= set(Mode) - {mode} for mode in Mode)


def test_only_a_disabled_connector_can_be_deleted() -> None:
    deletions = {mode: TRANSITIONS[mode, Wish.DELETE] for mode in Mode}
    assert {mode for mode, after in deletions.items() if after == GONE} == {Mode.DISABLED}


@pytest.mark.parametrize(("mode", "wish"), list(product(Mode, Wish)))
def test_a_wish_that_is_granted_twice_changes_nothing_the_second_time(
    mode: Mode, wish: Wish
) -> None:
    after = moved(mode, wish, configured=True)
    if isinstance(after, Mode):
        assert moved(after, wish, configured=True) is after


@pytest.mark.parametrize(("mode", "wish"), list(product(Mode, Wish)))
def test_without_a_configuration_nothing_else_changes_than_that_it_cannot_be_started(
    mode: Mode, wish: Wish
) -> None:
    after = moved(mode, wish, configured=False)
    if (mode, wish) == (Mode.IDLE, Wish.START):
        assert after == Refusal("connector-not-configured")
    else:
        assert after == moved(mode, wish, configured=True) == TRANSITIONS[mode, wish]


@pytest.mark.parametrize("mode", list(Mode))
def test_connection_is_disabled_with_the_mode_of_that_name_and_no_worker_runs_then(
    mode: Mode,
) -> None:
    disabled = mode is Mode.DISABLED
    assert (connection_of(mode) is Connection.DISABLED) == disabled
    assert runs(mode) != disabled


@pytest.mark.parametrize(
    ("seconds_ago", "has_ended", "network"),
    [
        (0, False, Network.ONLINE),
        (90, False, Network.ONLINE),
        (90.001, False, Network.OFFLINE),
        (0, True, Network.OFFLINE),
        (None, False, Network.OFFLINE),
        (None, True, Network.OFFLINE),
        (-5, False, Network.ONLINE),  # its clock is ahead
    ],
)
def test_a_worker_is_online_until_three_heartbeats_were_missed_or_it_ended(
    seconds_ago: float | None, has_ended: bool, network: Network
) -> None:
    seen_at = None if seconds_ago is None else NOW - timedelta(seconds=seconds_ago)
    assert network_of(seen_at, NOW if has_ended else None, NOW) is network


REPORTS = [
    (),
    (HEALTHY,),
    (WARNING,),
    (CRITICAL,),
    (UNKNOWN,),
    (HEALTHY, WARNING),
    (HEALTHY, CRITICAL, UNKNOWN),
    (UNKNOWN, HEALTHY),
]


@pytest.mark.parametrize(
    ("mode", "reported", "trouble", "lost"),
    list(product(Mode, REPORTS, (False, True), (False, True))),
)
def test_health_in_every_situation(
    mode: Mode, reported: tuple[HealthWord, ...], trouble: bool, lost: bool
) -> None:
    order = (UNKNOWN, HEALTHY, WARNING, CRITICAL)
    if mode is Mode.DISABLED:
        wanted = UNKNOWN
    elif trouble or (lost and not reported and mode is Mode.RUNNING):
        wanted = CRITICAL
    else:
        wanted = max((UNKNOWN, *reported), key=order.index)
    assert health_of(Observed(mode, reported, trouble, lost)) is wanted


# Commands


def test_the_table_has_every_state_of_a_command() -> None:
    assert set(COMMAND_TRANSITIONS) == set(CommandStatus)


@pytest.mark.parametrize("status", list(CommandStatus))
def test_a_command_ends_once_and_can_end_from_everywhere_else(status: CommandStatus) -> None:
    followers = {then for then in CommandStatus if may_follow(status, then)}
    assert (followers == set()) == (status in ENDED)
    assert status in ENDED or followers & ENDED
    assert status not in followers


def test_what_is_being_carried_out_does_not_expire() -> None:
    assert not may_follow(CommandStatus.PROCESSING, CommandStatus.EXPIRED)
    for status in (CommandStatus.CREATED, CommandStatus.PENDING):
        assert may_follow(status, CommandStatus.EXPIRED)
