"""How accounts, tokens and the audit are written as JSON, by HTTP and by the command line alike."""

import json
from datetime import datetime

from benchling_connector.domain.accounts import Account
from benchling_connector.domain.audit import AuditRecord, Verdict
from benchling_connector.domain.rawfile import moment
from benchling_connector.platform.tokens import Token

__all__ = [
    "account_document",
    "entry_document",
    "exported",
    "token_document",
    "verdict_document",
]


def account_document(account: Account) -> dict[str, object]:
    """All that is known of it; nothing of its password."""
    return {
        "accountId": account.account_id,
        "name": account.name,
        "email": account.email,
        "role": account.role.value,
        "status": "ENABLED" if account.disabled_at is None else "DISABLED",
        "hasPassword": account.has_password,
        "issuer": account.issuer,
        "createdAt": moment(account.created_at),
        "createdBy": account.created_by,
        "signedInAt": _time(account.signed_in_at),
        "disabledAt": _time(account.disabled_at),
    }


def token_document(token: Token) -> dict[str, object]:
    """All that is known of it but the token itself."""
    return {
        "tokenId": token.token_id,
        "name": token.name,
        "role": None if token.role is None else token.role.value,
        "connectorId": token.connector_id,
        "createdAt": moment(token.created_at),
        "createdBy": token.created_by,
        "expiresAt": _time(token.expires_at),
        "usedAt": _time(token.used_at),
        "revokedAt": _time(token.revoked_at),
    }


def exported(record: AuditRecord) -> dict[str, object]:
    """An entry as its hash is made of it: `old` and `new` are text."""
    return {
        "number": record.number,
        "at": moment(record.at),
        "actor": record.actor,
        "way": record.way,
        "origin": record.origin,
        "action": record.action,
        "connectorId": record.connector_id,
        "subject": record.subject,
        "old": record.old,
        "new": record.new,
        "reason": record.reason,
        "previousHash": record.previous_hash,
        "hash": record.hash,
    }


def entry_document(record: AuditRecord) -> dict[str, object]:
    """An entry for people and programs: `old` and `new` are the values that they are."""
    return {**exported(record), "old": _value(record.old), "new": _value(record.new)}


def verdict_document(verdict: Verdict) -> dict[str, object]:
    """What verifying found."""
    finding = verdict.finding
    return {
        "intact": verdict.intact,
        "entries": verdict.entries,
        "head": None if verdict.head is None else str(verdict.head),
        "finding": finding and {"number": finding.number, "sentence": finding.sentence},
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else moment(at)


def _value(text: str | None) -> object:
    """Whoever changed an entry need not have left JSON."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
