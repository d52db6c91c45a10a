"""The promise of `docs/explanation/delivery.md`, and whether a world keeps it.

It is told what was sent, and looks at the queue, the lake and the ledger: never at the engine.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from benchling_connector.adapters.memory.ledger_store import KnownFile
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import Event, decode
from benchling_connector.domain.records import EventState, FileState

if TYPE_CHECKING:
    from tests.simulation.world import Worker, World

__all__ = ["BrokenPromiseError", "Promise", "Sent"]

CONNECTOR = "con-1"


class BrokenPromiseError(AssertionError):
    """What must never happen has."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it was put on the queue. `event_id` None: it can never be decoded."""

    message_id: str
    body: str
    event_id: str | None
    digest: str | None
    wanted: bool


class Promise:
    """Checks a world: at every delete, and at the end."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.sent: dict[str, Sent] = {}
        self._bodies: dict[str, list[Sent]] = {}
        self.deleted: set[str] = set()
        self.excused: dict[str, Worker] = {}
        """Objects that the ledger need not know, if their worker was killed: by path."""

    def note_sent(self, message_id: str, body: str, *, wanted: bool = True) -> None:
        """A message was put on the queue."""
        event = decode(body, catalog())
        if isinstance(event, Event):
            sent = Sent(message_id, body, event.id, event.digest, wanted)
        else:
            sent = Sent(message_id, body, None, None, wanted)
        self.sent[message_id] = sent
        if sent.event_id is not None:
            self._bodies.setdefault(sent.event_id, []).append(sent)

    def at_delete(self, message_id: str) -> None:
        """A message has just been deleted: by now it must be durable."""
        self.deleted.add(message_id)
        self._durable(self.sent[message_id], "was deleted")

    def at_the_end(self, *, all_settled: bool = True) -> None:
        """The whole promise. `all_settled`: nothing may be left to do."""
        self._nothing_lost(all_settled)
        self._nothing_twice()
        self._lake_and_ledger_agree(all_settled)
        if all_settled:
            self._nothing_unfinished()

    def _nothing_lost(self, all_settled: bool) -> None:
        queue = self._world.queue
        waiting = {message.message_id for message in queue.messages}
        dead = {message.message_id for message in queue.dead_letters}
        if dead and not self._world.may_dead_letter:
            self._broken(f"{sorted(dead)} went to the dead-letter queue")
        for message_id, sent in self.sent.items():
            if message_id in waiting or message_id in dead:
                if message_id in self.deleted:
                    self._broken(f"{message_id} is back from the dead")
                if message_id in waiting and all_settled:
                    self._broken(f"{message_id} is still on the queue")
            elif message_id not in self.deleted:
                self._broken(f"{message_id} is nowhere")
            else:
                self._durable(sent, "is gone")

    def _durable(self, sent: Sent, why: str) -> None:
        """That a message is in quarantine, skipped, or stored: as it must be, with its bytes."""
        where = f"{sent.message_id} ({sent.event_id}) {why}, but"
        store = self._world.store
        stray = store.strays.get((CONNECTOR, sent.message_id))
        if stray is not None:
            self._rightly_quarantined(sent)
            return
        if sent.event_id is None:
            self._broken(f"{where} is not in quarantine")
        known = store.events.get((CONNECTOR, sent.event_id or ""))
        if known is None:
            self._broken(f"{where} the ledger does not know it")
        if known.digest != sent.digest:
            self._broken(f"{where} the ledger knows its ID with other content")
        if known.record.state is EventState.SKIPPED and not sent.wanted:
            return
        if known.record.state is not EventState.STORED or not sent.wanted:
            self._broken(f"{where} its state is {known.record.state}")
        file = store.files.get(known.record.file_id or "")
        if file is None or file.record.state is not FileState.SUCCESS:
            self._broken(f"{where} its file is {file and file.record.state}")
        self._stands(file, sent)

    def _rightly_quarantined(self, sent: Sent) -> None:
        body = self._world.store.quarantine[CONNECTOR, sent.message_id].body
        if body != sent.body.encode("utf-8", "surrogatepass"):
            self._broken(f"the quarantine has other bytes than {sent.message_id}")
        if sent.event_id is not None:
            contents = {one.digest for one in self._bodies[sent.event_id]}
            if len(contents) < 2:
                self._broken(f"{sent.message_id} is in quarantine for nothing")

    def _stands(self, file: KnownFile, sent: Sent) -> None:
        """That a file stands in the lake as recorded, with the event's bytes unchanged."""
        text = self._world.lake.objects.get(file.record.path)
        if text is None or hashlib.sha256(text).hexdigest() != file.record.sha256:
            self._broken(f"{file.record.path} does not stand in the lake as recorded")
        same = [one.body for one in self._bodies[sent.event_id or ""] if one.digest == sent.digest]
        if not any(body.encode() in text for body in same):
            self._broken(f"{file.record.path} has other bytes than {sent.event_id}")

    def _nothing_twice(self) -> None:
        """Each event stands in one file of those that the ledger calls stored, and once in it."""
        places: Counter[str] = Counter()
        for file in self._world.store.files.values():
            if file.record.state is FileState.SUCCESS:
                text = self._world.lake.objects.get(file.record.path)
                if text is None:
                    self._broken(f"{file.record.path} is stored, and not in the lake")
                inside = self._events_in(text)
                members = self._world.store.in_files([file.record.file_id])
                if Counter(one.record.event_id for one in members) != Counter(inside):
                    self._broken(f"{file.record.path} holds other events than the ledger says")
                places.update(inside)
        twice = {name: times for name, times in places.items() if times > 1}
        if twice:
            self._broken(f"stored more than once: {twice}")

    def _events_in(self, text: bytes) -> list[str]:
        """The IDs of the events in a file; its resources must be the tenant's."""
        inside = []
        file = json.loads(text)
        for resource in file["resources"]:
            held = self._world.tenant.get((file["resourceType"], resource["id"]))
            if resource["resource"] != held:
                self._broken(f"{resource['id']} is not as the tenant has it")
            inside += [event["detail"]["id"] for event in resource["events"]]
        return inside

    def _lake_and_ledger_agree(self, all_settled: bool) -> None:
        known = {file.record.path: file for file in self._world.store.files.values()}
        for path, text in self._world.lake.objects.items():
            writer = self.excused.get(path)
            excused = writer is not None and (writer.killed or not all_settled)
            if path not in known and not excused:
                self._broken(f"the ledger does not know {path}")
            if path in known and hashlib.sha256(text).hexdigest() != known[path].record.sha256:
                self._broken(f"{path} is not what the ledger says")

    def _nothing_unfinished(self) -> None:
        store = self._world.store
        done = {EventState.STORED, EventState.SKIPPED, EventState.QUARANTINED}
        dead = {self.sent[one.message_id].event_id for one in self._world.queue.dead_letters}
        for (_, event_id), event in store.events.items():
            if event.record.state not in done and event_id not in dead:
                self._broken(f"{event_id} is still {event.record.state}")
        for file in store.files.values():
            inside = {one.record.event_id for one in store.in_files([file.record.file_id])}
            if file.record.state is FileState.PENDING and not inside & dead:
                self._broken(f"{file.record.path} is still PENDING")

    def _broken(self, what: str) -> NoReturn:
        raise BrokenPromiseError(what)
