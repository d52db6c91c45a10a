"""Who may do what: roles, and whoever comes in with one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ANYBODY", "Caller", "Role", "Way", "role_among", "roles_of"]

ANYBODY = "*"
"""In a mapping of groups to roles: whoever is in no group that it names."""


class Role(StrEnum):
    """Each may do what those before it may. A `connector` is none of them: it may touch nothing
    but itself."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, other: "Role") -> bool:
        """Whether this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)

    def at_most(self, other: "Role") -> "Role":
        """The lesser of the two."""
        return other if self.covers(other) else self


class Way(StrEnum):
    """How somebody came in, for the audit."""

    CLI = "cli"
    TOKEN = "token"  # noqa: S105 - it is none
    SESSION = "session"
    PROXY = "proxy"
    CONNECTOR = "connector"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever does something: its name, how it came in, from which address, and as what.

    `role` is None for a connector, whose ID is `connector_id`; nobody else has one. `account_id`
    is that of the account it acts for, where there is one.
    """

    name: str
    way: Way
    role: Role | None
    origin: str | None = None
    connector_id: str | None = None
    account_id: str | None = None


def role_among(groups: Iterable[str], roles: Mapping[str, Role]) -> Role | None:
    """The highest role that one of the groups has; None if nobody let them in."""
    found = {roles[group] for group in groups if group in roles and group != ANYBODY}
    if not found and ANYBODY in roles:
        return roles[ANYBODY]
    return max(found, key=list(Role).index, default=None)


def roles_of(text: str) -> dict[str, Role]:
    """A mapping as people write it: `lab-admins=admin, lab=operator, *=viewer`.

    Raises `ValueError` with a sentence.
    """
    roles = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        group, equals, word = (one.strip() for one in part.rpartition("="))
        if not equals or not group or word not in set(Role):
            raise ValueError(
                f"{part!r} is not of the form group=viewer, group=operator or group=admin."
            )
        roles[group] = Role(word)
    return roles
