"""Who calls, and whether they may: dependencies of routes."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from benchling_connector.domain.access import Caller, Role
from benchling_connector.platform.services import Services
from benchling_connector.web.callers import Visitor, find_visitor, not_signed_in, refused
from benchling_connector.web.problems import HttpProblem

__all__ = ["Served", "Visiting", "allowed", "allowed_or_itself", "services_of"]


def services_of(request: Request) -> Services:
    """The platform behind the app."""
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(services_of)]
"""A route's parameter for the platform."""

_BEARER = HTTPBearer(auto_error=False)
"""For the OpenAPI document only, which tells what else signs in."""


async def _visitor(
    request: Request,
    services: Served,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Visitor:
    """Whoever calls. Raises `HttpProblem` (401, 403)."""
    visitor = await find_visitor(request, services)
    if visitor is None:
        raise not_signed_in()
    request.state.visitor = visitor  # for the layout, should the request end in an error
    return visitor


Visiting = Annotated[Visitor, Depends(_visitor)]
"""A route's parameter for whoever calls, whatever they may do."""


def allowed(role: Role) -> Callable[[Request, Services, Visitor], Awaitable[Caller]]:
    """A dependency that gives the caller, who must have at least this role.

    Raises `HttpProblem` (401, 403).
    """

    async def check(request: Request, services: Served, visitor: Visiting) -> Caller:
        caller = visitor.caller
        if caller.role is None or not caller.role.covers(role):
            problem = _forbidden(f"This needs the role {role.value}.")
            raise await refused(request, services, caller, problem)
        return caller

    return check


def allowed_or_itself(
    role: Role,
) -> Callable[[str, Request, Services, Visitor], Awaitable[Caller]]:
    """The same, for routes with a `connector_id` in their path: that connector may, too."""

    async def check(
        connector_id: str, request: Request, services: Served, visitor: Visiting
    ) -> Caller:
        caller = visitor.caller
        if caller.role is None and caller.connector_id == connector_id:
            return caller
        if caller.role is None or not caller.role.covers(role):
            detail = f"This needs the role {role.value}, or to be the connector itself."
            raise await refused(request, services, caller, _forbidden(detail))
        return caller

    return check


def _forbidden(detail: str) -> HttpProblem:
    return HttpProblem(403, "not-allowed", detail, remedy="Ask an administrator for the role.")
