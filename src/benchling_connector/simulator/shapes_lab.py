"""How runs, results, automation files and workflows look in Benchling's API."""

from typing import Final

from benchling_connector.simulator.jsontemplate import Node, Slot, Text
from benchling_connector.simulator.shapes_entities import FIELDS, UNKNOWN

_ASSAY: Final[dict[str, Node]] = {
    "archiveRecord": Slot("archive"),
    "createdAt": Text("%(created)s"),
    "creator": Slot("creator"),
    "entryId": None,
    "fields": FIELDS,
    "id": Text("%(id)s"),
    "isReviewed": False,
    "projectId": Text("%(project)s"),
    "schema": Slot("schema"),
    "validationStatus": "VALID",
    **UNKNOWN,
}
_BLOB: Final[dict[str, Node]] = {
    "id": Text("%(blob)s"),
    "mimeType": "text/csv",
    "name": "Plate-µ.csv",
    "type": "RAW_FILE",
    "uploadStatus": "COMPLETE",
}
# The payload of automation events, and the beginning of what the API answers.
AUTOMATION_FILE: Final[dict[str, Node]] = {
    "assayRunId": Text("%(run)s"),
    "automationFileConfig": {"name": Text("%(name)s")},
    "file": _BLOB,
    "id": Text("%(id)s"),
    "status": "SUCCEEDED",
}
_TRANSFORM: Final[dict[str, Node]] = {
    "apiURL": Text("%(host)s%(path)s"),
    "blobId": Text("%(blob)s"),
    "customTransformId": None,
    "errors": {"topLevelErrors": [{"errorMessage": "Column “A450” is missing"}]},
    "id": Text("%(id)s"),
    "inputGeneratorId": None,
    "modifiedAt": Text("%(modified)s"),
    "outputProcessorId": "aop_C3wGA9HF",
    "status": "RUNNING",
}
_TIMES: Final[dict[str, Node]] = {
    "createdAt": Text("%(created)s"),
    "modifiedAt": Text("%(modified)s"),
}
_LINKED_TRANSFORM: Final[dict[str, Node]] = {
    **_TRANSFORM,
    "apiURL": Text("%(host)s/api/v2/automation-file-transforms/%(transform)s"),
    "id": Text("%(transform)s"),
    "status": "SUCCEEDED",
}

_ORIGIN: Final[dict[str, Node]] = {
    "application": None,
    "originId": None,
    "originModalUuid": None,
    "originType": "API",
}
_GROUP_SUMMARY: Final[dict[str, Node]] = {
    "displayId": "ANG7",
    "id": "prs_giVNQcTL",
    "name": "Transfections, first week",
}
_TASK_SUMMARY: Final[dict[str, Node]] = {"displayId": "ANG7-T1", "id": "wftask_OnnsW08k"}
_OUTPUT_SUMMARY: Final[dict[str, Node]] = {"displayId": "ANG7-O1", "id": "wfout_5cJLQKVF"}
_WORKFLOW: Final[dict[str, Node]] = {
    "archiveRecord": Slot("archive"),
    "createdAt": Text("%(created)s"),
    "creationOrigin": _ORIGIN,
    "displayId": Text("%(display_id)s"),
    "id": Text("%(id)s"),
    "modifiedAt": Text("%(modified)s"),
    "webURL": Text("%(host)s/quillmere/workflows/%(id)s"),
    **UNKNOWN,
}

SHAPES: Final[dict[str, Node]] = {
    "assayRun": {
        "apiURL": Text("%(host)s%(path)s"),
        **_ASSAY,
        "equipmentId": None,
        "v3Id": Text("run_%(id)s"),
        "validationComment": None,
    },
    "assayResult": {
        **_ASSAY,
        "fieldValidation": {
            "Concentration": {"validationComment": "", "validationStatus": "VALID"}
        },
        "modifiedAt": Text("%(modified)s"),
        "v3Id": Text("result_%(id)s"),
        "validationComment": "",
    },
    "automationInputGenerator": {
        "apiURL": Text("%(host)s%(path)s"),
        **AUTOMATION_FILE,
        **_TIMES,
        "transforms": [],
        **UNKNOWN,
        "memo": Text("%(padding)s"),
    },
    "automationOutputProcessor": {
        "apiURL": Text("%(host)s%(path)s"),
        "archiveRecord": Slot("archive"),
        **AUTOMATION_FILE,
        "completeWithErrors": False,
        "errorFile": None,
        "progressStats": {"rowsFailed": 0, "rowsSucceeded": 96, "rowsUnprocessed": 0},
        **_TIMES,
        "transforms": [_LINKED_TRANSFORM],
        **UNKNOWN,
        "memo": Text("%(padding)s"),
    },
    "automationFileTransform": {**_TRANSFORM, **UNKNOWN, "memo": Text("%(padding)s")},
    "workflowTaskGroup": {
        **_WORKFLOW,
        "creator": Slot("creator"),
        "executionType": "DIRECT",
        "flowchartTaskGroups": [],
        "folder": {
            "archiveRecord": None,
            "id": Text("%(folder)s"),
            "name": "Bench Work",
            "parentFolderId": None,
            "projectId": Text("%(project)s"),
        },
        "name": Text("%(name)s"),
        "outputs": [],
        "responsibleTeam": None,
        "watchers": [Slot("author")],
        "workflowOutputs": [],
        "workflowTaskSchema": Slot("schema"),
        "workflowTasks": [_TASK_SUMMARY],
        "memo": Text("%(padding)s"),
    },
    "workflowTask": {
        **_WORKFLOW,
        "assignee": Slot("author"),
        "clonedFrom": None,
        "creator": Slot("creator"),
        "executionOrigin": None,
        "executionType": "DIRECT",
        "fields": FIELDS,
        "nextOutputs": [],
        "nextTasks": [],
        "outputs": [_OUTPUT_SUMMARY],
        "responsibleParties": [Slot("author")],
        "scheduledOn": None,
        "schema": Slot("schema"),
        "sourceOutputs": [],
        "sourceTasks": [],
        "status": {"displayName": "Pending", "id": "wfts_VFvwv7JV", "statusType": "PENDING"},
        "workflowOutputs": [_OUTPUT_SUMMARY],
        "workflowTaskGroup": _GROUP_SUMMARY,
    },
    "workflowOutput": {
        **_WORKFLOW,
        "fields": FIELDS,
        "nextOutputs": [],
        "nextTasks": [],
        "sourceOutputs": [],
        "sourceTasks": [],
        "workflowTask": _TASK_SUMMARY,
        "workflowTaskGroup": _GROUP_SUMMARY,
    },
}
