"""The tenant's endpoints, a row a family: how one resource is read, how many are, what refusal is.

Paths come from the connector's catalogue; what only a server has to know is added here, from the
same OpenAPI documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.identity import short_id, uuid_text

_LIST_ONLY: Final = {"automationOutputProcessor": "automationOutputProcessors"}
_SCHEMA_REQUIRED: Final = frozenset({"request", "assayRun"})
_NO_ARCHIVE_FILTER: Final = frozenset({"request", "assayRun"})
_NO_IDS: Final = frozenset({"request", "automationOutputProcessor"})
_OLIGOS: Final = ("entity.dna_oligo", "entity.rna_oligo")
_ARCHIVABLE: Final = (
    "entity.",
    "entry",
    "assayRun",
    "assayResult",
    "automationOutputProcessor",
    "workflow",
)


@dataclass(frozen=True, slots=True)
class BulkGet:
    """A `:bulk-get` endpoint and the families that it reads."""

    path: str
    ids_param: str
    answer_key: str
    families: tuple[str, ...]
    max_ids: int | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A paginated list of one family.

    `unknown_id_is_400` is false where an unknown ID in `ids` is just absent from the answer.
    """

    path: str
    answer_key: str
    family: str
    takes_ids: bool
    unknown_id_is_400: bool
    archive_filter: bool
    schema_required: bool


@dataclass(frozen=True, slots=True)
class FamilyApi:
    """One family: the path and wrapper of its single read, and the statuses of its refusals."""

    name: str
    path: str
    wrapper: str | None
    prefix: str | None
    archivable: bool
    unknown_status: int
    forbidden_status: int

    def new_id(self, seed: int, number: int) -> str:
        """The number-th ID; families with the same prefix count together."""
        if self.prefix is None:
            return uuid_text(self.name, seed, number)
        return short_id(self.prefix, seed, number)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All that the tenant answers about resources."""

    families: Mapping[str, FamilyApi]
    bulk: Mapping[str, BulkGet]
    lists: Mapping[str, Listing]


# IDs by family; None stands for a UUID.
_PREFIXES: Final[dict[str, str | None]] = {
    "entity.dna_sequence": "seq_",
    "entity.rna_sequence": "seq_",
    "entity.aa_sequence": "prtn_",
    "entity.custom_entity": "bfi_",
    "entity.mixture": "mxt_",
    "entity.dna_oligo": "seq_",
    "entity.rna_oligo": "seq_",
    "entity.molecule": "mol_",
    "entry": "etr_",
    "stageEntry": "stgentr_",
    "request": "req_",
    "assayRun": None,
    "assayResult": None,
    "automationInputGenerator": "aif_",
    "automationOutputProcessor": "aop_",
    "automationFileTransform": "aft_",
    "workflowTaskGroup": "prs_",
    "workflowTask": "wftask_",
    "workflowOutput": "wfout_",
    "worksheet": "wks_",
}


@lru_cache(maxsize=1)
def endpoints() -> Endpoints:
    """The whole table; the same for every tenant."""
    families: dict[str, FamilyApi] = {}
    bulk: dict[str, BulkGet] = {}
    lists: dict[str, Listing] = {}
    for name, family in catalog().families.items():
        families[name] = FamilyApi(
            name=name,
            path=family.path,
            wrapper=family.wrapper,
            prefix=_PREFIXES[name],
            archivable=name.startswith(_ARCHIVABLE),
            unknown_status=_unknown_status(name),
            forbidden_status=_forbidden_status(name),
        )
        many = family.many
        key = many.answer_key if many else _LIST_ONLY.get(name)
        if many and many.kind == "bulk":
            bulk[many.path] = BulkGet(
                many.path, many.ids_param, many.answer_key, (name,), many.max_ids
            )
        if key is not None:
            path = family.path.removesuffix("/{id}")
            lists[path] = Listing(
                path=path,
                answer_key=key,
                family=name,
                takes_ids=name not in _NO_IDS,
                unknown_id_is_400=not name.startswith("workflow"),
                archive_filter=name not in _NO_ARCHIVE_FILTER,
                schema_required=name in _SCHEMA_REQUIRED,
            )
    oligos = BulkGet("/api/v2/oligos:bulk-get", "oligoIds", "oligos", _OLIGOS, None)
    return Endpoints(families, bulk | {oligos.path: oligos}, lists)


def _unknown_status(family: str) -> int:
    by_id_is_400 = ("entity.", "assay", "automationInput", "automationOutput")
    return 400 if family.startswith(by_id_is_400) else 404


def _forbidden_status(family: str) -> int:
    if family.startswith(("entry", "request", "workflow")):
        return 404
    return 400 if family.startswith(("entity.", "assayRun", "automation")) else 403
