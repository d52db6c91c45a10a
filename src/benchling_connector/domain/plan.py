"""A window of events becomes the fewest API calls that read their resources.

One resource is read once however many events name it. Families that can be read many at a time
are; a call for many that Benchling refuses is halved until the bad IDs stand alone, and those are
read singly, so that the status on record is that of the resource itself.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from benchling_connector.domain.catalog import Catalog
from benchling_connector.domain.event import ResourceKey

__all__ = [
    "SPLIT_STATUSES",
    "UNAVAILABLE_STATUSES",
    "Call",
    "family_of",
    "most_ids",
    "plan",
    "single",
    "split",
]

UNAVAILABLE_STATUSES = frozenset({400, 403, 404})
"""What Benchling answers for a resource that the app may not see, depending on the family."""

SPLIT_STATUSES = UNAVAILABLE_STATUSES | {414}
"""What a call for many answers when one ID is bad, or when there are too many of them."""

ENTITY = "entity"
"""The family, as calls name it, of entities that are read by other ways than a family's."""

# What may stand in a comma-separated list of IDs without changing its meaning.
_LISTABLE = re.compile(r"[A-Za-z0-9_.:~-]+")


@dataclass(frozen=True, slots=True)
class Call:
    """One GET request, and the resources that its answer should hold.

    `single`: the answer is the resource, perhaps in a wrapper named `answer_key`.
    `many`: the answer holds them as an array under `answer_key`, each known by its `match_on`.
    """

    kind: Literal["single", "many"]
    family: str
    path: str
    query: tuple[tuple[str, str], ...]
    keys: tuple[ResourceKey, ...]
    answer_key: str | None
    match_on: str = "id"


def family_of(key: ResourceKey) -> str:
    """The family of the calls that read a resource; empty for one that cannot be read."""
    if key.way == "family":
        return key.family
    return ENTITY if key.readable else ""


def most_ids(family: str, catalog: Catalog, bulk_size: int) -> int:
    """How many resources of a family one call can read."""
    if family == ENTITY:
        return bulk_size
    many = catalog.families[family].many if family in catalog.families else None
    if many is None:
        return 1
    return min(bulk_size, many.max_ids) if many.max_ids else bulk_size


def plan(keys: Iterable[ResourceKey], catalog: Catalog, bulk_size: int) -> tuple[Call, ...]:
    """The calls that read these resources, each once, at most `bulk_size` IDs in one call."""
    groups: dict[tuple[str, str, str], list[ResourceKey]] = {}
    for key in dict.fromkeys(key for key in keys if key.readable):
        groups.setdefault((key.way, key.family, key.registry_id), []).append(key)
    calls: list[Call] = []
    for group in groups.values():
        listable = [key for key in group if _listable(key, catalog)]
        calls += [single(key, catalog) for key in group if key not in set(listable)]
        size = most_ids(family_of(group[0]), catalog, bulk_size)
        for start in range(0, len(listable), size):
            calls.append(_call(listable[start : start + size], catalog))
    return tuple(calls)


def split(call: Call, catalog: Catalog) -> tuple[Call, ...]:
    """The two halves of a call for many; none for a call that cannot be halved."""
    if len(call.keys) < 2:
        return ()
    middle = len(call.keys) // 2
    return _call(call.keys[:middle], catalog), _call(call.keys[middle:], catalog)


def single(key: ResourceKey, catalog: Catalog) -> Call:
    """The call that reads one resource alone."""
    if key.way == "registry":
        return _registered([key], catalog)
    if key.way == "path":
        return Call("single", ENTITY, key.path, (), (key,), None)
    family = catalog.families[key.family]
    return Call("single", key.family, family.path_of(key.id or ""), (), (key,), family.wrapper)


def _call(keys: Sequence[ResourceKey], catalog: Catalog) -> Call:
    if keys[0].way == "registry":
        return _registered(keys, catalog)
    many = catalog.families[keys[0].family].many
    if many is None or len(keys) == 1:
        return single(keys[0], catalog)
    ids = ",".join(key.id or "" for key in keys)
    query = ((many.ids_param, ids), *many.query.items())
    return Call("many", keys[0].family, many.path, query, tuple(keys), many.answer_key)


def _registered(keys: Sequence[ResourceKey], catalog: Catalog) -> Call:
    how = catalog.registered_entities
    path = how.path.replace("{registryId}", quote(keys[0].registry_id, safe=""))
    query = ((how.ids_param, ",".join(key.entity_registry_id for key in keys)),)
    return Call("many", ENTITY, path, query, tuple(keys), how.answer_key, "entityRegistryId")


def _listable(key: ResourceKey, catalog: Catalog) -> bool:
    if key.way == "registry":
        return bool(_LISTABLE.fullmatch(key.entity_registry_id))
    if key.way == "path" or catalog.families[key.family].many is None:
        return False
    return bool(_LISTABLE.fullmatch(key.id or ""))
