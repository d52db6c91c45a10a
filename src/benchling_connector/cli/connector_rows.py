"""Connectors, configurations and commands as the command line shows them."""

import json
from collections.abc import Mapping, Sequence

from benchling_connector.cli.showing import Rows, short
from benchling_connector.domain.commands import Command, Job
from benchling_connector.domain.connectors import ConnectorView
from benchling_connector.domain.lifecycle import connection_of
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.versions import Version

__all__ = ["COMMANDS", "CONNECTORS", "JOBS", "VERSIONS", "command_facts", "command_row"]
__all__ += ["facts_of", "job_facts", "job_row", "row_of", "version_row"]


def row_of(view: ConnectorView) -> dict[str, object]:
    """One connector of `connectors ls --json`, in the words of the HTTP API."""
    trouble = view.trouble
    return {
        "id": view.connector_id,
        "name": view.name,
        "connectorType": view.type,
        "hostType": view.host.value,
        "description": view.description,
        "version": view.version,
        "labels": [
            {"id": str(one.number), "name": one.name, "value": one.value} for one in view.labels
        ],
        "metadata": dict(view.metadata),
        "tags": list(view.tags),
        "connectionStatus": connection_of(view.mode).value,
        "operatingStatus": view.mode.value,
        "networkStatus": view.network.value,
        "health": view.health.value,
        "healthErrorCode": trouble.code if trouble else None,
        "sentence": trouble.sentence if trouble else None,
        "remedy": trouble.remedy if trouble else None,
        "configVersion": view.config_version,
        "logLevel": view.log_level,
        "lastSeenAt": moment(view.seen_at) if view.seen_at else None,
        "createdAt": moment(view.created_at),
        "updatedAt": moment(view.updated_at),
        "workers": [
            {
                "workerId": one.worker_id,
                "host": one.host,
                "pid": one.pid,
                "startedBy": one.started_by,
                "version": one.version,
                "mode": one.mode.value if one.mode else None,
                "configVersion": one.config_version,
                "networkStatus": one.network.value,
                "health": one.health.value,
                "startedAt": moment(one.started_at),
                "lastSeenAt": moment(one.seen_at) if one.seen_at else None,
                "endedAt": moment(one.ended_at) if one.ended_at else None,
            }
            for one in view.workers
        ],
    }


def facts_of(document: Mapping[str, object], view: ConnectorView) -> dict[str, object]:
    """The same for people: a line for each label, worker and count."""
    files = document.get("files")
    return {
        **document,
        "labels": [f"{one.number}: {one.name}={one.value}" for one in view.labels] or None,
        "metadata": [f"{name}={value}" for name, value in view.metadata.items()] or None,
        "tags": list(view.tags) or None,
        "workers": [
            f"{one.host} {one.pid}: {one.network.value}, {one.health.value}, "
            f"{one.mode.value if one.mode else 'RUNNING'}, started by {one.started_by}"
            for one in view.workers
        ]
        or None,
        **(
            {"files": [f"{count:,} {name}" for name, count in files.items()]}
            if isinstance(files, dict)
            else {}
        ),
    }


def _cells(view: ConnectorView) -> tuple[str, ...]:
    """One connector in a table."""
    return (
        view.name,
        view.type,
        view.host.value,
        view.network.value,
        view.health.value,
        view.mode.value,
        view.connector_id,
    )


def version_row(version: Version) -> dict[str, object]:
    """One version of `connectors history --json`; of a secret only its fingerprint."""
    return {
        "version": version.version,
        "createdAt": moment(version.created_at),
        "createdBy": version.created_by,
        "reason": version.reason,
        "restoredFrom": version.restored_from,
        "config": version.shown(),
        "difference": [one.told() for one in version.difference],
    }


def _version_cells(version: Version) -> tuple[str, ...]:
    """One version in a table."""
    changed = ", ".join(one.key for one in version.difference)
    if version.restored_from is not None:
        changed = f"restored from {version.restored_from}: {changed}"
    return (
        str(version.version),
        short(version.created_at),
        version.created_by,
        changed,
        version.reason or "",
    )


def command_row(command: Command) -> dict[str, object]:
    """One command of `commands ls --json`, in the words of the HTTP API."""
    return {
        "commandId": command.command_id,
        "targetId": command.connector_id,
        "action": command.action,
        "body": command.body,
        "status": command.status.value,
        "responseBody": command.answer,
        "createdAt": moment(command.created_at),
        "createdBy": command.created_by,
        "expiresAt": moment(command.expires_at),
        "workerId": command.worker_id,
        "startedAt": moment(command.started_at) if command.started_at else None,
        "endedAt": moment(command.ended_at) if command.ended_at else None,
        "jobId": command.job_id,
    }


def command_facts(command: Command) -> dict[str, object]:
    """The same for people: what it brought and what was answered as JSON, a line for each part."""
    row = command_row(command)
    return {**row, "body": _lines(command.body), "responseBody": _lines(command.answer)}


def job_row(job: Job) -> dict[str, object]:
    """One job of `commands jobs --json`, in the words of the HTTP API."""
    return {
        "jobId": job.job_id,
        "kind": job.kind,
        "status": job.status.value,
        "done": job.done,
        "total": job.total,
        "message": job.message,
        "answer": job.answer,
        "workerId": job.worker_id,
        "createdAt": moment(job.created_at),
        "createdBy": job.created_by,
        "updatedAt": moment(job.updated_at),
        "endedAt": moment(job.ended_at) if job.ended_at else None,
    }


def job_facts(job: Job) -> dict[str, object]:
    """The same for people."""
    return {**job_row(job), "answer": _lines(job.answer)}


def _job_cells(job: Job) -> Sequence[str]:
    done = f"{job.done:,}" if job.total is None else f"{job.done:,} of {job.total:,}"
    return (
        short(job.created_at),
        job.job_id,
        job.status.value,
        job.kind,
        job.created_by,
        done,
        job.message or "",
    )


def _lines(value: object) -> list[str] | None:
    """JSON as lines: one for each key of an object, and each item of a list in it."""
    if value is None:
        return None
    if not isinstance(value, dict):
        return [_text(value)]
    lines = []
    for key, part in value.items():
        items = part if isinstance(part, list) else [part]
        lines += [f"{key}: {_text(one)}" for one in items]
    return lines or None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _command_cells(command: Command) -> Sequence[str]:
    """One command in a table."""
    return (
        short(command.created_at),
        command.command_id,
        command.status.value,
        command.created_by,
        command.action,
    )


CONNECTORS = Rows(
    name="connectors",
    called="connector",
    document=row_of,
    columns=("NAME", "TYPE", "HOST", "NETWORK", "HEALTH", "MODE", "CONNECTOR ID"),
    cells=_cells,
    nothing="No connectors match.",
)
VERSIONS = Rows(
    name="versions",
    called="version",
    document=version_row,
    columns=("VERSION", "SAVED (UTC)", "BY", "CHANGED", "REASON"),
    cells=_version_cells,
    nothing="Not configured yet.",
)
COMMANDS = Rows(
    name="commands",
    called="command",
    document=command_row,
    columns=("SENT (UTC)", "COMMAND", "STATUS", "BY", "ACTION"),
    cells=_command_cells,
    nothing="No commands match.",
)
JOBS = Rows(
    name="jobs",
    called="job",
    document=job_row,
    columns=("BEGUN (UTC)", "JOB", "STATUS", "KIND", "BY", "DONE", "MESSAGE"),
    cells=_job_cells,
    nothing="No jobs yet.",
)
