"""Between one worker and the world: each call goes there, acts, and comes back, step by step.

Each of the three is a step of the loop of its own, so that a worker can be killed between any two:
before, and nothing has happened; after, and it has happened, and the answer never arrives.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchling_connector.domain.answer import Answer
from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.domain.plan import Call
from benchling_connector.ports import Delivery
from tests.simulation.faults import Lot, mangled

if TYPE_CHECKING:
    from tests.simulation.world import Worker, World

__all__ = ["Request", "Wire"]

BATCHES = {"acknowledge", "release", "extend"}


class Wire:
    """Stands for one port, with all its methods."""

    def __init__(self, world: "World", worker: "Worker", name: str, port: Any) -> None:
        self._world, self._worker, self._name, self._port = world, worker, name, port

    def share(self, workers: int) -> None:
        """Nothing leaves the worker."""
        self._port.share(workers)

    def pace(self, waiting: int, rate: float) -> float:
        """Goes nowhere, either."""
        pace: float = self._port.pace(waiting, rate)
        return pace

    def __getattr__(self, method: str) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            world, worker = self._world, self._worker
            if world.over:  # the dead are being buried
                raise asyncio.CancelledError
            lot = world.faults.draw(self._name, method)
            lot = replace(lot, error=_one_of_its_own(lot.error))
            request = Request(world, worker, self._name, method, (*arguments, *named.values()), lot)
            request.send(self._port)
            try:
                return await request.answer
            except asyncio.CancelledError:
                request.abandon()
                raise

        self.__dict__[method] = call
        return call


class Request:
    """One call under way."""

    def __init__(
        self,
        world: "World",
        worker: "Worker",
        port: str,
        method: str,
        arguments: tuple[Any, ...],
        lot: Lot,
    ) -> None:
        self.port, self.method, self.arguments, self.lot = port, method, arguments, lot
        self.answer: asyncio.Future[Any] = world.loop.create_future()
        self._world, self._worker = world, worker
        self._under_way: Any = None
        self._port: Any = None
        self._act: Callable[..., Coroutine[Any, Any, Any]]

    def send(self, port: Any) -> None:
        """It leaves the worker."""
        self._port, self._act = port, getattr(port, self.method)
        self._worker.requests[self] = None
        self._note("asks", told(self.arguments))
        self._later(self.lot.there_s, self._arrive)

    def abandon(self) -> None:
        """Nobody waits for the answer any more. It acts all the same, or it never left."""
        if self in self._worker.requests and not self._world.over:
            if self._world.chance.random() < 0.5:
                self.drop()
            else:
                self._note("abandoned", "")

    def drop(self) -> None:
        """It never left."""
        self._worker.requests.pop(self, None)
        if self._under_way is not None:
            self._under_way.cancel()

    def _later(self, seconds: float, step: Callable[..., None], *arguments: Any) -> None:
        loop, context = self._world.loop, self._world.context
        if seconds > 0:
            self._under_way = loop.call_later(seconds, step, *arguments, context=context)
        else:
            self._under_way = loop.call_soon(step, *arguments, context=context)

    def _arrive(self) -> None:
        if self.lot.error is not None and not self.lot.acts:
            self._return(None, self.lot.error)
        elif self.method == "receive":
            loop = self._world.loop
            task = loop.create_task(self._act(*self.arguments), context=self._world.context)
            task.add_done_callback(self._received, context=self._world.context)
            self._under_way = task
        elif self.method in BATCHES:
            entries = sorted(self.arguments[0], key=lambda one: _delivery(one).message_id)
            self._next_entry(entries, [])
        else:
            if self.port == "ledger" and (self.lot.error or self.answer.done()):
                # The ledger's adapter must know that it got no answer: it asks differently then.
                error = self.lot.error or TransientError("database-failing")
                self._port.faults.after(self.method, error)
            try:
                result = _at_once(self._act(*self.arguments))
            except ConnectorError as error:
                if self.lot.error is not None:
                    self._world.happened(self._worker, self, None)
                self._return(None, error)
                return
            self._world.happened(self._worker, self, result)
            self._return(result, self.lot.error)

    def _received(self, task: asyncio.Task[Sequence[Delivery]]) -> None:
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            assert isinstance(error, ConnectorError), error
            self._return(None, error)
        else:
            self._world.happened(self._worker, self, task.result())
            self._return(task.result(), self.lot.error)

    def _next_entry(self, entries: list[Any], failed: list[Delivery]) -> None:
        """A batch acts entry by entry, and some of them may fail."""
        if not entries:
            self._return(failed, self.lot.error)
            return
        entry, rest = entries[0], entries[1:]
        lot = self._world.faults.entry()
        refused = [_delivery(entry)]
        if lot.acts:
            refused = list(_at_once(self._act([entry], *self.arguments[1:])))
            if not refused:
                self._world.entry_happened(self._worker, self, _delivery(entry))
        if refused or lot.error is not None:
            failed.append(_delivery(entry))
        self._later(0, self._next_entry, rest, failed)

    def _return(self, result: Any, error: ConnectorError | None) -> None:
        self._note("acted" if error is None else f"failed {error.code}", told(result))
        if self.lot.mangling and isinstance(result, Answer):
            alone = len(self.arguments[0].keys) == 1
            result = mangled(result, self.lot.mangling, alone=alone)
        self._later(self.lot.back_s, self._answer, result, error)

    def _answer(self, result: Any, error: ConnectorError | None) -> None:
        self._worker.requests.pop(self, None)
        if self.answer.done():
            return
        if error is not None:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(result)

    def _note(self, what: str, details: Any) -> None:
        self._world.note(self._worker.name, f"{self.port}.{self.method}", what, details)


def told(value: Any) -> str:
    """A value as the trace shows it."""
    if isinstance(value, Delivery):
        return f"{value.message_id}#{value.receive_count}"
    if isinstance(value, Call):
        return f"{value.path}[{','.join(key.id or '?' for key in value.keys)}]"
    if isinstance(value, Answer):
        return f"{value.status} {len(value.body)} bytes"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, datetime):
        return f"{value:%H:%M:%S.%f}"
    if isinstance(value, frozenset | set):
        return "{" + ", ".join(sorted(map(told, value))) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(told, value)) + ")"
    if hasattr(value, "verdict"):
        return f"{value.verdict.value}/{value.attempts}"
    if hasattr(value, "event"):
        return str(value.event.id)
    for name in ("file_id", "event_id", "message_id"):
        if hasattr(value, name):
            return str(getattr(value, name))
    return str(value)


def _one_of_its_own(error: ConnectorError | None) -> ConnectorError | None:
    """The same error anew: one that is raised holds on to the world in which it was."""
    if isinstance(error, TransientError):
        return TransientError(error.code, error.sentence, retry_after=error.retry_after)
    return copy(error)


def _delivery(entry: Any) -> Delivery:
    delivery: Delivery = entry if isinstance(entry, Delivery) else entry[0]
    return delivery


def _at_once(act: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that does not wait for anything."""
    try:
        act.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError(f"{act} waits for something")
