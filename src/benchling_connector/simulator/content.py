# ruff: noqa: RUF001 - laboratories write Greek letters and signs
"""The made-up company whose tenant this is: people, projects, registries, schemas, vocabulary.

No person, company or product here exists; hosts end in `.example`, which never resolves.
"""

from dataclasses import dataclass
from typing import Final

from benchling_connector.simulator.identity import short_id
from benchling_connector.simulator.jsontemplate import quote

COMPANY: Final = "Quillmere Biologics"
DEFAULT_HOST: Final = "https://quillmere.benchling.example"

_PEOPLE: Final = (
    "Tamsin Brackenfell",
    "Joric Halvane",
    "Mireille Ostervey",
    "Oluwen Castermoor",
    "Sanvi Rookhart",
    "Petra Lindqvale",
    "Idris Fenworm",
    "Yukari Stonemarsh",
    "Bálint Okorvár",
    "Zoë Thistlemead",
)
_PROJECTS: Final = (
    "Anti-TNFα Discovery",
    "CHO Cell Line Development",
    "CRISPR Screening",
    "Process Development",
)
_FOLDERS: Final = ("Registry", "Notebook", "Bench Work", "Reagents", "QC Release")

# Family to the prefix of its schemas' IDs and their names.
_SCHEMAS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "entity.dna_sequence": ("ts_", ("Plasmid", "CRISPR Donor Template")),
    "entity.rna_sequence": ("ts_", ("mRNA Construct",)),
    "entity.aa_sequence": ("ts_", ("Antibody Heavy Chain", "Antigen")),
    "entity.custom_entity": ("ts_", ("Cell Line", "Antibody", "Strain")),
    "entity.mixture": ("ts_", ("Growth Medium", "Buffer")),
    "entity.dna_oligo": ("ts_", ("Primer",)),
    "entity.rna_oligo": ("ts_", ("siRNA",)),
    "entity.molecule": ("ts_", ("Small Molecule",)),
    "entry": ("ts_", ("Experiment Report", "Cell Culture Log", "Purification Run")),
    "stageEntry": ("ts_", ("Purification Stage",)),
    "request": ("reqsch_", ("Sequencing Request", "Protein Production Request")),
    "assayRun": ("assaysch_", ("Plate Reader Run", "Octet Run")),
    "assayResult": ("assaysch_", ("ELISA Titer", "Cell Viability")),
    "workflowTaskGroup": ("prstsch_", ("Transfection", "Purification")),
    "workflowTask": ("prstsch_", ("Transfection", "Purification")),
    "workflowOutput": ("prsosch_", ("Transfection Output",)),
}

# Family to words of which a resource's name is made.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "entity.dna_sequence": ("pQM-GFP", "pQM-Cas9", "pQM-TNFα-scFv", "pQM-λRed"),
    "entity.rna_sequence": ("mRNA-Luc2", "mRNA-EPO-5′cap", "sgRNA-AAVS1"),
    "entity.aa_sequence": ("QMB-HC", "QMB-LC", "hTNFα-His6"),
    "entity.custom_entity": ("CHO-K1 clone", "HEK293T bank", "QMB-mAb", "E. coli DH5α"),
    "entity.mixture": ("DMEM + 10 % FBS", "TBS-T pH 7.4", "LB + 50 µg/mL Kan"),
    "entity.dna_oligo": ("fwd-GFP", "rev-GFP", "seq-T7"),
    "entity.rna_oligo": ("siRNA-GAPDH", "siRNA-scramble"),
    "entity.molecule": ("QM inhibitor", "QM tool compound"),
    "entry": ("Transient expression in CHO", "ELISA of supernatants", "Miniprep β-lactamase"),
    "stageEntry": ("Protein A capture", "Polishing, 4 °C"),
    "request": ("Sequencing", "Protein production"),
    "assayRun": ("Plate read", "Octet binding"),
    "assayResult": ("Titer", "Viability"),
    "automationInputGenerator": ("Hamilton worklist",),
    "automationOutputProcessor": ("Plate reader export",),
    "automationFileTransform": ("Plate map",),
    "workflowTaskGroup": ("Transfections week", "Purifications week"),
    "workflowTask": ("Transfection", "Purification"),
    "workflowOutput": ("Transfected pool", "Purified lot"),
    "worksheet": ("Dilution worksheet",),
}

# Numbers as a reader must find them again, digit by digit.
NUMBERS: Final = ("1.0", "0.10", "1e-07", "2.50", "12.345678901234567", "-0.0", "6.02214076E+23")

_PROSE: Final = (
    "Cells were seeded at 0.5 × 10⁶ per mL, kept at 37 °C and 5 % CO₂ and shaken at 120 rpm. "
    "Supernatant was taken on day 6, cleared by centrifugation and stored at 4 °C until use. "
    "Absorbance was read at 450 nm against the blank; values beyond the range were diluted again. "
)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema: its ID, name and the family it describes; `text` is its JSON summary."""

    id: str
    name: str
    family: str
    text: str


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up user; `text` is the JSON summary that resources carry."""

    id: str
    name: str
    handle: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Something with an ID and a name: a project, a folder, a registry, an organisation."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Content:
    """All that a tenant holds beside its resources."""

    organization: Place
    registry: Place
    app: Place
    team: Place
    people: tuple[Person, ...]
    projects: tuple[Place, ...]
    folders: tuple[Place, ...]
    schemas: dict[str, tuple[Schema, ...]]

    def schema_of(self, family: str, ordinal: int, wanted: str | None = None) -> Schema | None:
        """The schema of the ordinal-th resource of a family: they take turns, and every seventh
        entry has none. `wanted`: a name or ID; raises `ValueError` where there is none of it."""
        schemas = self.schemas.get(family)
        if schemas is None:
            return None
        if wanted is not None:
            for schema in schemas:
                if wanted in {schema.id, schema.name}:
                    return schema
            raise ValueError(f"{family} has no schema {wanted!r}")
        if family == "entry" and ordinal % 7 == 6:
            return None
        return schemas[ordinal % len(schemas)]


def make_content(seed: int) -> Content:
    """The company as this seed has it: the names are the same for all, the IDs its own."""
    return Content(
        organization=Place(short_id("org_", seed, 0), COMPANY),
        registry=Place(short_id("src_", seed, 100), f"{COMPANY} Registry"),
        app=Place(short_id("app_", seed, 0), "Data Lake Connector"),
        team=Place(short_id("team_", seed, 0), "Upstream Development"),
        people=tuple(_person(seed, n, name) for n, name in enumerate(_PEOPLE)),
        projects=tuple(Place(short_id("src_", seed, n), name) for n, name in enumerate(_PROJECTS)),
        folders=tuple(Place(short_id("lib_", seed, n), name) for n, name in enumerate(_FOLDERS)),
        schemas={
            family: tuple(_schema(seed, family, prefix, n, name) for n, name in enumerate(names))
            for family, (prefix, names) in _SCHEMAS.items()
        },
    )


def prose(length: int) -> str:
    """A text of so many bytes in UTF-8, as a scientist's note would be, only longer."""
    text = (_PROSE * (length // len(_PROSE) + 1)).encode()[:length].decode(errors="ignore")
    return text + "." * (length - len(text.encode()))


def _person(seed: int, ordinal: int, name: str) -> Person:
    first, last = name.lower().split(" ")
    handle = f"{first[0]}{last}".encode("ascii", "ignore").decode()
    person_id = short_id("ent_", seed, ordinal)
    text = f'{{"handle":{quote(handle)},"id":{quote(person_id)},"name":{quote(name)}}}'
    return Person(person_id, name, handle, text)


def _schema(seed: int, family: str, prefix: str, ordinal: int, name: str) -> Schema:
    # Tasks and task groups share their schemas, as they do in Benchling.
    kind = "workflowTask" if family == "workflowTaskGroup" else family
    schema_id = short_id(prefix, seed, ordinal + 10 * sorted(_SCHEMAS).index(kind))
    return Schema(schema_id, name, family, f'{{"id":"{schema_id}","name":{quote(name)}}}')
