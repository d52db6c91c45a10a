"""The audit: what was done, by whom, when, how, and why; each entry chained to the one before."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime

from benchling_connector.domain.access import Caller
from benchling_connector.domain.rawfile import moment

__all__ = [
    "FIRST",
    "AuditFilter",
    "AuditRecord",
    "Deed",
    "Finding",
    "Head",
    "Verdict",
    "hash_of",
    "head_of",
    "wrong_with",
]

FIRST = "0" * 64
"""What the first entry is chained to."""

_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


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


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries. `action` takes `*` and `?`; `until` is not in any more."""

    actor: str | None = None
    action: str | None = None
    connector_id: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Where the audit ends: its last entry's number, 0 if there is none, and hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong: the number of the entry, and a sentence."""

    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying found. `entries` were looked at; `head` is where the audit says it ends."""

    entries: int
    head: Head | None
    finding: Finding | None

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.finding is None


def head_of(text: str) -> Head | None:
    """A head as it is noted down (`17:9f86d0…`); None if this is none."""
    found = _HEAD.fullmatch(text.strip())
    return None if found is None else Head(int(found[1]), found[2])


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


def wrong_with(record: AuditRecord, before: Head, noted: Head | None) -> Finding | None:
    """What is wrong with an entry that comes after `before`; None if nothing is.

    `noted`: a head that somebody kept elsewhere.
    """
    expected, number = before.number + 1, record.number
    if number > expected:
        return Finding(expected, f"Entry {expected} is missing; the next one is {number}.")
    if number < expected:
        return Finding(number, f"Entry {number} was put in: the first one has the number 1.")
    if not _fits(record):
        return Finding(number, f"Entry {number} was changed: its hash does not fit its content.")
    if record.previous_hash != before.hash:
        sentence = f"Entry {number} does not follow the one before it: one of them was replaced."
        return Finding(number, sentence)
    if noted is not None and noted.number == number and noted.hash != record.hash:
        sentence = f"Entry {number} is not the one that was noted: it, or one before, was replaced."
        return Finding(number, sentence)
    return None


def _fits(record: AuditRecord) -> bool:
    try:
        return hash_of(record) == record.hash
    except TypeError:  # SQLite keeps bytes in a column of text, if somebody puts them there
        return False
