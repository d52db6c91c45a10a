"""Versions of a configuration: what each holds, and how it differs from another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["Difference", "Version", "difference_of"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that is otherwise: JSON values, None where there is none; secrets as fingerprints."""

    key: str
    old: object
    new: object

    def told(self) -> dict[str, object]:
        """As JSON shows it."""
        return {"key": self.key, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class Version:
    """One version. `content` holds no secret; `fingerprints` tell which there are.

    `difference` is that to the version before.
    """

    version: int
    created_at: datetime
    created_by: str
    reason: str | None
    content: Mapping[str, object]
    fingerprints: Mapping[str, str]
    restored_from: int | None
    difference: tuple[Difference, ...] = field(default=())

    def shown(self) -> dict[str, object]:
        """All its keys and values, secrets as what is known of them."""
        return {**self.content, **secrets_shown(self.fingerprints)}


def secrets_shown(fingerprints: Mapping[str, str]) -> dict[str, object]:
    """What is shown of secrets."""
    return {key: {"set": True, "fingerprint": value} for key, value in fingerprints.items()}


def difference_of(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[Difference, ...]:
    """What differs between two that are shown, by key."""
    return tuple(
        Difference(key, old.get(key), new.get(key))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )
