"""A worker does what its home wants, tells how it is, and loses nothing when that changes."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from benchling_connector.domain.commands import CommandStatus
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import (
    ConfigurationError,
    InvalidConfiguration,
    TransientError,
)
from benchling_connector.domain.lifecycle import Mode
from benchling_connector.ports import Situation
from benchling_connector.worker.secret import SAY_EVERY_S
from tests.unit.workplace import KEYS, Workplace

OWN = Configuration.model_validate(KEYS)
WITHOUT_SECRET = Configuration.model_validate({**KEYS, "client_secret": "", "http_port": 9000})
IDLE, RUNNING, DISABLED = (Situation(mode, 1, None) for mode in Mode)
DENIED = ConfigurationError("queue-access-denied")
AWAY = TransientError("database-failing", "It is away.")


@pytest.fixture
def place() -> Workplace:
    made = Workplace()
    made.save(1)
    return made


def said(place: Workplace) -> dict[str, Any]:
    """The last report of the worker."""
    document: dict[str, Any] = json.loads(place.store.workers["w1"].beat.report)
    return document


async def test_without_a_configuration_it_waits_and_its_health_is_unknown(
    place: Workplace,
) -> None:
    place.want(Situation(Mode.IDLE, None, None))
    async with place.at_work():
        await place.clock.advance(2)
        assert place.opened == []
        assert said(place)["health"] == "N/A"
        assert said(place)["counts"] == {"stored": 0}
        assert place.store.workers["w1"].beat.mode is Mode.IDLE


async def test_idle_it_opens_nothing_and_is_healthy_once_it_is_configured(
    place: Workplace,
) -> None:
    place.want(IDLE)
    place.street.send("evt_1", "etr_1")
    async with place.at_work():
        await place.clock.advance(60)
        assert (place.opened, place.street.queue.visible) == ([], 1)
        assert said(place)["health"] == "HEALTHY"


async def test_it_runs_and_rests_as_is_wanted(place: Workplace) -> None:
    place.want(IDLE)
    place.street.send("evt_1", "etr_1")
    async with place.at_work():
        await place.clock.advance(5)
        place.want(RUNNING)
        await place.clock.advance(5)
        assert place.opened == ["app"]
        assert len(place.street.lake.objects) == 1
        beat = place.store.workers["w1"].beat
        assert (beat.mode, beat.config_version) == (Mode.RUNNING, 1)

        place.want(IDLE)
        await place.clock.advance(5)
        place.street.send("evt_2", "etr_1")
        await place.clock.advance(60)
        assert (place.open_now, place.street.queue.visible) == (0, 1)
        assert place.store.workers["w1"].beat.mode is Mode.IDLE


async def test_a_new_version_is_opened_when_the_old_one_has_settled_everything(
    place: Workplace,
) -> None:
    place.save(2, client_id="new")
    place.want(RUNNING)
    place.street.benchling.delays["entry"] = 3.0
    async with place.at_work():
        await place.clock.advance(1)
        for number in range(30):
            place.street.send(f"evt_{number}", f"etr_{number}")
        await place.clock.advance(2)
        assert place.street.queue.in_flight
        place.want(Situation(Mode.RUNNING, 2, None))
        await place.clock.advance(120)
        assert place.opened == ["app", "new"]
        assert place.street.queue.messages == ()
        assert place.street.stored() == {f"evt_{number}": 1 for number in range(30)}


async def test_its_own_configuration_is_opened_at_once_where_nobody_wants_anything_else(
    place: Workplace,
) -> None:
    place.want(Situation(Mode.RUNNING, None, None))
    async with place.at_work(own=OWN):
        assert place.opened == ["app"]
        await place.clock.advance(2)
        beat = place.store.workers["w1"].beat
        assert (beat.mode, beat.config_version) == (Mode.RUNNING, None)


async def test_with_its_own_configuration_it_takes_no_message_unless_that_is_wanted(
    place: Workplace,
) -> None:
    place.want(IDLE)
    place.street.send("evt_1", "etr_1")
    async with place.at_work(own=OWN):
        await place.clock.advance(60)
        assert place.street.queue.visible == 1
        assert place.open_now == 0


async def test_a_version_of_the_home_does_not_trouble_who_brought_its_own(
    place: Workplace,
) -> None:
    place.want(RUNNING)
    async with place.at_work(own=OWN):
        await place.clock.advance(2)
        place.want(Situation(Mode.RUNNING, 2, None))
        await place.clock.advance(60)
        assert place.opened == ["app"]


async def test_disabled_it_settles_everything_leaves_and_ends(place: Workplace) -> None:
    place.want(RUNNING)
    async with place.at_work() as running:
        await place.clock.advance(2)
        place.want(DISABLED)
        await place.clock.advance(30)
        assert running.done()
        assert running.result() is None
        assert place.open_now == 0
        assert place.store.workers["w1"].ended_at is not None


async def test_stopped_it_leaves(place: Workplace) -> None:
    place.want(RUNNING)
    async with place.at_work():
        await place.clock.advance(2)
        assert place.store.workers["w1"].ended_at is None
    assert place.store.workers["w1"].ended_at is not None
    assert place.open_now == 0


@pytest.mark.parametrize(("wanted", "seconds"), [(RUNNING, 10), (IDLE, 30)])
async def test_it_is_heard_of_every_ten_seconds_and_at_rest_every_thirty(
    place: Workplace, wanted: Situation, seconds: int
) -> None:
    place.want(wanted)
    async with place.at_work():
        for _ in range(6):
            await place.clock.advance(seconds)
            seen = place.store.workers["w1"].seen_at
            assert (place.clock.now() - seen).total_seconds() <= seconds + 1


@pytest.mark.parametrize(("wanted", "seconds"), [(RUNNING, 10), (IDLE, 30)])
async def test_what_is_measured_is_written_down_as_often(
    place: Workplace, wanted: Situation, seconds: int
) -> None:
    place.want(wanted)
    async with place.at_work():
        await place.clock.advance(30)
        assert place.store.samples == []  # there was nothing yet
        place.measured = {"files": 3.0}
        await place.clock.advance(6 * seconds)
        assert [values for _, values in place.store.samples] == [{"files": 3.0}] * 6


async def test_what_does_not_open_is_critical_and_tried_again_with_growing_pauses(
    place: Workplace,
) -> None:
    place.want(RUNNING)
    place.refusals = [DENIED] * 3
    async with place.at_work():
        await place.clock.advance(1.5)
        assert len(place.refusals) == 2
        await place.clock.advance(1)
        assert said(place)["health"] == "CRITICAL"
        assert said(place)["code"] == "queue-access-denied"
        assert said(place)["remedy"] == DENIED.remedy
        await place.clock.advance(1)
        assert len(place.refusals) == 1
        await place.clock.advance(2)
        assert len(place.refusals) == 1
        await place.clock.advance(1)
        assert len(place.refusals) == 0
        await place.clock.advance(8)
        assert place.opened == ["app"]
        await place.clock.advance(40)
        assert said(place)["health"] == "HEALTHY"


async def test_a_new_version_is_tried_at_once_whatever_the_old_one_waits_for(
    place: Workplace,
) -> None:
    place.want(RUNNING)
    place.save(2, client_id="mended")
    place.refusals = [DENIED] * 8
    async with place.at_work():
        await place.clock.advance(400)
        place.refusals.clear()
        place.want(Situation(Mode.RUNNING, 2, None))
        await place.clock.advance(2)
        assert place.opened == ["mended"]


async def test_what_fails_when_something_else_is_wanted_by_then_is_not_waited_for(
    place: Workplace,
) -> None:
    place.want(RUNNING)
    place.save(2, client_id="mended")
    configure = place.configure

    async def slowly(keys: Mapping[str, object]) -> Configuration:
        if keys["client_id"] == "app":
            # The new version is known before the old one fails, in the same moment.
            place.want(Situation(Mode.RUNNING, 2, None))
            await worker._look()
            raise DENIED
        return await configure(keys)

    place.configure = slowly  # type: ignore[method-assign]
    worker = place.worker()
    running = asyncio.create_task(worker.run())
    await place.clock.advance(1.5)
    assert place.opened == ["mended"]
    worker.stop()
    await place.clock.advance(5)
    assert running.done()


async def test_a_configuration_of_its_own_that_does_not_open_at_the_start_ends_it(
    place: Workplace,
) -> None:
    place.want(Situation(Mode.RUNNING, None, None))
    place.refusals = [DENIED]
    with pytest.raises(ConfigurationError):
        await place.clock.run(place.worker(own=OWN).run())
    assert place.opened == []


async def test_one_that_does_not_open_later_is_tried_again(place: Workplace) -> None:
    place.want(IDLE)
    async with place.at_work(own=OWN) as running:
        await place.clock.advance(2)
        place.refusals = [DENIED]
        place.want(RUNNING)
        await place.clock.advance(10)
        assert not running.done()
        assert (place.refusals, place.opened) == ([], ["app"])


async def test_while_its_home_is_away_it_goes_on_with_what_it_knows(place: Workplace) -> None:
    place.want(RUNNING)
    async with place.at_work() as running:
        await place.clock.advance(2)
        for method in ("situation", "beat", "take", "tidy"):
            place.home.faults.before(method, AWAY, None)
        place.street.send("evt_1", "etr_1")
        await place.clock.advance(300)
        assert not running.done()
        assert len(place.street.lake.objects) == 1

        place.home.faults.clear()
        place.want(IDLE)
        await place.clock.advance(2)
        assert place.open_now == 0
        assert place.store.workers["w1"].beat.mode is Mode.IDLE


async def test_it_leaves_in_a_moment_though_its_home_is_away(place: Workplace) -> None:
    place.want(IDLE)
    async with place.at_work():
        await place.clock.advance(2)
        place.home.faults.before("leave", AWAY, None)
        began = place.clock.monotonic()
    assert place.clock.monotonic() - began <= 3


async def test_probes_are_answered_idle_as_well_and_move_with_the_configuration(
    place: Workplace,
) -> None:
    place.want(Situation(Mode.IDLE, None, None))
    place.save(1, http_port=9001)
    place.save(2, http_port=9002)
    async with place.at_work(port=9000):
        await place.clock.advance(1)
        assert place.ports == [9000]
        for wanted, port in ((IDLE, 9001), (RUNNING, 9001), (Situation(Mode.IDLE, 2, None), 9002)):
            place.want(wanted)
            await place.clock.advance(30)
            assert place.ports == [port]
    assert place.ports == []


async def test_the_log_is_as_loud_as_is_wanted(place: Workplace) -> None:
    place.want(Situation(Mode.IDLE, 1, "debug"))
    async with place.at_work():
        await place.clock.advance(1)
        assert place.levels[-1] == "debug"
        place.want(IDLE)
        await place.clock.advance(1)
        assert place.levels[-1] is None


async def test_drained_it_ends(place: Workplace) -> None:
    place.want(Situation(Mode.RUNNING, None, None))
    place.street.send("evt_1", "etr_1")
    await place.clock.run(place.worker(own=OWN, drain=5).run())
    assert len(place.street.lake.objects) == 1


async def test_idle_there_is_nothing_to_drain(place: Workplace) -> None:
    place.want(IDLE)
    await place.clock.run(place.worker(own=OWN, drain=5).run())
    assert place.clock.monotonic() < 10


async def test_it_ends_while_it_still_opens(place: Workplace) -> None:
    place.want(RUNNING)
    never = asyncio.Event()

    async def configure(keys: Mapping[str, object]) -> Configuration:
        await never.wait()
        raise AssertionError

    place.configure = configure  # type: ignore[method-assign]
    async with place.at_work() as running:
        await place.clock.advance(5)
        assert not running.done()
    assert place.opened == []


async def test_while_its_client_secret_is_empty_it_is_critical_and_opens_nothing(
    place: Workplace,
) -> None:
    place.want(RUNNING)
    place.street.send("evt_1", "etr_1")
    async with place.at_work(own=WITHOUT_SECRET, drain=5) as running:
        await place.clock.advance(60)
        assert (said(place)["health"], said(place)["code"]) == ("CRITICAL", "client-secret-missing")
        assert (place.opened, place.street.queue.visible, place.ports) == ([], 1, [9000])
        place.own_again = OWN
        await place.clock.run(_ended(running))
    assert place.opened == ["app"]
    assert (place.street.queue.visible, said(place)["health"]) == (0, "HEALTHY")


async def test_a_secret_that_is_filled_in_is_found_while_it_rests(place: Workplace) -> None:
    place.want(IDLE)
    async with place.at_work(own=WITHOUT_SECRET):
        await place.clock.advance(5)
        assert said(place)["health"] == "CRITICAL"
        place.own_again = OWN
        await place.clock.advance(5)
        assert (said(place)["health"], place.opened) == ("HEALTHY", [])
        place.want(RUNNING)
        await place.clock.advance(2)
        assert place.opened == ["app"]


async def test_disabled_it_waits_for_no_secret(place: Workplace) -> None:
    place.want(RUNNING)
    async with place.at_work(own=WITHOUT_SECRET) as running:
        await place.clock.advance(5)
        place.want(DISABLED)
        await place.clock.run(_ended(running))
    assert place.store.workers["w1"].ended_at is not None


async def test_without_its_secret_it_takes_commands_and_says_what_it_cannot(
    place: Workplace,
) -> None:
    place.want(RUNNING)
    async with place.at_work(own=WITHOUT_SECRET):
        place.send("TetraScience.Connector.ListCustomCommands", command_id="a")
        place.send("TetraScience.Connector.TestConfig", command_id="b")
        await place.clock.advance(5)
        assert place.command("a").status is CommandStatus.SUCCESS
        failed = place.command("b")
        assert failed.status is CommandStatus.FAILURE
        assert isinstance(failed.answer, dict)
        assert failed.answer["code"] == "client-secret-missing"


async def test_waiting_for_a_secret_is_said_now_and_then_and_when_something_else_is_wrong(
    place: Workplace,
) -> None:
    place.want(RUNNING)
    with capture_logs() as lines:
        async with place.at_work(own=WITHOUT_SECRET):
            await place.clock.advance(2 * SAY_EVERY_S + 1)
            place.own_again = InvalidConfiguration([])
            await place.clock.advance(10)
    codes = [line["code"] for line in lines if line["event"] == "secret.awaited"]
    assert codes == ["client-secret-missing"] * 3 + ["configuration-invalid"]


async def _ended(running: asyncio.Task[None]) -> None:
    await running
