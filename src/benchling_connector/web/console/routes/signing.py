"""Signing in with a form, and out."""

import math

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from benchling_connector.platform.attempts import Delayed
from benchling_connector.web.access import Served, Visiting
from benchling_connector.web.callers import cookie_name, find_visitor, give_cookie
from benchling_connector.web.console.places import HOME, own_path
from benchling_connector.web.console.rendering import leave, show_to
from benchling_connector.web.forms import fields_of
from benchling_connector.web.settings import origin_of, settings_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/", response_class=RedirectResponse)
async def home() -> Response:
    """To the first page."""
    return RedirectResponse(HOME, 307)


@router.get("/signin")
async def sign_in_page(
    request: Request,
    services: Served,
    next: str = HOME,  # noqa: A002 - its name in the URL
) -> Response:
    """The form; who is signed in goes on."""
    if await find_visitor(request, services) is not None:
        return RedirectResponse(own_path(next), 303)
    return _form(request, own_path(next))


@router.post("/signin")
async def sign_in(request: Request, services: Served) -> Response:
    """Signs in, and leads to where somebody wanted to go.

    Whoever fails too often has to wait, by name and by address.
    """
    fields = await fields_of(request)
    name, there = fields.get("name", ""), own_path(fields.get("next"))
    if not name or not fields.get("password"):
        return _form(request, there, 422, "Give your name and your password.", name)
    opened = await services.sign_in.by_password(name, fields["password"], origin_of(request))
    if isinstance(opened, Delayed):
        seconds = math.ceil(opened.seconds)
        text = f"Signing in failed too often. Try again in {seconds} s."
        response = _form(request, there, 429, text, name)
        response.headers["Retry-After"] = str(seconds)
        return response
    if opened is None:
        return _form(request, there, 401, "Name or password is wrong.", name)
    response = leave(request, there)
    give_cookie(request, response, opened)
    return response


@router.post("/signout")
async def sign_out(request: Request, services: Served, visitor: Visiting) -> Response:
    """Ends the session."""
    if visitor.secret is not None:
        await services.sessions.end(visitor.secret, visitor.caller)
    response = leave(request, "/signin", "signed-out")
    response.delete_cookie(cookie_name(request), path="/")
    return response


def _form(
    request: Request, there: str, status: int = 200, problem: str = "", name: str = ""
) -> Response:
    return show_to(
        request,
        None,
        "signin.html",
        title="Sign in",
        status=status,
        there=there,
        problem=problem,
        name=name[:200],
        has_oidc=settings_of(request).oidc is not None,
    )
