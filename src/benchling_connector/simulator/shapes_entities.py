# ruff: noqa: RUF001 - laboratories write Greek letters and signs
"""How the eight kinds of entity look in Benchling's API, and in `entity.registered`."""

from typing import Final

from benchling_connector.simulator.jsontemplate import Node, Slot, Text

# Schema fields with every trap for a reader that decodes: explicit nulls, digits, unicode, padding.
FIELDS: Final[dict[str, Node]] = {
    "Concentration": {
        "displayValue": Text("%(number)s ng/µL"),
        "isMulti": False,
        "textValue": Text("%(number)s"),
        "type": "float",
        "unit": {
            "id": "unit_Qm7aP2xD",
            "name": "nanogram per microlitre",
            "symbol": "ng/µL",
            "unitTypeId": "qnty_C0ncMass",
        },
        "value": Slot("number"),
    },
    "Barcode": {
        "displayValue": Text("%(big)s"),
        "isMulti": False,
        "textValue": None,
        "type": "integer",
        "unit": None,
        "value": Slot("big"),
    },
    "Resistance": {
        "displayValue": "Kanamycin, Ampicillin",
        "isMulti": True,
        "textValue": "Kanamycin, Ampicillin",
        "type": "dropdown",
        "value": ["sfso_Kan4mYc1", "sfso_Amp1c1Ln"],
    },
    "Verified": {
        "displayValue": "true",
        "isMulti": False,
        "textValue": "true",
        "type": "boolean",
        "value": True,
    },
    "Storage": {
        "displayValue": None,
        "isMulti": False,
        "textValue": None,
        "type": "storage_link",
        "value": None,
    },
    "Notes": {
        "displayValue": None,
        "isMulti": False,
        "textValue": None,
        "type": "long_text",
        "value": Text("Revision %(version)s, kept at −80 °C. %(padding)s"),
    },
}

# Benchling adds properties without notice; a reader must keep what it does not know.
UNKNOWN: Final[dict[str, Node]] = {
    "labelTemplate": None,
    "replicationFactor": Slot("number"),
    "sequenceNumber": Slot("big"),
    "storageHint": "−80 °C",
}

# What every entity has, in an order that is Benchling's own for most kinds.
_COMMON: Final[dict[str, Node]] = {
    "aliases": [Text("%(name)s"), "α-variant"],
    "apiURL": Text("%(host)s%(path)s"),
    "archiveRecord": Slot("archive"),
    "authors": [Slot("creator"), Slot("author")],
    "createdAt": Text("%(created)s"),
    "creator": Slot("creator"),
    "customFields": {"Legacy ID": {"value": Text("QM-%(number6)s")}},
    "entityRegistryId": Text("%(registry_entry)s"),
    "fields": FIELDS,
    "folderId": Text("%(folder)s"),
    "id": Text("%(id)s"),
    "modifiedAt": Text("%(modified)s"),
    "name": Text("%(name)s"),
    "registrationOrigin": {"originEntryId": None, "registeredAt": Text("%(created)s")},
    "registryId": Text("%(registry)s"),
    "schema": Slot("schema"),
    "webURL": Text("%(host)s/quillmere/f/%(folder)s-registry/%(id)s/edit"),
}
_FEATURE: Final[dict[str, Node]] = {
    "color": "#F58A5E",
    "customFields": [{"name": "Score", "value": "0.10"}],
    "end": 720,
    "name": "β-lactamase",
    "notes": "",
    "start": 1,
    "strand": 1,
    "type": "CDS",
}
_PRIMER: Final[dict[str, Node]] = {
    "bases": "GATTACAGATTACA",
    "bindPosition": 14,
    "color": "#7051FC",
    "end": 15,
    "name": "fwd-GFP",
    "oligoId": "seq_Pr1m3R0x",
    "overhangLength": 0,
    "start": 1,
    "strand": 1,
}
_TRANSLATION: Final[dict[str, Node]] = {
    "aminoAcids": "MSKGEELFTG",
    "color": "#7051FC",
    "customFields": [],
    "end": 31,
    "geneticCode": "STANDARD",
    "name": "GFP",
    "notes": "",
    "regions": [{"end": 31, "start": 1}],
    "start": 1,
    "strand": 1,
}

_URL: Final = Text("/quillmere/f/%(folder)s/%(id)s/edit")
_SEQUENCE: Final[dict[str, Node]] = {
    **_COMMON,
    **UNKNOWN,
    "bases": Slot("bases"),
    "isCircular": True,
    "length": Slot("length"),
    "parts": [],
    "primers": [_PRIMER],
    "translations": [_TRANSLATION],
}
_OLIGO: Final[dict[str, Node]] = {
    **_COMMON,
    **UNKNOWN,
    "annotations": [_FEATURE],
    "customNotation": None,
    "customNotationName": None,
    "length": Slot("length"),
}

SHAPES: Final[dict[str, Node]] = {
    "entity.dna_sequence": {
        "annotations": [_FEATURE],
        "dnaAlignmentIds": [],
        **_SEQUENCE,
        "transcriptions": [],
        "url": _URL,
    },
    "entity.rna_sequence": {
        "alignmentIds": [],
        "annotations": [_FEATURE],
        "customNotation": None,
        "customNotationName": None,
        "helm": None,
        **_SEQUENCE,
        "bases": Slot("rna_bases"),
        "url": _URL,
    },
    "entity.aa_sequence": {
        "aminoAcids": Text("MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ"),
        "annotations": [{"color": "#F58A5E", "end": 12, "name": "CDR-H1", "start": 3}],
        **_COMMON,
        **UNKNOWN,
        "length": 33,
        "url": _URL,
    },
    "entity.custom_entity": {**_COMMON, **UNKNOWN, "url": _URL},
    "entity.mixture": {
        "allowMeasuredIngredients": True,
        "amount": "0.500",
        "ingredients": [
            {
                "amount": "0.050",
                "catalogIdentifier": None,
                "componentEntity": {"entityRegistryId": None, "id": "bfi_S0d1umCl", "name": "NaCl"},
                "componentLotContainer": None,
                "componentLotEntity": None,
                "componentLotText": "Lot 0042",
                "hasParent": False,
                "id": "ingr_N4Cl0001",
                "notes": None,
                "targetAmount": None,
                "units": "mL",
            }
        ],
        **_COMMON,
        **UNKNOWN,
        "units": "L",
    },
    "entity.dna_oligo": {
        **_OLIGO,
        "bases": Slot("bases"),
        "helm": "RNA1{d(A)p.d(C)p.d(T)p}$$$$V2.0",
        "nucleotideType": "DNA",
    },
    "entity.rna_oligo": {
        **_OLIGO,
        "bases": Slot("rna_bases"),
        "helm": "RNA1{r(A)p.r(C)p.r(U)p}$$$$V2.0",
        "nucleotideType": "RNA",
    },
    # A molecule's model admits no unknown property.
    "entity.molecule": {
        **_COMMON,
        "canonicalizedSmiles": "Nc1nc(=O)n([H])cc1C1CC1",
        "originalSmiles": None,
    },
}

# The payload of `entity.registered`: the properties that all kinds share, and nothing else.
GENERIC_ENTITY: Final[Node] = {**_COMMON, "apiURL": Text("%(api_url)s")}
