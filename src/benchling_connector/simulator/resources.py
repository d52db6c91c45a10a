"""One resource's state, and the JSON text that the tenant answers for it.

Nothing is rendered before it is read, so that tens of thousands of resources are cheap to have.
The same state gives the same bytes, always.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from benchling_connector.simulator import shapes_entities, shapes_lab, shapes_notebook
from benchling_connector.simulator.content import NAMES, NUMBERS, Content, Schema, prose
from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.identity import short_id, uuid_text
from benchling_connector.simulator.jsontemplate import compile_template, quote

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BASES: Final = "ATGGTGAGCAAGGGCGAGGAGCTGTTCACCGGGGTGGTGCCCATCCTGGTCGAGCTGGACGGCGACGTAAACGGCCACA"
_TEMPLATES: Final[dict[str, str]] = {
    family: compile_template(shape)
    for shapes in (shapes_entities.SHAPES, shapes_notebook.SHAPES, shapes_lab.SHAPES)
    for family, shape in shapes.items()
}
_GENERIC_ENTITY: Final = compile_template(shapes_entities.GENERIC_ENTITY)
# Where an event carries less of a resource than the API has.
_PAYLOADS: Final = {
    "automationInputGenerator": compile_template(shapes_lab.AUTOMATION_FILE),
    "automationOutputProcessor": compile_template(shapes_lab.AUTOMATION_FILE),
    "stageEntry": compile_template(shapes_notebook.STAGE_ENTRY_EVENT),
}


@dataclass(frozen=True, slots=True)
class Resource:
    """The state of one resource at one time. Times are microseconds since 1970, UTC.

    `raw` is the exact answer where a test gave it, or where members were changed; otherwise the
    text follows from the rest. `archived` is the reason, when it is archived.
    """

    family: str
    id: str
    ordinal: int
    schema: Schema | None
    created: int
    modified: int
    version: int = 1
    archived: str | None = None
    raw: bytes | None = None


def timestamp(microseconds: int) -> str:
    """`2026-01-15T08:00:00.123456+00:00`, always with microseconds, as Benchling writes it."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds")


def archive_record(reason: str | None) -> str:
    """The JSON text of `archiveRecord`."""
    return "null" if reason is None else f'{{"reason":{quote(reason)}}}'


class Renderer:
    """Writes resources as JSON text, as one tenant has them."""

    def __init__(self, seed: int, host: str, content: Content, resource_bytes: int = 0) -> None:
        """`resource_bytes`: resources are filled up to at least this size; 0 leaves them small."""
        self._seed = seed
        self._host = host
        self._content = content
        self._resource_bytes = resource_bytes
        self._paths = {name: family.path for name, family in endpoints().families.items()}

    def body(self, resource: Resource) -> bytes:
        """What the API answers for it, without a wrapper."""
        return self._text(resource).encode() if resource.raw is None else resource.raw

    def payload(self, resource: Resource, *, with_api_url: bool = True) -> str:
        """What an event carries of it, which is less than the API has for some families."""
        if resource.family.startswith("entity."):
            values = self._values(resource)
            values["api_url"] = values["host"] + values["path"] if with_api_url else ""
            return _GENERIC_ENTITY % values
        if resource.raw is None and resource.family in _PAYLOADS:
            return _PAYLOADS[resource.family] % self._values(resource)
        return self._text(resource) if resource.raw is None else resource.raw.decode()

    def _text(self, resource: Resource) -> str:
        template = _TEMPLATES[resource.family]
        values = self._values(resource)
        text = template % values
        if not self._resource_bytes:
            return text
        values["padding"] = prose(max(0, self._resource_bytes - len(text.encode())))
        return template % values

    def _values(self, resource: Resource) -> dict[str, str]:
        ordinal, content, family = resource.ordinal, self._content, resource.family
        # Small steps coprime to the lists' lengths, so that neighbours differ in every property.
        person = content.people[ordinal % len(content.people)]
        other = content.people[(ordinal * 3 + 1) % len(content.people)]
        names = NAMES[family]
        number6 = f"{ordinal:06d}"
        bases = _BASES[ordinal % 40 :]
        created = timestamp(resource.created)
        unchanged = resource.modified == resource.created
        modified = created if unchanged else timestamp(resource.modified)
        schema = resource.schema
        team = content.team
        return {
            "id": resource.id,
            "host": self._host,
            "path": self._paths[family].replace("{id}", resource.id),
            "name": f"{names[ordinal % len(names)]} {number6}",
            "number6": number6,
            "display_id": f"EXP{number6}",
            "registry_entry": registry_entry_id(resource),
            "created": created,
            "modified": modified,
            "version": str(resource.version),
            "archive": archive_record(resource.archived),
            "creator": person.text,
            "author": other.text,
            "team": f'{{"id":"{team.id}","name":"{team.name}"}}',
            "schema": "null" if schema is None else schema.text,
            "dated_schema": "null" if schema is None else _dated(schema),
            "folder": content.folders[ordinal % len(content.folders)].id,
            "project": content.projects[ordinal % len(content.projects)].id,
            "registry": content.registry.id,
            "number": NUMBERS[(ordinal + resource.version) % len(NUMBERS)],
            "big": str(12_345_678_901_234_567_890 + ordinal),
            "bases": f'"{bases}"',
            "rna_bases": f'"{bases.replace("T", "U")}"',
            "length": str(len(bases)),
            "external_file": short_id("efl_", self._seed, ordinal),
            "padding": "",
            **(self._automation_ids(ordinal) if family.startswith("automation") else {}),
        }

    def _automation_ids(self, ordinal: int) -> dict[str, str]:
        return {
            "blob": uuid_text("blob", self._seed, ordinal),
            "run": uuid_text("assayRun", self._seed, ordinal),
            "transform": short_id("aft_", self._seed, -1 - ordinal),
        }


def registry_entry_id(resource: Resource) -> str:
    """The `entityRegistryId` of an entity: `DNA000042`, one of its own in the whole registry."""
    kind = resource.family.rpartition(".")[2].replace("aa_", "prt_")
    return f"{kind[:3].upper()}{kind.rpartition('_')[2][:1].upper()}{resource.ordinal:06d}"


def _dated(schema: Schema) -> str:
    return f'{schema.text[:-1]},"modifiedAt":"2025-03-03T08:00:00.000001+00:00"}}'
