"""Commands are carried out within two seconds, and each comes to an end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchling_connector.domain.commands import Action, CommandStatus, JobStatus
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.lifecycle import Mode
from benchling_connector.ports import Situation
from benchling_connector.worker.tools import Chosen
from tests.unit.workplace import KEYS, Item, Workplace

OWN = Configuration.model_validate(KEYS)
CUSTOM = "TetraScience.Connector.Benchling"
SUCCESS, FAILURE, REJECTED = (
    CommandStatus.SUCCESS,
    CommandStatus.FAILURE,
    CommandStatus.REJECTED,
)


@pytest.fixture
async def place() -> Workplace:
    made = Workplace()
    made.save(1)
    made.want(Situation(Mode.IDLE, 1, None))
    return made


@pytest.fixture
async def busy(place: Workplace) -> AsyncIterator[Workplace]:
    """A place with a worker that was heard of."""
    async with place.at_work():
        await place.clock.advance(2)
        yield place


async def answered(
    place: Workplace, action: str, body: object = None
) -> tuple[CommandStatus, dict[str, object]]:
    """What becomes of a command within two seconds."""
    place.send(action, body)
    await place.clock.advance(2)
    command = place.command()
    assert command.ended_at is not None
    assert isinstance(command.answer, dict)
    return command.status, command.answer


async def test_start_and_stop_make_it_look_at_once(busy: Workplace) -> None:
    busy.want(Situation(Mode.RUNNING, 1, None))
    assert await answered(busy, Action.START) == (SUCCESS, {"mode": "RUNNING"})
    await busy.clock.advance(1)
    assert busy.open_now == 1
    busy.want(Situation(Mode.IDLE, 1, None))
    assert await answered(busy, Action.STOP) == (SUCCESS, {"mode": "IDLE"})


async def test_a_shutdown_is_answered_before_the_worker_ends(place: Workplace) -> None:
    async with place.at_work() as running:
        await place.clock.advance(2)
        place.want(Situation(Mode.DISABLED, 1, None))
        place.send(Action.SHUTDOWN)
        await place.clock.advance(2)
        assert running.done()
    assert place.command().status is SUCCESS
    assert place.command().answer == {"mode": "DISABLED"}


async def test_a_command_that_comes_while_it_is_stopped_is_left_to_others(
    place: Workplace,
) -> None:
    async with place.at_work():
        await place.clock.advance(2)
        place.send(Action.START)
    assert place.command().status is CommandStatus.PENDING


async def test_an_update_tells_the_version_that_holds_from_now_on(busy: Workplace) -> None:
    busy.save(2)
    busy.want(Situation(Mode.IDLE, 2, None))
    assert await answered(busy, Action.UPDATE_CONFIG, {"x": 1}) == (SUCCESS, {"version": 2})


async def test_who_brought_its_own_configuration_takes_none(place: Workplace) -> None:
    async with place.at_work(own=OWN):
        await place.clock.advance(2)
        status, answer = await answered(place, Action.UPDATE_CONFIG)
        assert status is REJECTED
        assert "of its own" in str(answer["error"])


async def test_a_configuration_is_validated_without_being_saved(busy: Workplace) -> None:
    good = await answered(busy, Action.VALIDATE_CONFIG, {"config": KEYS})
    assert good == (SUCCESS, {"valid": True, "fields": []})
    status, answer = await answered(
        busy, Action.VALIDATE_CONFIG, {"config": {**KEYS, "benchling_ulr": "x"}}
    )
    assert (status, answer["valid"]) == (SUCCESS, False)
    fields = answer["fields"]
    assert isinstance(fields, list)
    assert [one["field"] for one in fields] == ["benchling_ulr"]


async def test_a_secret_that_a_form_leaves_out_is_the_one_that_holds(place: Workplace) -> None:
    keys = {key: value for key, value in KEYS.items() if key != "client_secret"}
    given: list[object] = []
    configure = place.configure

    async def noted(some: dict[str, object]) -> Configuration:
        given.append(some["client_secret"])
        return await configure(some)

    place.configure = noted  # type: ignore[assignment, method-assign]
    async with place.at_work():
        await place.clock.advance(2)
        status, answer = await answered(place, Action.VALIDATE_CONFIG, {"config": keys})
    assert (status, answer["valid"], set(given)) == (SUCCESS, True, {"s3cret"})


async def test_a_test_tells_each_item_and_is_valid_if_all_passed(busy: Workplace) -> None:
    status, answer = await answered(busy, Action.TEST_CONFIG)
    assert (status, answer["valid"]) == (SUCCESS, True)
    assert answer["items"] == [
        {"name": "benchling", "passed": True, "summary": "It was tested."},
        {"name": "queue", "passed": True, "summary": "It was tested."},
    ]
    busy.items[1] = Item("queue", False, "It is denied.", "Allow it.")
    status, answer = await answered(busy, Action.TEST_CONFIG, {"version": 1})
    assert (status, answer["valid"]) == (SUCCESS, False)
    assert answer["error"] == "These items failed: queue."
    items = answer["items"]
    assert isinstance(items, list)
    assert items[1]["remedy"] == "Allow it."


async def test_a_log_level_holds_for_all_workers(busy: Workplace) -> None:
    assert await answered(busy, Action.SET_LOG_LEVEL, {"level": "DEBUG"}) == (
        SUCCESS,
        {"level": "debug"},
    )
    assert busy.store.situation.log_level == "debug"
    assert busy.levels[-1] == "debug"


async def test_custom_commands_are_listed_with_what_they_take(busy: Workplace) -> None:
    _, answer = await answered(busy, Action.LIST_CUSTOM_COMMANDS)
    listed = answer["customCommands"]
    assert isinstance(listed, list)
    assert [one["action"] for one in listed] == [
        f"{CUSTOM}.{name}" for name in ("RetryQuarantine", "DiscardQuarantine", "RunCheck")
    ]
    assert "messageIds" in listed[0]["body"]["properties"]


async def test_what_is_not_known_is_rejected_with_what_is(busy: Workplace) -> None:
    status, answer = await answered(busy, "TetraScience.Connector.Restart")
    assert status is REJECTED
    actions = answer["actions"]
    assert isinstance(actions, list)
    assert set(Action) < set(actions)


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        (Action.START, {"now": True}, "now"),
        (Action.START, [1], "body"),
        (Action.SET_LOG_LEVEL, {"level": "loud"}, "level"),
        (Action.TEST_CONFIG, {"config": "x"}, "config"),
        (f"{CUSTOM}.RetryQuarantine", {"messageIds": []}, "messageIds"),
        (f"{CUSTOM}.RetryQuarantine", {"since": "yesterday"}, "since"),
        (f"{CUSTOM}.RetryQuarantine", {}, "body"),
        (f"{CUSTOM}.DiscardQuarantine", {"all": True}, "because"),
    ],
)
async def test_a_body_that_is_not_valid_is_rejected_with_the_field(
    busy: Workplace, action: str, body: object, field: str
) -> None:
    status, answer = await answered(busy, action, body)
    assert status is REJECTED
    fields = answer["fields"]
    assert isinstance(fields, list)
    assert field in [one["field"] for one in fields]


async def test_a_few_messages_are_retried_before_the_answer(busy: Workplace) -> None:
    body = {"messageIds": ["m-1", "m-9"]}
    assert await answered(busy, f"{CUSTOM}.RetryQuarantine", body) == (
        SUCCESS,
        {"done": 1, "failed": 1, "failures": [{"messageId": "m-9", "error": "Unknown."}]},
    )
    assert busy.retried == [(Chosen(("m-1", "m-9")), "ann")]


async def test_many_messages_are_a_job(busy: Workplace) -> None:
    body = {"reason": "event-not-*", "because": "noise"}
    status, answer = await answered(busy, f"{CUSTOM}.DiscardQuarantine", body)
    assert status is SUCCESS
    job = busy.store.jobs[str(answer["jobId"])]
    assert (job.kind, job.status, job.done) == ("DiscardQuarantine", JobStatus.SUCCESS, 2)
    assert job.answer == {"done": 2, "failed": 0, "failures": []}
    assert busy.discarded == [(Chosen((), "event-not-*"), "noise", "ann")]


async def test_a_job_tells_how_far_it_is(place: Workplace) -> None:
    seen: list[int] = []

    async def check(_: Configuration) -> AsyncIterator[Item]:
        for number in range(5):
            await place.clock.sleep(2)
            seen.append(next(iter(place.store.jobs.values())).done)
            yield Item(str(number), passed=True)

    place.check = check  # type: ignore[method-assign]
    async with place.at_work():
        await place.clock.advance(2)
        place.send(f"{CUSTOM}.RunCheck")
        await place.clock.advance(15)
    assert seen == [0, 1, 2, 3, 4]
    (job,) = place.store.jobs.values()
    assert (job.status, job.done) == (JobStatus.SUCCESS, 5)


async def test_a_long_command_does_not_keep_others_waiting(busy: Workplace) -> None:
    busy.hangs = asyncio.Event()
    busy.send(Action.TEST_CONFIG, command_id="long")
    await busy.clock.advance(2)
    assert await answered(busy, Action.START) == (SUCCESS, {"mode": "IDLE"})
    assert busy.command("long").status is CommandStatus.PROCESSING
    busy.hangs.set()
    await busy.clock.advance(1)
    assert busy.command("long").status is SUCCESS


async def test_what_a_worker_that_ends_has_not_done_is_answered_so(place: Workplace) -> None:
    place.hangs = asyncio.Event()
    async with place.at_work():
        await place.clock.advance(2)
        place.send(Action.TEST_CONFIG, command_id="test")
        place.send(f"{CUSTOM}.RunCheck", command_id="check")
        await place.clock.advance(2)
    test = place.command("test")
    assert test.status is FAILURE
    assert isinstance(test.answer, dict)
    assert test.answer["code"] == "command-interrupted"
    (job,) = place.store.jobs.values()
    assert job.status is JobStatus.FAILURE


async def test_an_answer_waits_for_a_home_that_is_away(busy: Workplace) -> None:
    busy.home.faults.before("answer", TransientError("database-failing"), 5)
    busy.send(Action.START)
    await busy.clock.advance(3)
    assert busy.command().status is CommandStatus.PROCESSING
    await busy.clock.advance(5)
    assert busy.command().status is SUCCESS


async def test_nothing_is_taken_before_the_worker_was_heard_of(place: Workplace) -> None:
    place.home.faults.before("beat", TransientError("database-failing"), None)
    place.send(Action.START)
    async with place.at_work():
        await place.clock.advance(20)
        assert place.command().status is CommandStatus.PENDING
        place.home.faults.clear()
        await place.clock.advance(2)
        assert place.command().status is SUCCESS
