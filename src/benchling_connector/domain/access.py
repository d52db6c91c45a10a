"""Who may do what: roles, and whoever comes in with one."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Caller", "Role", "Way"]


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

    `role` is None for a connector, whose ID is `connector_id`; nobody else has one.
    """

    name: str
    way: Way
    role: Role | None
    origin: str | None = None
    connector_id: str | None = None
