"""Signing in and out, and who one is."""

import math
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import Field

from benchling_connector.domain.access import Caller, Way
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.rawfile import moment
from benchling_connector.platform.attempts import Delayed
from benchling_connector.platform.services import Services
from benchling_connector.platform.sessions import Opened
from benchling_connector.web.access import Served, Visiting
from benchling_connector.web.callers import Visitor, cookie_name, give_cookie
from benchling_connector.web.own.models import Body, fields_told
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.settings import origin_of

__all__ = ["router"]

router = APIRouter(tags=["session"])


class Credentials(Body):
    """Whoever signs in."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(min_length=1, max_length=2_000)]


class OwnPassword(Body):
    """Another password for oneself."""

    current: Annotated[str, Field(min_length=1, max_length=2_000)]
    new: Annotated[str, Field(max_length=2_000, description="At least 12 characters.")]


@router.post("/v1/session", responses={401: {}, 403: {}, 429: {}})
async def sign_in(request: Request, services: Served, credentials: Credentials) -> Response:
    """Signs in with name and password: the answer sets the session's cookie.

    Whoever fails too often has to wait, by name and by address: 429 with `Retry-After`.
    """
    opened = await _by_password(request, services, credentials.name, credentials.password)
    visitor = Visitor(opened.caller, opened.secret, opened.csrf, opened.expires_at)
    response = JSONResponse(_document(visitor))
    give_cookie(request, response, opened)
    return response


@router.get("/v1/session", responses={401: {}, 403: {}})
async def who_am_i(visitor: Visiting) -> dict[str, object]:
    """Who calls, how they came in, and what they may do; a session's CSRF token."""
    return _document(visitor)


@router.delete("/v1/session", status_code=204, responses={401: {}, 403: {}})
async def sign_out(request: Request, services: Served, visitor: Visiting) -> Response:
    """Ends the session."""
    if visitor.secret is not None:
        await services.sessions.end(visitor.secret, visitor.caller)
    response = Response(status_code=204)
    response.delete_cookie(cookie_name(request), path="/")
    return response


@router.put("/v1/session/password", status_code=204, responses={401: {}, 403: {}, 404: {}, 429: {}})
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
    response.delete_cookie(cookie_name(request), path="/")
    return response


@router.get("/signin/link/{secret}", status_code=303, responses={410: {}})
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


def _document(visitor: Visitor) -> dict[str, object]:
    caller = visitor.caller
    return {
        "name": caller.name,
        "way": caller.way,
        "role": caller.role,
        "connectorId": caller.connector_id,
        "csrf": visitor.csrf,
        "expiresAt": None if visitor.expires_at is None else moment(visitor.expires_at),
    }
