"""Apps and their access tokens: `POST /api/v2/token` and the check of `Authorization`."""

import base64
import binascii
import hashlib
from typing import Final
from urllib.parse import parse_qs, unquote_plus

from benchling_connector.simulator.answers import Answer, Call, json_answer, refusal

_INVALID_CLIENT: Final = refusal(401, "Client authentication failed.", "invalid_client")


class TokenOffice:
    """Knows the tenant's apps and the tokens that are good now. Times are seconds."""

    def __init__(self, seed: int, lifetime: int = 900) -> None:
        """`lifetime`: how many seconds a new token lives."""
        self._seed = seed
        self._secrets: dict[str, str] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self.lifetime = lifetime
        self.issued = 0

    def register(self, client_id: str, client_secret: str) -> None:
        """Adds an app, or gives it a new secret; tokens that it has stay good."""
        self._secrets[client_id] = client_secret

    def revoke_all(self) -> None:
        """No token given so far is good any more."""
        self._tokens.clear()

    def app_of(self, authorization: str | None, now: float) -> str | None:
        """The client ID whose good token this is, or None."""
        if authorization is None or not authorization.startswith("Bearer "):
            return None
        client_id, ends = self._tokens.get(authorization[7:], (None, 0.0))
        return client_id if now < ends else None

    def answer(self, call: Call, now: float) -> Answer:
        """Benchling's answer to a token request: 200, or 400 and 401 with a nested error."""
        form = {key: values[0] for key, values in parse_qs(call.body.decode("latin-1")).items()}
        grant = form.get("grant_type")
        if grant is None:
            return refusal(400, "Missing grant_type.", "invalid_request")
        if grant != "client_credentials":
            return refusal(400, f"Unsupported grant_type {grant}.", "unsupported_grant_type")
        given = _basic(call.authorization) or [
            (form.get("client_id", ""), form.get("client_secret", ""))
        ]
        client_id = next((app for app, secret in given if self._is_secret(app, secret)), None)
        if client_id is None:
            return _INVALID_CLIENT
        self.issued += 1
        digest = hashlib.blake2b(f"{self._seed}:{self.issued}:{now}".encode(), digest_size=24)
        token = f"bnch_{digest.hexdigest()}"
        self._tokens[token] = (client_id, now + self.lifetime)
        return json_answer(
            200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        )

    def _is_secret(self, client_id: str, secret: str) -> bool:
        return bool(secret) and self._secrets.get(client_id) == secret


def _basic(authorization: str | None) -> list[tuple[str, str]]:
    if authorization is None or not authorization.startswith("Basic "):
        return []
    try:
        text = base64.b64decode(authorization[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return [("", "")]
    client_id, _, secret = text.partition(":")
    # RFC 6749, 2.3.1, wants both form-encoded in the header, and most clients leave that out.
    return [(client_id, secret), (unquote_plus(client_id), unquote_plus(secret))]
