"""How entries, stage entries, worksheets and requests look in Benchling's API."""

from typing import Final

from benchling_connector.simulator.jsontemplate import Node, Slot, Text
from benchling_connector.simulator.shapes_entities import FIELDS, UNKNOWN

_REVIEW_PROCESS: Final[dict[str, Node]] = {
    "completionStatus": "WITNESSED",
    "id": "revproc_Q1aZ7mTn",
    "name": "Witnessing",
    "stages": [
        {
            "actionLabel": "WITNESS",
            "id": "revstg_9kPq2LxV",
            "name": "Witness",
            "reviewers": [
                {
                    "handle": "jhalvane",
                    "id": "ent_R3v13w3r",
                    "name": "Joric Halvane",
                    "status": "PENDING",
                }
            ],
        }
    ],
    "type": "SEQUENTIAL",
}
_REVIEW_CHANGE: Final[dict[str, Node]] = {
    "action": "SEND_FOR_REVIEW",
    "comment": None,
    "createdAt": Text("%(modified)s"),
    "esigned": False,
    "id": "rvwchg_Xy12Zq9a",
    "reviewSnapshot": None,
}
_SNAPSHOT: Final[dict[str, Node]] = {
    **_REVIEW_CHANGE,
    "action": "ACCEPT",
    "comment": "Reviewed, “as run”",
    "esigned": True,
    "reviewSnapshot": {
        "createdAt": Text("%(modified)s"),
        "downloadURL": Text("%(host)s/_downloads/%(id)s.pdf?signature=c2lnbmF0dXJl"),
        "expiresAt": Text("%(modified)s"),
        "size": 48213,
        "status": "SUCCEEDED",
    },
}
_LINK: Final[dict[str, Node]] = {
    "id": "bfi_L1nk3d0A",
    "type": "custom_entity",
    "webURL": Text("%(host)s/quillmere/f/%(folder)s-registry/bfi_L1nk3d0A/edit"),
}
_TABLE: Final[dict[str, Node]] = {
    "columnLabels": ["Well", "A450"],
    "name": "Plate",
    "rows": [
        {"cells": [{"text": "A1"}, {"link": _LINK, "text": "0.10"}]},
        {"cells": [{"text": "A2"}, {"text": "1e-07"}]},
    ],
}
_DAYS: Final[list[Node]] = [
    {
        "date": "2026-01-15",
        "notes": [
            {"indentation": 0, "links": [], "text": "Aim: expression at 37 °C", "type": "text"},
            {"indentation": 1, "links": [_LINK], "text": "seed train", "type": "list_bullet"},
            {
                "checked": True,
                "indentation": 0,
                "links": [],
                "text": "mycoplasma negative",
                "type": "list_checkbox",
            },
            {
                "externalFileId": Text("%(external_file)s"),
                "indentation": 0,
                "links": [],
                "text": "gel.png",
                "type": "external_file",
            },
            {"indentation": 0, "links": [], "table": _TABLE, "text": "", "type": "table"},
            {
                "assayRunId": None,
                "assayRunSchemaId": "assaysch_3IF58QOf",
                "indentation": 0,
                "type": "assay_run",
            },
        ],
        "title": None,
    }
]
_PAGE: Final[dict[str, Node]] = {
    "assignedReviewers": [Slot("author")],
    "authors": [Slot("creator")],
    "createdAt": Text("%(created)s"),
    "creator": Slot("creator"),
    "customFields": {"Instrument": {"value": "ÄKTA"}},
    "days": _DAYS,
    "displayId": Text("%(display_id)s"),
    "fields": FIELDS,
    "folderId": Text("%(folder)s"),
    "id": Text("%(id)s"),
    "modifiedAt": Text("%(modified)s"),
    "name": Text("%(name)s"),
    "schema": Slot("dated_schema"),
    "webURL": Text("%(host)s/quillmere/f/%(folder)s-notebook/%(id)s/edit"),
}
_REVIEW_RECORD: Final[dict[str, Node]] = {
    "comment": "",
    "reviewChanges": [_REVIEW_CHANGE, _SNAPSHOT],
    "reviewProcesses": [_REVIEW_PROCESS],
    "status": "NEEDS_REVIEW",
}
# In events a stage entry has no days and no reviewers, and its model is closed.
STAGE_ENTRY_EVENT: Final[dict[str, Node]] = {
    "apiURL": Text("%(host)s%(path)s"),
    **{key: _PAGE[key] for key in _PAGE if key not in {"days", "assignedReviewers"}},
    "reviewRecord": None,
    "workflowId": "wfw_7COQmok7",
    "workflowStageId": "wfwstg_EZuryAiW",
}

SHAPES: Final[dict[str, Node]] = {
    "entry": {
        "apiURL": Text("%(host)s%(path)s"),
        "archiveRecord": Slot("archive"),
        **_PAGE,
        "entryTemplateId": None,
        "reviewRecord": _REVIEW_RECORD,
        **UNKNOWN,
    },
    # A stage entry's model admits no unknown property.
    "stageEntry": {
        "apiURL": Text("%(host)s%(path)s"),
        **_PAGE,
        "reviewRecord": None,
        "workflowId": "wfw_7COQmok7",
        "workflowStageId": "wfwstg_EZuryAiW",
    },
    "worksheet": {
        "apiURL": Text("%(host)s%(path)s"),
        "createdAt": Text("%(created)s"),
        "creator": Slot("creator"),
        "folderId": Text("%(folder)s"),
        "id": Text("%(id)s"),
        "modifiedAt": Text("%(modified)s"),
        "name": Text("%(name)s"),
        "reviewRecord": _REVIEW_RECORD,
        "webURL": Text("%(host)s/quillmere/f/%(folder)s-notebook/%(id)s/edit"),
        **UNKNOWN,
        "memo": Text("%(padding)s"),
    },
    "request": {
        "apiURL": Text("%(host)s%(path)s"),
        "assignees": [{"user": Slot("author")}, {"team": Slot("team")}],
        "createdAt": Text("%(created)s"),
        "creator": Slot("creator"),
        "displayId": Text("%(display_id)s"),
        "fields": FIELDS,
        "id": Text("%(id)s"),
        "projectId": Text("%(project)s"),
        "requestStatus": "REQUESTED",
        "requestor": Slot("creator"),
        "sampleGroups": [
            {
                "id": "sgrp_2GPCXk6a",
                "samples": {"Sample": {"containerId": "con_urUAEBqa", "entityId": "seq_nDtxYEsa"}},
            }
        ],
        "scheduledOn": None,
        "schema": Slot("schema"),
        "tasks": [
            {
                "fields": {"Depth": FIELDS["Concentration"]},
                "id": "reqtsk_Tt7qLm2c",
                "sampleGroupIds": ["sgrp_2GPCXk6a"],
                "schema": {"id": "reqtsksch_XHu79QRw", "name": "Sanger read"},
            }
        ],
        "webURL": Text("%(host)s/requests/%(id)s"),
        **UNKNOWN,
    },
}
