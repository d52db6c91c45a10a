"""Signing in at an OpenID Connect issuer: authorization code, PKCE, state and nonce."""

import hashlib
import logging
import secrets
import warnings
from collections.abc import Mapping
from typing import Any

import httpx
import structlog
from authlib.deprecate import AuthlibDeprecationWarning
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc.errors import JoseError

from benchling_connector.domain.access import Caller, Role, Way, role_among
from benchling_connector.domain.accounts import account_name
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import Refused
from benchling_connector.platform.accounts import Identity
from benchling_connector.platform.services import Services
from benchling_connector.web.access import Served
from benchling_connector.web.callers import give_cookie
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.settings import OidcSettings, origin_of, settings_of

with warnings.catch_warnings():
    # It would rather have the successor of httpx, and says so to whoever reads stderr.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.starlette_client import OAuth, OAuthError, StarletteOAuth2App

__all__ = ["Issuer", "router"]

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
"""Signatures with the issuer's public key. An issuer that offers others does not get them."""

UNDER_WAY_S = 600
"""So long somebody may take to sign in at the issuer."""

TIMEOUT_S = 10
CALLBACK = "/signin/oidc/callback"

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)


class Issuer:
    """The configured issuer, and what a browser carries while somebody signs in there."""

    def __init__(self, settings: OidcSettings) -> None:
        # It would log the secrets of a sign-in under way.
        logging.getLogger("authlib").setLevel(logging.INFO)
        self.settings = settings
        # Several processes know it, if the issuer has given them one secret.
        known = settings.client_secret or secrets.token_urlsafe(32)
        self._signed = URLSafeTimedSerializer(
            hashlib.sha256(known.encode()).digest(), salt="sign-in under way"
        )
        client = OAuth().register(
            "oidc",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "timeout": TIMEOUT_S,
            },
        )
        self._client: StarletteOAuth2App = client

    async def redirect(self, request: Request) -> Response:
        """To the issuer's own page."""
        await self._ready()
        under_way: dict[str, Any] = {}
        request.scope["session"] = under_way
        response: Response = await self._client.authorize_redirect(
            request, f"{settings_of(request).base_url(request)}{CALLBACK}"
        )
        response.set_cookie(
            _cookie_name(request),
            self._signed.dumps(under_way),
            max_age=UNDER_WAY_S,
            path="/",
            secure=settings_of(request).is_https(request),
            httponly=True,
            samesite="lax",
        )
        return response

    async def claims(self, request: Request) -> Mapping[str, Any]:
        """What the issuer says of whoever comes back. Raises `OAuthError`, `JoseError`."""
        await self._ready()
        cookie = request.cookies.get(_cookie_name(request), "")
        try:
            under_way = self._signed.loads(cookie, max_age=UNDER_WAY_S)
        except BadSignature:
            under_way = {}
        request.scope["session"] = under_way
        metadata = await self._client.load_server_metadata()
        token = await self._client.authorize_access_token(
            request,
            claims_options={
                "iss": {"essential": True, "values": [metadata["issuer"]]},
                "aud": {"essential": True, "values": [self.settings.client_id]},
            },
        )
        claims: Mapping[str, Any] | None = token.get("userinfo")
        if claims is None:
            raise OAuthError("missing_id_token", "The issuer sent no ID token.")
        return claims

    async def _ready(self) -> None:
        """Knows the issuer's own document, and that it is the issuer's own."""
        metadata = await self._client.load_server_metadata()
        if metadata.get("issuer", "").rstrip("/") != self.settings.issuer.rstrip("/"):
            raise OAuthError("wrong_issuer", "The issuer's document names another issuer.")
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        allowed = [one for one in offered if one in ALGORITHMS]
        metadata["id_token_signing_alg_values_supported"] = allowed or ["RS256"]


@router.get("/signin/oidc")
async def begin(request: Request) -> Response:
    """Leads to the issuer."""
    issuer = _issuer(request)
    try:
        return await issuer.redirect(request)
    except (httpx.HTTPError, OAuthError, RuntimeError, ValueError) as error:
        raise _unavailable(error) from None


@router.get(CALLBACK)
async def end(request: Request, services: Served) -> Response:
    """Back from the issuer: signs in, and leads to the console."""
    issuer = _issuer(request)
    try:
        claims = await issuer.claims(request)
    except (OAuthError, JoseError) as error:
        raise await _refused(request, services, _word(error)) from None
    except (httpx.HTTPError, RuntimeError, ValueError) as error:
        raise _unavailable(error) from None
    role = role_among(_groups(claims, issuer.settings.role_claim), issuer.settings.roles)
    if role is None:
        raise await _refused(request, services, "no_role")
    opened = await services.sign_in.by_identity(
        _identity(claims, issuer.settings.issuer, role), origin_of(request)
    )
    if opened is None:
        raise await _refused(request, services, "account_disabled")
    response = RedirectResponse("/", status_code=303)
    give_cookie(request, response, opened)
    secure = settings_of(request).is_https(request)
    response.delete_cookie(
        _cookie_name(request), path="/", secure=secure, httponly=True, samesite="lax"
    )
    return response


def _issuer(request: Request) -> Issuer:
    issuer: Issuer = request.app.state.issuer
    return issuer


def _identity(claims: Mapping[str, Any], issuer: str, role: Role) -> Identity:
    email = claims.get("email")
    return Identity(
        issuer=issuer,
        subject=str(claims["sub"]),
        name=_name(claims),
        email=email if isinstance(email, str) else None,
        role=role,
    )


def _name(claims: Mapping[str, Any]) -> str:
    """The first of what the issuer calls them that can be an account's name."""
    for claim in ("preferred_username", "email", "sub"):
        value = claims.get(claim)
        if isinstance(value, str):
            try:
                return account_name(value)
            except Refused:
                continue
    return "oidc"


def _groups(claims: Mapping[str, Any], claim: str) -> list[str]:
    """The values of a claim, which may stand deeper: `realm_access.roles`."""
    value: Any = claims.get(claim)
    if value is None:
        value = claims
        for part in claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _cookie_name(request: Request) -> str:
    https = settings_of(request).is_https(request)
    return "__Host-benchling-oidc" if https else "benchling-oidc"


def _word(error: Exception) -> str:
    return str(getattr(error, "error", "") or type(error).__name__)


async def _refused(request: Request, services: Services, word: str) -> HttpProblem:
    unknown = Caller("unknown", Way.SESSION, None, origin_of(request))
    await services.refusals.note(
        Deed(unknown, "sign_in.refused", subject="oidc", new={"reason": word[:100]})
    )
    if word == "no_role":
        detail = "You have no role here: the issuer puts you into none of the groups that have one."
        return HttpProblem(403, "no-role", detail, remedy="Ask an administrator for the role.")
    if word == "account_disabled":
        return HttpProblem(403, "account-disabled", "Your account is disabled.")
    return HttpProblem(
        401, "sign-in-failed", "The issuer did not sign you in.", remedy="Begin again."
    )


def _unavailable(error: Exception) -> HttpProblem:
    log.warning("sign_in.unavailable", error=type(error).__name__, reason=_word(error))
    return HttpProblem(
        502,
        "issuer-failing",
        "The OpenID Connect issuer cannot be reached, or answers something else.",
        remedy="Try again; if it lasts, check BENCHLING_CONNECTOR_OIDC_ISSUER.",
    )
