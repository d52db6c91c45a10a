"""The simulated tenant: what it holds and what happens in it. No I/O; `answer` is in `api`.

Same seed, same tenant: identifiers, contents and history follow from the seed and the order of
calls; only what is created later takes its time from the clock.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Final

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.behaviour import Behaviour
from benchling_connector.simulator.content import DEFAULT_HOST, Content, make_content
from benchling_connector.simulator.events import (
    DEFAULT_SOURCE,
    BenchlingEvent,
    EventOptions,
    EventWriter,
    unknown_payload,
)
from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.faults import Faults
from benchling_connector.simulator.identity import uuid_text
from benchling_connector.simulator.limits import RateLimit, RateLimiter
from benchling_connector.simulator.oauth import TokenOffice
from benchling_connector.simulator.resources import Renderer, Resource
from benchling_connector.simulator.states import archived, changed, registered_as, updated
from benchling_connector.simulator.stats import Stats

DEFAULT_CLIENT_ID: Final = "quillmere-lake"
DEFAULT_CLIENT_SECRET: Final = "quillmere-secret"  # noqa: S105 - opens the simulated tenant only
# 2026-01-15T08:00:00.123456Z, in microseconds: when the tenant's first resource was made.
_FOUNDED: Final = 1_768_464_000_123_456
_STEP: Final = 61_000_003


class UnknownResourceError(LookupError):
    """The tenant holds no resource with this ID in this family."""


class Tenant:
    """A Benchling tenant.

    `resources`: how many to hold from the start, of every family in turn. `resource_bytes`: fill
    each up to that size. `clock`: seconds since 1970; times, tokens and limits follow it.
    `log_events` False keeps List Events empty, for long runs.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        resources: int = 0,
        client_id: str = DEFAULT_CLIENT_ID,
        client_secret: str = DEFAULT_CLIENT_SECRET,
        host: str = DEFAULT_HOST,
        source: str = DEFAULT_SOURCE,
        resource_bytes: int = 0,
        rate_limit: RateLimit | None = None,
        token_lifetime: int = 900,
        log_events: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.seed, self.host, self.clock = seed, host, clock
        self.client_id = client_id
        self.content: Content = make_content(seed)
        self.renderer = Renderer(seed, host, self.content, resource_bytes)
        self.writer = EventWriter(seed, self.renderer, source=source)
        self.behaviour = Behaviour()
        self.limiter = RateLimiter(rate_limit or RateLimit())
        self.tokens = TokenOffice(seed, token_lifetime)
        self.faults = Faults(seed)
        self.stats = Stats()
        self.random = Random(seed)
        self.forbidden: set[str] = set()
        self.everything_forbidden = False
        self.events: list[BenchlingEvent] = []
        self.blobs: set[str] = set()
        self.public_url = host
        self.registered: dict[str, tuple[str, str]] = {}
        self._log_events = log_events
        self._event_count = 0
        self._counts: dict[str, int] = {}
        self._held: dict[str, dict[str, Resource]] = {name: {} for name in endpoints().families}
        self._last = _FOUNDED
        self.tokens.register(client_id, client_secret)
        names = list(self._held)
        for n in range(resources):
            self.create(names[n % len(names)], at=_FOUNDED + n * _STEP)

    # What it holds

    def families(self) -> list[str]:
        """The names of all families."""
        return list(self._held)

    @property
    def event_count(self) -> int:
        """How many events there have been."""
        return self._event_count

    def held(self, family: str) -> dict[str, Resource]:
        """All resources of a family by ID, in the order in which they were made."""
        return self._held[family]

    def get(self, family: str, resource_id: str) -> Resource:
        """The resource's state now. Raises `UnknownResourceError`."""
        try:
            return self._held[family][resource_id]
        except KeyError:
            raise UnknownResourceError(f"{family} {resource_id}") from None

    def body(self, family: str, resource_id: str) -> bytes:
        """The exact JSON text of the resource now, without a wrapper."""
        return self.renderer.body(self.get(family, resource_id))

    # What happens in it

    def create(
        self,
        family: str,
        *,
        schema: str | None = None,
        at: int | None = None,
        changes: dict[str, str] | None = None,
    ) -> Resource:
        """A new resource. `schema` is a schema's name or ID, else they take turns (every seventh
        entry has none). `at`: microseconds. `changes`: JSON texts by top-level property."""
        api = endpoints().families[family]
        ordinal = self._next(family)
        now = self._moment() if at is None else at
        resource = Resource(
            family=family,
            id=api.new_id(self.seed, self._next(f"id:{api.prefix or api.name}")),
            ordinal=ordinal,
            schema=self.content.schema_of(family, ordinal, schema),
            created=now,
            modified=now,
        )
        if changes:
            resource = changed(self.renderer, resource, resource, changes)
        if family.startswith("automation"):
            self.blobs.add(uuid_text("blob", self.seed, ordinal))
        return self._hold(resource)

    def update(
        self, family: str, resource_id: str, changes: dict[str, str] | None = None
    ) -> Resource:
        """A new state with a later `modifiedAt`. With `changes`, JSON texts by top-level property,
        only these differ; else some of its content does."""
        old = self.get(family, resource_id)
        return self._hold(updated(self.renderer, old, self._moment(), changes))

    def archive(self, family: str, resource_id: str, reason: str = "Made in error") -> Resource:
        """Archives it: it stays readable, and default lists hide it."""
        return self._archived(family, resource_id, reason)

    def unarchive(self, family: str, resource_id: str) -> Resource:
        """Takes it back out of the archive."""
        return self._archived(family, resource_id, None)

    def override(self, family: str, resource_id: str, raw: bytes) -> Resource:
        """From now on the API answers exactly these bytes for it, also inside a collection."""
        held = self._held[family].get(resource_id)
        if held is None:
            now = self._moment()
            held = Resource(family, resource_id, self._next(family), None, now, now)
        return self._hold(replace(held, raw=raw))

    def emit(
        self,
        event_type: str,
        resource_id: str | None = None,
        *,
        options: EventOptions | None = None,
        family: str | None = None,
        payload: str | None = None,
        at: int | None = None,
        log: bool = True,
    ) -> BenchlingEvent:
        """An event of this type, about this resource as it is now, or about a new one.

        `family` chooses the kind for `v2.entity.registered` (else they take turns). `payload` is
        taken as the payload's JSON text instead, and no resource is made for it; a type that
        nobody knows gets one of its own. `at`: `createdAt`, in microseconds. With `log` it is in
        List Events; putting it on a queue is the caller's part.
        """
        resource = None
        if payload is None or resource_id is not None:
            resource = self._subject(event_type, resource_id, family)
        if resource is None and payload is None:
            payload = unknown_payload(self.seed, self._event_count, self.host)
        event = BenchlingEvent(
            id=self.writer.event_id(self._event_count),
            type=event_type,
            ordinal=self._event_count,
            created=self._moment() if at is None else at,
            resource=resource,
            payload=payload,
            options=options or EventOptions(),
            writer=self.writer,
        )
        self._event_count += 1
        if log and self._log_events:
            self.events.append(event)
        return event

    def activity(self, event_types: Iterable[str] = ()) -> Iterator[BenchlingEvent]:
        """Laboratory life without end: things are made, and those made lately are changed.

        `event_types` restricts it; by default it is every type of the catalogue.
        """
        types = list(event_types) or list(catalog().event_types)
        recent: dict[str, list[str]] = {}
        while True:
            event_type = self.random.choice(types)
            family = self._family_of(event_type, None) or ""
            known = recent.setdefault(family, [])
            if known and ".updated." in event_type:
                resource_id = self.random.choice(known)
                self.update(family, resource_id)
                yield self.emit(event_type, resource_id, family=family)
                continue
            event = self.emit(event_type, family=family or None)
            if event.resource_id:
                known.append(event.resource_id)
                del known[:-20]
            yield event

    # Who may see what

    def forbid(self, *resource_ids: str) -> None:
        """The app may no longer see these."""
        self.forbidden.update(resource_ids)

    def allow(self, *resource_ids: str) -> None:
        """The app may see these again."""
        self.forbidden.difference_update(resource_ids)

    def visible(self, family: str, resource_id: str) -> bool:
        """Whether it exists and the app may see it."""
        if self.everything_forbidden or resource_id in self.forbidden:
            return False
        return resource_id in self._held[family]

    def family_of_entity(self, resource_id: str) -> str | None:
        """The entity family that holds this ID."""
        for family, held in self._held.items():
            if family.startswith("entity.") and resource_id in held:
                return family
        return None

    # Inside

    def _moment(self) -> int:
        # Strictly later than the moment before, or two states could not be told apart.
        self._last = max(self._last + 1, int(self.clock() * 1_000_000))
        return self._last

    def _next(self, counter: str) -> int:
        number = self._counts.get(counter, 0)
        self._counts[counter] = number + 1
        return number

    def _hold(self, resource: Resource) -> Resource:
        self._held[resource.family][resource.id] = resource
        if resource.family.startswith("entity."):
            self.registered[registered_as(resource)] = (resource.family, resource.id)
        return resource

    def _archived(self, family: str, resource_id: str, reason: str | None) -> Resource:
        if not endpoints().families[family].archivable:
            raise ValueError(f"{family} cannot be archived")
        old = self.get(family, resource_id)
        return self._hold(archived(self.renderer, old, self._moment(), reason))

    def _subject(
        self, event_type: str, resource_id: str | None, family: str | None
    ) -> Resource | None:
        family = self._family_of(event_type, family, resource_id)
        if family is None:
            return None
        return self.create(family) if resource_id is None else self.get(family, resource_id)

    def _family_of(
        self, event_type: str, family: str | None, resource_id: str | None = None
    ) -> str | None:
        known = catalog().event_types.get(event_type)
        if known is None or known.family != "entity.*":
            return known.family if known else family
        if family is not None:
            return family
        if resource_id is not None:
            return self.family_of_entity(resource_id)
        kinds = [name for name in self._held if name.startswith("entity.")]
        return kinds[self._event_count % len(kinds)]
