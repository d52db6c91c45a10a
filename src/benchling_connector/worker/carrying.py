"""Carrying commands out: each on its own, beside the others, and each comes to an end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from pydantic import BaseModel, ValidationError

from benchling_connector.domain.commands import Command, CommandStatus, JobStatus
from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.ports import Clock, Home
from benchling_connector.worker.commands import Long, Rejected, Understood

__all__ = ["Carrying"]

PROGRESS_EVERY_S = 1.0
ANSWER_AGAIN_S = 1.0
GRACE_S = 0.3
"""For what is about to end when the worker does."""

log = structlog.get_logger()


class Carrying:
    """The commands of one worker."""

    def __init__(self, home: Home, clock: Clock, understood: Mapping[str, Understood]) -> None:
        self._home = home
        self._clock = clock
        self._understood = understood
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self) -> None:
        """Takes what waits, and begins with it. Raises `TransientError`."""
        for command in await self._home.take(self._clock.now()):
            log.info("command.taken", command_id=command.command_id, command=command.action)
            task = asyncio.create_task(self._carry_out(command))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Interrupts what does not end by itself in a moment, and answers that it did not."""
        if not self._tasks:
            return
        grace = asyncio.ensure_future(self._clock.sleep(GRACE_S))
        ending = asyncio.ensure_future(asyncio.wait(self._tasks))
        await asyncio.wait([grace, ending], return_when=asyncio.FIRST_COMPLETED)
        for task in (grace, ending, *self._tasks):
            task.cancel()
        await asyncio.gather(grace, ending, *self._tasks, return_exceptions=True)

    async def _carry_out(self, command: Command) -> None:
        status, answer = await self._result(command)
        if isinstance(answer, Long):
            await self._as_job(command, answer)
        else:
            await self._answer(command, status, answer)

    async def _result(self, command: Command) -> tuple[CommandStatus, object]:
        one = self._understood.get(command.action)
        if one is None:
            known = sorted(self._understood)
            error = f"The action {command.action!r} is not known here."
            return CommandStatus.REJECTED, {"error": error, "actions": known}
        try:
            body = one.body.model_validate({} if command.body is None else command.body)
        except ValidationError as error:
            return CommandStatus.REJECTED, _wrong(one.body, error)
        try:
            return CommandStatus.SUCCESS, await one.handle(command, body)
        except Rejected as error:
            return CommandStatus.REJECTED, {"error": str(error)}
        except ConnectorError as error:
            return CommandStatus.FAILURE, _failure(error.code, error.sentence)
        except asyncio.CancelledError:
            return CommandStatus.FAILURE, _failure("command-interrupted")
        except Exception:
            log.exception("command.failed", command_id=command.command_id)
            return CommandStatus.FAILURE, _failure("connector-failing")

    async def _as_job(self, command: Command, long: Long) -> None:
        try:
            job_id = await self._home.begin_job(long.kind, command, long.total, self._clock.now())
        except TransientError as error:
            failure = _failure(error.code, error.sentence)
            await self._answer(command, CommandStatus.FAILURE, failure)
            return
        done = 0

        def step() -> None:
            nonlocal done
            done += 1

        telling = asyncio.create_task(self._tell(job_id, lambda: done))
        status = JobStatus.FAILURE
        answer: object = _failure("command-interrupted")
        try:
            answer, status = await long.work(step), JobStatus.SUCCESS
        except ConnectorError as error:
            answer = _failure(error.code, error.sentence)
        except asyncio.CancelledError:
            pass
        except Exception:
            log.exception("command.failed", command_id=command.command_id)
            answer = _failure("connector-failing")
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        message = answer.get("error") if isinstance(answer, dict) else None
        await self._insist(
            lambda: self._home.progress(
                job_id,
                self._clock.now(),
                done=done,
                message=message if isinstance(message, str) else None,
                status=status,
                answer=answer,
            )
        )

    async def _tell(self, job_id: str, done: Callable[[], int]) -> None:
        """How far it is, now and then. Runs until it is cancelled."""
        told = 0
        while True:
            await self._clock.sleep(PROGRESS_EVERY_S)
            if done() != told:
                told = done()
                try:
                    await self._home.progress(job_id, self._clock.now(), done=told)
                except TransientError:
                    continue

    async def _answer(self, command: Command, status: CommandStatus, answer: object) -> None:
        log.info("command.answered", command_id=command.command_id, status=status.value)
        await self._insist(
            lambda: self._home.answer(command.command_id, status, answer, self._clock.now())
        )

    async def _insist(self, call: Callable[[], Awaitable[None]]) -> None:
        """A command without its answer would hang for as long as this worker lives."""
        while True:
            try:
                return await call()
            except TransientError:
                await self._clock.sleep(ANSWER_AGAIN_S)


def _failure(code: str, sentence: str | None = None) -> dict[str, object]:
    problem = PROBLEMS[code]
    return {"code": code, "error": sentence or problem.title, "remedy": problem.remedy}


def _wrong(body: type[BaseModel], error: ValidationError) -> dict[str, object]:
    """What is wrong with a body, field by field; what stands in it is not repeated."""
    fields = [
        {"field": ".".join(map(str, one["loc"])) or "body", "error": one["msg"]}
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    names = ", ".join(dict.fromkeys(one["field"] for one in fields))
    return {
        "error": f"The body is not valid: {names}.",
        "fields": fields,
        "schema": body.model_json_schema(),
    }
