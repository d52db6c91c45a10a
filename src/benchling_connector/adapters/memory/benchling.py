"""A Benchling API in memory: resources as the JSON text that they are, answered as Benchling does.

It looks at nothing but path and query, as a server would. What Benchling leaves open is settled
the strict way: one bad ID fails a whole call for many, and answers come in an order of their own.
"""

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from benchling_connector.adapters.memory.faults import Faults
from benchling_connector.domain.answer import Answer
from benchling_connector.domain.catalog import ENTITY_FAMILIES, Catalog, ManyRead, catalog
from benchling_connector.domain.errors import ConnectorError
from benchling_connector.domain.jsontext import members, string_of
from benchling_connector.domain.plan import Call
from benchling_connector.ports import Clock

__all__ = ["MemoryBenchling"]

DEFAULT_PAGE = 50
URL_LIMIT = 8_192


class MemoryBenchling:
    """The `ResourceReader` port in memory.

    `calls` are all calls so far, `reads` counts how often each resource was given out.
    `forbidden` resources are there, and the app may not see them; `archived` ones are hidden in
    lists that do not ask for them. `delays` are seconds that calls of a family take, on `clock`.
    `most_ids` bounds the IDs of one call; `silently_missing`: unknown IDs are just left out.
    `seconds_a_call` is what `pace` gives.
    `faults` knows the methods by name (`sign_in`, `get`); `fail_for` sets one for a resource.
    """

    def __init__(self, clock: Clock, table: Catalog | None = None) -> None:
        self.calls: list[Call] = []
        self.reads: Counter[str] = Counter()
        self.forbidden: set[str] = set()
        self.archived: set[str] = set()
        self.delays: dict[str, float] = {}
        self.most_ids: int | None = None
        self.silently_missing = False
        self.pings = 0
        self.workers = 1
        self.seconds_a_call = 0.0
        self.faults = Faults()
        self._clock = clock
        self._catalog = table or catalog()
        self._held: dict[tuple[str, str], bytes] = {}
        self._by_path: dict[str, bytes] = {}
        self._faults_by_id: dict[str, Faults] = {}

    def put(self, family: str, resource_id: str, body: bytes) -> None:
        """From now on the API answers exactly these bytes for it, in a wrapper where it has one."""
        assert family in self._catalog.families
        self._held[family, resource_id] = body

    def put_path(self, path: str, body: bytes) -> None:
        """The same for a path that is no known family's."""
        self._by_path[path] = body

    def remove(self, family: str, resource_id: str) -> None:
        """From now on it is unknown."""
        del self._held[family, resource_id]

    def fail_for(self, resource_id: str, error: ConnectorError, times: int | None = 1) -> None:
        """The next `times` calls that name this resource ID raise `error` (None: all)."""
        self._faults_by_id.setdefault(resource_id, Faults()).before("get", error, times)

    def heal(self, resource_id: str) -> None:
        """Calls that name this resource ID are answered again."""
        self._faults_by_id.pop(resource_id, None)

    async def sign_in(self) -> None:
        """Makes sure that there is a valid token."""
        self.faults.strike("sign_in", "before")

    def share(self, workers: int) -> None:
        """So many workers use the budget; there is none here."""
        self.workers = workers

    async def ping(self, family: str | None) -> None:
        """Returns when Benchling answers at all."""
        self.pings += 1
        self.faults.strike("ping", "before")
        if family is not None:  # it asks where the calls of that family go
            self.faults.strike("get", "before")

    async def ready(self, family: str) -> None:
        """Returns when a call of this family would be sent at once: always."""

    def pace(self, waiting: int, rate: float) -> float:  # noqa: ARG002 - there is no budget here
        """Seconds that one call takes of the budget: `seconds_a_call`."""
        return self.seconds_a_call

    async def get(self, call: Call) -> Answer:
        """Benchling's answer."""
        self.calls.append(call)
        if delay := self.delays.get(call.family):
            await self._clock.sleep(delay)
        self.faults.strike("get", "before")
        for key in call.keys:
            if key.id in self._faults_by_id:
                self._faults_by_id[key.id].strike("get", "before")
        status, body = self._answer(call.path, dict(call.query))
        self.faults.strike("get", "after")
        return Answer(status, body, self._clock.now())

    # As a server: path and query are all it knows.

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        if len(path) + sum(len(key) + len(value) + 2 for key, value in query.items()) > URL_LIMIT:
            return 414, b"<html><title>414 Request-URI Too Large</title></html>"
        families = self._catalog.families
        for name, family in families.items():
            if family.many and path == family.many.path and family.many.ids_param in query:
                return self._many(name, family.many, query)
        for name, family in families.items():
            before, _, after = family.path.partition("{id}")
            inner = path.removeprefix(before).removesuffix(after)
            if path == f"{before}{inner}{after}" and inner and "/" not in inner:
                return self._single(name, unquote(inner), family.wrapper)
        how = self._catalog.registered_entities
        pattern = re.escape(how.path).replace(re.escape("{registryId}"), "([^/]+)")
        if match := re.fullmatch(pattern, path):
            return self._registered(unquote(match[1]), query.get(how.ids_param, ""), how.answer_key)
        if path in self._by_path:
            return 200, self._by_path[path]
        return _refusal(404, "There is nothing at this path.")

    def _single(self, family: str, resource_id: str, wrapper: str | None) -> tuple[int, bytes]:
        body = self._held.get((family, resource_id))
        if body is None or resource_id in self.forbidden:
            status = 400 if family.startswith(ENTITY_FAMILIES.removesuffix("*")) else 404
            return _refusal(status, f"Could not find an item with ID {resource_id}.")
        self.reads[resource_id] += 1
        if wrapper:
            body = b"".join((b"{", msgspec.json.encode(wrapper), b":", body, b"}"))
        return 200, body

    def _many(self, family: str, how: ManyRead, query: dict[str, str]) -> tuple[int, bytes]:
        ids = _ids(query[how.ids_param])
        if not ids or len(ids) > min(self.most_ids or len(ids), how.max_ids or len(ids)):
            return _refusal(400, f"{how.ids_param} holds none or too many.")
        found = {one: self._held[family, one] for one in ids if (family, one) in self._held}
        bad = [one for one in ids if one not in found or one in self.forbidden]
        if bad and not self.silently_missing:
            return _refusal(400, f"The following IDs are invalid: {', '.join(bad)}")
        given = [one for one in sorted(found) if one not in bad]
        if how.kind == "list":
            if query.get("archiveReason") != "ANY_ARCHIVED_OR_NOT_ARCHIVED":
                given = [one for one in given if one not in self.archived]
            given = given[: int(query.get("pageSize", DEFAULT_PAGE))]
        self.reads.update(given)
        return _collection(how.answer_key, [found[one] for one in given])

    def _registered(self, registry_id: str, names: str, key: str) -> tuple[int, bytes]:
        wanted, found = _ids(names), {}
        for (family, resource_id), body in self._held.items():
            if family.startswith(ENTITY_FAMILIES.removesuffix("*")):
                fields = members(body).value
                name = string_of(fields.get("entityRegistryId"))
                if string_of(fields.get("registryId")) == registry_id and name in wanted:
                    found[name] = (resource_id, body)
        bad = [name for name in wanted if name not in found or found[name][0] in self.forbidden]
        if bad or not wanted:
            return _refusal(400, f"The following IDs are invalid: {', '.join(bad)}")
        self.reads.update(resource_id for resource_id, _ in found.values())
        return _collection(key, [body for _, body in found.values()])


def _ids(text: str) -> list[str]:
    return list(dict.fromkeys(part for part in text.split(",") if part))


def _collection(key: str, bodies: Iterable[bytes]) -> tuple[int, bytes]:
    return 200, b"".join((b"{", msgspec.json.encode(key), b":[", b",".join(bodies), b"]}"))


def _refusal(status: int, message: str) -> tuple[int, bytes]:
    error = {"message": message, "type": "invalid_request_error", "userMessage": message}
    return status, msgspec.json.encode({"error": error})
