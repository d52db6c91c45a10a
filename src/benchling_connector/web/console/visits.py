"""Who looks at a page, and what of theirs the page is drawn with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from benchling_connector.domain.access import Caller, Role
from benchling_connector.platform.services import Services
from benchling_connector.web.access import Served, Visiting, allowed
from benchling_connector.web.callers import Visitor

__all__ = ["AdminVisit", "OperatorVisit", "ViewerVisit", "Visit", "may"]


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who may, and what they ask for."""

    request: Request
    services: Services
    visitor: Visitor

    @property
    def caller(self) -> Caller:
        """Who it is, for the services and the audit."""
        return self.visitor.caller


def _visit(role: Role) -> Callable[..., Awaitable[Visit]]:
    """A dependency that gives the visit of whoever has at least this role.

    Raises `HttpProblem` (401, 403).
    """

    async def check(
        request: Request,
        services: Served,
        visitor: Visiting,
        _: Annotated[Caller, Depends(allowed(role))],
    ) -> Visit:
        return Visit(request, services, visitor)

    return check


ViewerVisit = Annotated[Visit, Depends(_visit(Role.VIEWER))]
"""A route's parameter: whoever may look."""
OperatorVisit = Annotated[Visit, Depends(_visit(Role.OPERATOR))]
AdminVisit = Annotated[Visit, Depends(_visit(Role.ADMIN))]


def may(visitor: Visitor | None, role: str) -> bool:
    """Whether somebody has at least this role; a connector's own token has none."""
    own = None if visitor is None else visitor.caller.role
    return own is not None and own.covers(Role(role))
