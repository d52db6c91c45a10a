"""What is said about an alert: to a program as a document, to people as a few lines."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from benchling_connector.domain.rawfile import moment

__all__ = ["Notice", "What", "document_of", "subject_of", "text_of"]


class What(StrEnum):
    """Why a notice is sent."""

    RAISED = "raised"
    RESOLVED = "resolved"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. `notice_id` is the same each time that it is sent again: one state of one alert.

    A test is of no connector.
    """

    notice_id: str
    what: What
    alert_id: str
    connector_id: str | None
    connector_name: str | None
    kind: str
    code: str
    severity: str
    sentence: str
    remedy: str
    since: datetime
    resolved_at: datetime | None = None


def document_of(notice: Notice) -> dict[str, object]:
    """As JSON has it."""
    return {
        "noticeId": notice.notice_id,
        "what": notice.what.value,
        "alertId": notice.alert_id,
        "connectorId": notice.connector_id,
        "connectorName": notice.connector_name,
        "kind": notice.kind,
        "code": notice.code,
        "severity": notice.severity,
        "sentence": notice.sentence,
        "remedy": notice.remedy,
        "since": moment(notice.since),
        "resolvedAt": moment(notice.resolved_at) if notice.resolved_at else None,
    }


def subject_of(notice: Notice) -> str:
    """One line, for a mail or a phone."""
    word = {What.RAISED: notice.severity, What.RESOLVED: "Resolved", What.TEST: "Test"}
    name = notice.connector_name or "platform"
    return f"[{word[notice.what]}] Benchling connector {name}: {notice.code}"


def text_of(notice: Notice) -> str:
    """A few lines for people."""
    lines = [notice.sentence]
    if notice.what is What.RAISED:
        lines += ["", notice.remedy]
    lines += ["", f"Connector: {notice.connector_name} ({notice.connector_id})"]
    lines += [f"Since: {moment(notice.since)}"]
    if notice.resolved_at is not None:
        lines += [f"Resolved: {moment(notice.resolved_at)}"]
    lines += [f"Alert: {notice.alert_id}", f"Notice: {notice.notice_id}"]
    return "\n".join(lines) + "\n"
