"""Pages out of templates, in the layout that all of them share."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchling_connector import __version__
from benchling_connector.domain.rawfile import moment
from benchling_connector.web.callers import Visitor
from benchling_connector.web.console import said
from benchling_connector.web.console.assets import asset_url
from benchling_connector.web.console.places import came_from
from benchling_connector.web.console.preferences import Preferences, preferences_of
from benchling_connector.web.console.visits import Visit, may
from benchling_connector.web.guard import SAFE_METHODS
from benchling_connector.web.settings import settings_of

__all__ = ["draw", "leave", "show", "show_to"]

NAVIGATION = (("Connectors", "/connectors"),)
"""Title and path of each part of the console; a part is the pages below its path."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the layout is drawn with. `twin`: the API's URL for what the page shows, if any."""

    title: str
    twin: str | None
    path: str
    here: str
    visitor: Visitor | None
    preferences: Preferences
    said: said.Said | None

    @property
    def part(self) -> str | None:
        """The path of the part of the console that the page belongs to."""
        parts = (path for _, path in NAVIGATION)
        return next((one for one in parts if f"{self.path}/".startswith(f"{one}/")), None)


def show(
    visit: Visit, template: str, *, title: str, twin: str, status: int = 200, **context: object
) -> Response:
    """A page; or, for who would rather have JSON, the way to its twin."""
    accepted = visit.request.headers.get("accept", "")
    if "application/json" in accepted and "text/html" not in accepted and status < 400:
        return RedirectResponse(twin, 307, headers={"Vary": "Accept"})
    return show_to(
        visit.request, visit.visitor, template, title=title, twin=twin, status=status, **context
    )


def show_to(
    request: Request,
    visitor: Visitor | None,
    template: str,
    *,
    title: str,
    twin: str | None = None,
    status: int = 200,
    **context: object,
) -> Response:
    """A page for whoever it may be: for signing in, and for errors."""
    path = request.url.path
    query = f"?{request.url.query}" if request.url.query else ""
    here = path + query if request.method in SAFE_METHODS else came_from(request)
    told = said.said_of(request.cookies.get(said.COOKIE))
    frame = Frame(title, twin, path, here, visitor, preferences_of(request), told)
    text = _draw(template, visitor, frame=frame, navigation=NAVIGATION, **context)
    response = HTMLResponse(text, status, headers={"Vary": "Accept, Cookie"})
    if said.COOKIE in request.cookies:
        response.delete_cookie(said.COOKIE, path="/")
    return response


def draw(visit: Visit, template: str, **context: object) -> str:
    """A fragment of a page."""
    return _draw(template, visit.visitor, **context)


def leave(request: Request, path: str, word: str | None = None) -> Response:
    """Leads to a page after a form was heeded; there it says `word`, see `said.py`."""
    response = RedirectResponse(path, 303)
    if word is not None:
        response.set_cookie(
            said.COOKIE,
            word,
            max_age=said.LASTS_S,
            path="/",
            secure=settings_of(request).is_https(request),
            httponly=True,
            samesite="lax",
        )
    return response


def _draw(template: str, visitor: Visitor | None, **context: object) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            csrf=(visitor and visitor.csrf) or "",
            may=lambda role: may(visitor, role),
            **context,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("benchling_connector.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    more: dict[str, Any] = {"asset": asset_url, "version": __version__}
    environment.globals.update(more)
    environment.filters["time"] = _time
    environment.filters["segment"] = lambda text: quote(text, safe="")
    return environment


def _time(at: datetime | None) -> Markup:
    """A time for people in UTC, and in the form that the script turns into local time."""
    if at is None:
        return Markup('<span class="quiet">never</span>')
    text = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}">{}</time>').format(moment(at), text)
