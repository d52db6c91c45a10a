"""Who calls, and whether they may: dependencies of routes."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from benchling_connector.domain.access import Caller, Role
from benchling_connector.platform.services import Services
from benchling_connector.web.problems import HttpProblem

__all__ = ["Served", "allowed", "allowed_or_itself", "services_of"]


def services_of(request: Request) -> Services:
    """The platform behind the app."""
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(services_of)]
"""A route's parameter for the platform."""


async def _caller(request: Request, services: Served) -> Caller:
    """Whoever calls. Raises `HttpProblem` (401)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    origin = request.client.host if request.client else None
    caller = None
    if scheme.lower() == "bearer" and token.strip():
        caller = await services.tokens.caller(token.strip(), origin)
    if caller is None:
        raise HttpProblem(
            401,
            "not-signed-in",
            "This needs a valid token.",
            remedy="Send `Authorization: Bearer …`; `benchling-connector tokens create` makes one.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return caller


def allowed(role: Role) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that gives the caller, who must have at least this role.

    Raises `HttpProblem` (401, 403).
    """

    async def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if caller.role is None or not caller.role.covers(role):
            raise _forbidden(f"This needs the role {role.value}.")
        return caller

    return check


def allowed_or_itself(role: Role) -> Callable[[str, Caller], Awaitable[Caller]]:
    """The same, for routes with a `connector_id` in their path: that connector may, too."""

    async def check(connector_id: str, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if caller.role is None and caller.connector_id == connector_id:
            return caller
        if caller.role is None or not caller.role.covers(role):
            raise _forbidden(f"This needs the role {role.value}, or to be the connector itself.")
        return caller

    return check


def _forbidden(detail: str) -> HttpProblem:
    return HttpProblem(403, "not-allowed", detail, remedy="Ask an administrator for the role.")
