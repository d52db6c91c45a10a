"""Which event is about which kind of resource, and how Benchling's API gives it.

The data is `catalog.json`, taken from Benchling's official OpenAPI documents. An event type leads
to a family; `entity.registered` leads to one of eight, told apart by the path of `apiURL`.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal
from urllib.parse import quote

import msgspec

__all__ = ["Catalog", "EventType", "Family", "ManyRead", "catalog"]

ENTITY_FAMILIES = "entity.*"


class ManyRead(msgspec.Struct, frozen=True, rename="camel"):
    """A request that reads several resources of one family by their IDs.

    `bulk` is a `:bulk-get` endpoint, `list` a listing that filters by `ids`.
    """

    kind: Literal["bulk", "list"]
    path: str
    ids_param: str
    answer_key: str
    max_ids: int | None
    query: dict[str, str] = {}


class Family(msgspec.Struct, frozen=True, rename="camel"):
    """A kind of resource: where one is read, where many are, and where its schema stands."""

    path: str
    wrapper: str | None
    many: ManyRead | None
    schema_key: str
    model: str

    def path_of(self, resource_id: str) -> str:
        """The path of the single read, with the ID percent-encoded."""
        return self.path.replace("{id}", quote(resource_id, safe=""))


class EventType(msgspec.Struct, frozen=True, rename="camel"):
    """A known event type: its API stability, its payload's key and its family."""

    stability: Literal["stable", "beta", "alpha"]
    payload_key: str
    family: str
    model: str


class RegisteredEntities(msgspec.Struct, frozen=True, rename="camel"):
    """Reads entities by registry and registry ID, for events that give no `apiURL`."""

    path: str
    ids_param: str
    answer_key: str


class Catalog(msgspec.Struct, frozen=True, rename="camel"):
    """All that is known of Benchling's events and resources."""

    source: str
    detail_keys: frozenset[str]
    event_types: dict[str, EventType]
    families: dict[str, Family]
    registered_entities: RegisteredEntities

    def entity_families(self) -> Mapping[str, str]:
        """Collection path (`/api/v2/dna-sequences`) to the name of the entity family."""
        return {
            family.path.removesuffix("/{id}"): name
            for name, family in self.families.items()
            if name.startswith("entity.")
        }


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """The catalogue of this version of the connector."""
    return msgspec.json.decode((files(__package__) / "catalog.json").read_bytes(), type=Catalog)
