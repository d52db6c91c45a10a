"""What every request and answer passes, whatever the route: hosts, origins, sizes, headers."""

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchling_connector.web.problems import HttpProblem, response_of
from benchling_connector.web.settings import WebSettings

__all__ = ["LARGEST_BODY", "SAFE_METHODS", "guarded"]

LARGEST_BODY = 1_000_000
"""Bytes."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ONLY_TLS = "max-age=31536000"


def guarded(app: ASGIApp, settings: WebSettings) -> ASGIApp:
    """The app behind all of them."""
    return _headers(_hosts(_origins(_sizes(app), settings), settings), settings)


def _headers(app: ASGIApp, settings: WebSettings) -> ASGIApp:
    """Says to browsers what the answer may do: nothing but what a page of ours does."""
    https = (settings.public_url or "").startswith("https:")

    async def heading(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if https:
                    headers.setdefault("Strict-Transport-Security", _ONLY_TLS)
            await send(message)

        await app(scope, receive, sending if scope["type"] == "http" else send)

    return heading


def _hosts(app: ASGIApp, settings: WebSettings) -> ASGIApp:
    """Against DNS rebinding: a foreign page whose name leads here is told apart by that name."""

    async def checking(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and settings.hosts is not None:
            host = Headers(scope=scope).get("host", "")
            if _name_of(host) not in settings.hosts:
                problem = HttpProblem(
                    HTTPStatus.MISDIRECTED_REQUEST,
                    "host-unknown",
                    "The platform is not known by this name.",
                    remedy="Start `serve` with --public-url, or name it with --allowed-host.",
                )
                await response_of(problem)(scope, receive, send)
                return
        await app(scope, receive, send)

    return checking


def _name_of(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _origins(app: ASGIApp, settings: WebSettings) -> ASGIApp:
    """Nothing is changed at the word of somebody else's page, however it got hold of a browser."""

    async def checking(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = Headers(scope=scope)
            if _is_foreign(headers, settings):
                problem = HttpProblem(
                    HTTPStatus.FORBIDDEN,
                    "origin-foreign",
                    "A page of another origin sent this.",
                    remedy="Behind a proxy, start `serve` with --public-url.",
                )
                await response_of(problem)(scope, receive, send)
                return
        await app(scope, receive, send)

    return checking


def _is_foreign(headers: Headers, settings: WebSettings) -> bool:
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    own = urlsplit(settings.public_url).netloc if settings.public_url else None
    try:
        return urlsplit(origin).netloc.lower() not in (headers.get("host", "").lower(), own)
    except ValueError:
        return True


def _sizes(app: ASGIApp) -> ASGIApp:
    """No body is larger than what anybody needs, whatever it says of its length."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > LARGEST_BODY:
            await _too_large(scope, receive, send)
            return
        size, over, started = 0, False, False

        async def receiving() -> Message:
            nonlocal size, over
            message = await receive()
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                if size > LARGEST_BODY:
                    over = True
                    return {"type": "http.disconnect"}
            return message

        async def sending(message: Message) -> None:
            nonlocal started
            if over and not started:
                return
            started = True
            await send(message)

        try:
            await app(scope, receiving, sending)
        except Exception:
            if not over or started:
                raise
        if over and not started:
            await _too_large(scope, receive, send)

    return counting


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    problem = HttpProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "request-too-large",
        f"The body has more than {LARGEST_BODY:,} bytes.",
        headers={"Connection": "close"},
    )
    await response_of(problem)(scope, receive, send)
