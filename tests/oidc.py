"""A real OpenID Connect issuer on loopback, and what a dishonest one would do."""

import base64
import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlencode

from authlib.deprecate import AuthlibDeprecationWarning
from joserfc import jwt
from joserfc.jwk import RSAKey

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    import oidc_provider_mock
    from oidc_provider_mock._server import _threaded_server

CLIENT_ID = "platform"
CLIENT_SECRET = "known to the issuer and us"

Environ = dict[str, Any]


@dataclass
class Issuer:
    """Answers as the provider does; what it misses, or is told to do wrong, is done here.

    The provider does not look at PKCE: this does. ID tokens are signed anew, so that `claims`
    can say something else; `unsigned` leaves the signature out.
    """

    url: str = ""
    claims: dict[str, object] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    document: dict[str, object] = field(default_factory=dict)
    unsigned: bool = False
    foreign_key: bool = False
    nonce: str | None = None
    failing: bool = False
    challenge: str = ""
    verified: int = 0
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048))
    inner: Any = None

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if self.failing:
            start("500 Internal Server Error", [("Content-Type", "text/html")])
            return [b"<html>Sorry</html>"]
        if path == "/oauth2/authorize":
            self._note_challenge(environ)
        if path == "/oauth2/token" and not self._is_verified(environ):
            start("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"error": "invalid_grant"}']
        status, headers, body = self._ask(environ)
        if path == "/.well-known/openid-configuration":
            body = json.dumps({**json.loads(body), **self.document}).encode()
        elif path == "/jwks":
            body = json.dumps({"keys": [self.key.as_dict(private=False)]}).encode()
        elif path == "/oauth2/token" and status.startswith("200"):
            body = json.dumps(self._forge(json.loads(body))).encode()
        rest = [one for one in headers if one[0].lower() != "content-length"]
        start(status, [*rest, ("Content-Length", str(len(body)))])
        return [body]

    def _ask(self, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        said: list[Any] = []
        body = b"".join(self.inner(environ, lambda *args: said.extend(args)))
        return said[0], said[1], body

    def _note_challenge(self, environ: Environ) -> None:
        query = parse_qs(environ["QUERY_STRING"])
        assert query["code_challenge_method"] == ["S256"]
        self.challenge = query["code_challenge"][0]
        if self.nonce is not None:
            query["nonce"] = [self.nonce]
            environ["QUERY_STRING"] = urlencode(query, doseq=True)

    def _is_verified(self, environ: Environ) -> bool:
        sent = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = BytesIO(sent)
        (verifier,) = parse_qs(sent.decode()).get("code_verifier", [""])
        digest = hashlib.sha256(verifier.encode()).digest()
        fits = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge
        self.verified += fits
        return fits

    def _forge(self, token: dict[str, Any]) -> dict[str, Any]:
        payload = token["id_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims = {**claims, **self.claims}
        claims = {name: value for name, value in claims.items() if name not in self.left_out}
        if self.unsigned:
            parts = [{"alg": "none"}, claims]
            coded = [base64.urlsafe_b64encode(json.dumps(one).encode()) for one in parts]
            token["id_token"] = b".".join(one.rstrip(b"=") for one in [*coded, b""]).decode()
        else:
            key = RSAKey.generate_key(2048) if self.foreign_key else self.key
            token["id_token"] = jwt.encode({"alg": "RS256"}, claims, key)
        if "id_token" in self.left_out:
            del token["id_token"]
        return token


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """One that knows Ann, an administrator, Bob, who is in the lab, and Eve, who is in nothing."""
    users = [
        oidc_provider_mock.User(
            sub="s-ann", claims={"preferred_username": "Ann", "groups": ["lab", "boss"]}
        ),
        oidc_provider_mock.User(
            sub="s-bob", claims={"email": "bob@lab.example", "groups": ["lab"]}
        ),
        oidc_provider_mock.User(sub="s-eve", claims={"preferred_username": "eve", "groups": []}),
    ]
    issuer = Issuer()
    issuer.inner = oidc_provider_mock.app(require_nonce=True, user_claims=users)
    with _threaded_server(issuer, poll_interval=0.01) as server:
        issuer.url = f"http://localhost:{server.server_port}"
        yield issuer
