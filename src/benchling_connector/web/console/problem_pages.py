"""Errors as pages: what the API says as `application/problem+json`, said to a person."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchling_connector.domain.errors import ConnectorError
from benchling_connector.web.access import services_of
from benchling_connector.web.callers import Visitor, find_visitor
from benchling_connector.web.console.places import came_from, own_path
from benchling_connector.web.console.rendering import show_to
from benchling_connector.web.guard import SAFE_METHODS
from benchling_connector.web.problems import MEDIA_TYPE, HttpProblem

__all__ = ["paged"]

NO_PAGES = ("/v1/", "/static/", "/openapi.json", "/metrics", "/healthz", "/readyz")
"""Beginnings of paths that programs ask for, whatever they accept."""


def paged(app: ASGIApp) -> ASGIApp:
    """The app, whose problems are shown as pages to browsers that ask for a page."""

    async def paging(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _wants_a_page(scope):
            await app(scope, receive, send)
            return
        scope.setdefault("state", {})
        begun: Message | None = None
        body = bytearray()

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                headers = Headers(raw=message["headers"])
                if headers.get("content-type", "").startswith(MEDIA_TYPE):
                    begun = message
                    return
            if begun is None:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                page = await _page(Request(scope, receive), json.loads(bytes(body)))
                retry = Headers(raw=begun["headers"]).get("retry-after")
                if retry is not None:
                    page.headers["Retry-After"] = retry
                await page(scope, receive, send)

        await app(scope, receive, sending)

    return paging


def _wants_a_page(scope: Scope) -> bool:
    """A browser that goes somewhere does; a script on a page, which says so, does not."""
    headers = Headers(scope=scope)
    is_script = "hx-request" in headers
    is_page = not scope["path"].startswith(NO_PAGES)
    return is_page and not is_script and "text/html" in headers.get("accept", "")


async def _page(request: Request, problem: Mapping[str, Any]) -> Response:
    if problem["code"] == "not-signed-in":
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        there = own_path(here) if request.method in SAFE_METHODS else came_from(request)
        return RedirectResponse(f"/signin?{urlencode({'next': there})}", 303)
    return show_to(
        request,
        await _visitor(request, problem["status"]),
        "problem.html",
        title=problem["title"],
        status=problem["status"],
        problem=problem,
    )


async def _visitor(request: Request, status: int) -> Visitor | None:
    """Whoever it is, for the layout: as the route has found, or, where there is no route, here."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is not None or status != HTTPStatus.NOT_FOUND or request.method not in SAFE_METHODS:
        return known
    try:
        return await find_visitor(request, services_of(request))
    except (HttpProblem, ConnectorError):
        return None
