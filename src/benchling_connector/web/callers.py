"""Finding out who calls: by a token, a session's cookie, or what a trusted proxy says."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.audit import Deed
from benchling_connector.platform.services import Services
from benchling_connector.platform.sessions import LONGEST, Opened
from benchling_connector.web.forms import CSRF_FIELD, fields_of, is_form
from benchling_connector.web.guard import SAFE_METHODS
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.settings import TrustedProxy, origin_of, settings_of

__all__ = ["CSRF_HEADER", "Visitor", "cookie_name", "find_visitor", "give_cookie", "refused"]
__all__ += ["COOKIE", "take_cookie"]

CSRF_HEADER = "X-CSRF-Token"
COOKIE = "benchling-session"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever calls. With a session, its secret, CSRF token and end."""

    caller: Caller
    secret: str | None = None
    csrf: str | None = None
    expires_at: datetime | None = None


async def find_visitor(request: Request, services: Services) -> Visitor | None:
    """Whoever calls; None if they do not say.

    Raises `HttpProblem`: 401 for a token that does not hold, 403 for an unsafe request of a
    session without its CSRF token, or a proxy's header that does not come from the proxy.
    """
    proxied = await _by_proxy(request, services)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        caller = await services.tokens.caller(token.strip(), origin_of(request))
        if caller is None:
            unknown = Caller("unknown", Way.TOKEN, None, origin_of(request))
            raise await refused(request, services, unknown, not_signed_in())
        return Visitor(caller)
    secret = request.cookies.get(cookie_name(request))
    if secret:
        found = await services.sessions.find(secret, origin_of(request))
        if found is not None:
            visitor = Visitor(found.caller, secret, found.csrf, found.expires_at)
            await _require_csrf(request, services, visitor)
            return visitor
    return None if proxied is None else Visitor(proxied)


async def refused(
    request: Request, services: Services, caller: Caller, problem: HttpProblem
) -> HttpProblem:
    """The problem itself, once it is in the audit."""
    route = getattr(request.scope.get("route"), "path", "")
    subject = f"{request.method} {route}".strip()
    deed = Deed(caller, "access.refused", subject=subject, new={"status": problem.status})
    await services.refusals.note(deed)
    return problem


def not_signed_in() -> HttpProblem:
    """For whoever does not say who they are, or not rightly."""
    return HttpProblem(
        401,
        "not-signed-in",
        "This needs a valid token, or a session.",
        remedy="Send `Authorization: Bearer …`; `benchling-connector tokens create` makes one.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def cookie_name(request: Request) -> str:
    """Of a session's cookie. With TLS, browsers take it from this very host only."""
    https = settings_of(request).is_https(request)
    return f"__Host-{COOKIE}" if https else COOKIE


def give_cookie(request: Request, response: Response, opened: Opened) -> None:
    """Signs the browser in."""
    response.set_cookie(
        cookie_name(request),
        opened.secret,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=settings_of(request).is_https(request),
        httponly=True,
        samesite="lax",
    )


def take_cookie(request: Request, response: Response) -> None:
    """Signs the browser out. It heeds this of a `__Host-` cookie only if all is as when it came."""
    secure = settings_of(request).is_https(request)
    response.delete_cookie(
        cookie_name(request), path="/", secure=secure, httponly=True, samesite="lax"
    )


async def _require_csrf(request: Request, services: Services, visitor: Visitor) -> None:
    if request.method in SAFE_METHODS:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not given and is_form(request):
        given = (await fields_of(request)).get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode(), (visitor.csrf or "").encode()):
        problem = HttpProblem(
            403,
            "csrf-token-wrong",
            "A session changes things only with its CSRF token.",
            remedy=f"Send the `csrf` of `GET /v1/session` as {CSRF_HEADER}; a page is loaded anew.",
        )
        raise await refused(request, services, visitor.caller, problem)


async def _by_proxy(request: Request, services: Services) -> Caller | None:
    """Whom the trusted proxy names. Nobody else may: not even beside a valid token."""
    proxy = settings_of(request).proxy
    if proxy is None:
        return None
    names = request.headers.getlist(proxy.header)
    roles = request.headers.getlist(proxy.role_header) if proxy.role_header else []
    if not names and not roles:
        return None
    address = request.client.host if request.client else None
    unknown = Caller("unknown", Way.PROXY, None, address)
    if not proxy.is_at(address):
        problem = HttpProblem(
            403,
            "proxy-unknown",
            f"{proxy.header} is heeded from the trusted proxy only.",
            remedy="Call the platform through the proxy, or without this header.",
        )
        raise await refused(request, services, unknown, problem)
    if len(names) != 1 or len(roles) > 1 or not names[0].strip():
        problem = HttpProblem(403, "proxy-unclear", f"{proxy.header} must name one person.")
        raise await refused(request, services, unknown, problem)
    return Caller(names[0].strip(), Way.PROXY, _role(roles, proxy), origin_of(request))


def _role(roles: list[str], proxy: TrustedProxy) -> Role:
    word = roles[0].strip().lower() if proxy.role_header and roles else ""
    return Role(word) if word in set(Role) else Role.VIEWER
