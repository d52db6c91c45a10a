"""Signing in and out, and who one is."""

import math
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.audit import Deed
from benchling_connector.platform.attempts import Delayed
from benchling_connector.platform.services import Services
from benchling_connector.platform.sessions import Opened
from benchling_connector.web.access import Served, Visiting
from benchling_connector.web.callers import CSRF_HEADER, Visitor, give_cookie, take_cookie
from benchling_connector.web.own.models import fields_told
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.settings import origin_of
from benchling_connector.web.shapes import Answer, Body, Time, problems

__all__ = ["router"]

router = APIRouter(tags=["session"])


class SessionAnswer(Answer):
    """Who calls, how they came in, and what they may do."""

    name: str
    way: Way
    role: Role | None = Field(description="Null for a connector.")
    connector_id: str | None
    csrf: str | None = Field(description=f"What a session sends as `{CSRF_HEADER}`.")
    expires_at: Time | None = Field(description="When the session ends at the latest.")


class Credentials(Body):
    """Whoever signs in."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(min_length=1, max_length=2_000)]


class OwnPassword(Body):
    """Another password for oneself."""

    current: Annotated[str, Field(min_length=1, max_length=2_000)]
    new: Annotated[str, Field(max_length=2_000, description="At least 12 characters.")]


@router.post("/v1/session", responses=problems(401, 429))
async def sign_in(
    request: Request, services: Served, credentials: Credentials, response: Response
) -> SessionAnswer:
    """Signs in with name and password: the answer sets the session's cookie.

    Whoever fails too often has to wait, by name and by address: 429 with `Retry-After`.
    """
    opened = await _by_password(request, services, credentials.name, credentials.password)
    visitor = Visitor(opened.caller, opened.secret, opened.csrf, opened.expires_at)
    give_cookie(request, response, opened)
    return _answer(visitor)


@router.get("/v1/session")
async def read_session(visitor: Visiting) -> SessionAnswer:
    """Who calls, how they came in, and what they may do; a session's CSRF token."""
    return _answer(visitor)


@router.delete("/v1/session", status_code=204)
async def sign_out(request: Request, services: Served, visitor: Visiting) -> Response:
    """Ends the session."""
    if visitor.secret is not None:
        await services.sessions.end(visitor.secret, visitor.caller)
    response = Response(status_code=204)
    take_cookie(request, response)
    return response


@router.put("/v1/session/password", status_code=204, responses=problems(404, 429))
async def change_own_password(
    request: Request, services: Served, visitor: Visiting, body: OwnPassword
) -> Response:
    """Gives oneself another password. All one's sessions end, this one, too: sign in anew."""
    caller = visitor.caller
    if visitor.secret is None or caller.account_id is None:
        raise HttpProblem(404, "account-unknown", "You are not signed in with an account.")
    await _by_password(request, services, caller.name, body.current)
    with fields_told():
        await services.accounts.set_password(caller, caller.account_id, body.new)
    response = Response(status_code=204)
    take_cookie(request, response)
    return response


@router.get("/signin/link/{secret}", status_code=303, responses=problems(410))
async def sign_in_by_link(request: Request, services: Served, secret: str) -> Response:
    """Signs an administrator in with a one-time link, and leads to the console."""
    opened = await services.sessions.open_by_link(secret, origin_of(request))
    if opened is None:
        unknown = Caller("unknown", Way.SESSION, None, origin_of(request))
        await services.refusals.note(Deed(unknown, "sign_in.refused", subject="link"))
        raise HttpProblem(
            410,
            "link-over",
            "This link was used already, or is older than 15 minutes.",
            remedy="`benchling-connector console link` makes a new one.",
        )
    response = RedirectResponse("/", status_code=303)
    give_cookie(request, response, opened)
    return response


async def _by_password(request: Request, services: Services, name: str, password: str) -> Opened:
    """A new session. Raises `HttpProblem`: 401, or 429 for who has to wait."""
    opened = await services.sign_in.by_password(name, password, origin_of(request))
    if isinstance(opened, Delayed):
        seconds = math.ceil(opened.seconds)
        raise HttpProblem(
            429,
            "sign-in-delayed",
            f"Signing in failed too often. Try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )
    if opened is None:
        raise HttpProblem(401, "sign-in-failed", "Name or password is wrong.")
    return opened


def _answer(visitor: Visitor) -> SessionAnswer:
    caller = visitor.caller
    return SessionAnswer(
        name=caller.name,
        way=caller.way,
        role=caller.role,
        connector_id=caller.connector_id,
        csrf=visitor.csrf,
        expires_at=visitor.expires_at,
    )
