"""The audit: what was done, by whom, when, how, and why; each entry chained to the one before."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from benchling_connector.domain.access import Caller
from benchling_connector.domain.rawfile import moment

__all__ = ["FIRST", "AuditRecord", "Deed", "hash_of"]

FIRST = "0" * 64
"""What the first entry is chained to."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done, before it is written down.

    `action` is a fixed word (`connector.created`). `old` and `new` are JSON values, secrets as
    fingerprints.
    """

    caller: Caller
    action: str
    connector_id: str | None = None
    subject: str | None = None
    old: object = None
    new: object = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One entry as it stands. `old`, `new`: JSON text. `number` counts from 1 without gaps."""

    number: int
    at: datetime
    actor: str
    way: str
    origin: str | None
    action: str
    connector_id: str | None
    subject: str | None
    old: str | None
    new: str | None
    reason: str | None
    previous_hash: str
    hash: str


def hash_of(record: AuditRecord) -> str:
    """SHA-256, in hex, over everything in an entry but the hash itself."""
    fields = [
        record.number,
        moment(record.at),
        record.actor,
        record.way,
        record.origin,
        record.action,
        record.connector_id,
        record.subject,
        record.old,
        record.new,
        record.reason,
        record.previous_hash,
    ]
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
