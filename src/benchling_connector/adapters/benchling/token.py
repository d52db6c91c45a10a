"""The app's access token: asked for once for all who need it, renewed before it ends.

OAuth 2.0 client credentials at `POST /api/v2/token`, as Benchling documents it: HTTP Basic, a form
with `grant_type`, and an answer with `access_token` and `expires_in` (seconds).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from benchling_connector.adapters.benchling.transport import Outgoing, Reply
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError
from benchling_connector.ports import Clock

__all__ = ["TOKEN_REQUEST", "Token", "TokenKeeper", "read_token"]

TOKEN_REQUEST = Outgoing(
    "POST", "/api/v2/token", "token", "token", {"grant_type": "client_credentials"}
)

REFUSED = "benchling-credentials-refused"
NOT_A_TENANT = "benchling-not-a-tenant"

LONGEST_RENEWAL_S = 60.0
SHORTEST_LIFE_S = 1.0
LONGEST_LIFE_S = 86_400.0
FIRST_BACKOFF_S = 2.0
LONGEST_BACKOFF_S = 20.0
"""What was mended is noticed within so many seconds."""

LONGEST_TRANSIENT_BACKOFF_S = 15.0


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and when to renew it and when it ends (seconds, on the monotonic clock)."""

    secret: str = field(repr=False)
    renew_at: float
    ends_at: float

    @property
    def header(self) -> str:
        """What stands in `Authorization`."""
        return f"Bearer {self.secret}"


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = 900.0


def read_token(reply: Reply, asked_at: float, *, known: bool) -> Token | ConnectorError:
    """The token that an answer holds, or the error that it means.

    `known`: this URL has given a token before, so a page in its place is an outage of a tenant,
    not somebody else's site.
    """
    status = f"{TOKEN_REQUEST} answered {reply.status}"
    if reply.status >= 500:
        return TransientError("benchling-failing", f"{status}.")
    if reply.status == 200 and reply.is_json:
        return _granted(reply.body, asked_at)
    if reply.status in (400, 401, 403) and reply.is_json:
        return ConfigurationError(REFUSED, f"{status}: client ID or client secret is refused.")
    elsewhere = reply.status == 404 or reply.is_html or 300 <= reply.status < 400
    if elsewhere and not known:
        what = "with a page of HTML" if reply.is_html else "as no Benchling tenant does"
        if 300 <= reply.status < 400:
            what = "with a redirection to another address"
        return ConfigurationError(NOT_A_TENANT, f"{status}, {what}.")
    return TransientError("benchling-unexpected-answer", f"{status}, not with a token.")


class TokenKeeper:
    """Holds the current token. `ask` sends the request for one; `jitter` is from 0 up to 1."""

    def __init__(
        self, ask: Callable[[], Awaitable[Reply]], clock: Clock, jitter: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._jitter = jitter
        self._token: Token | None = None
        self._known = False
        self._renewal: asyncio.Task[Token | ConnectorError] | None = None
        self._failure: ConnectorError | None = None
        self._failures = 0
        self._quiet_until = 0.0
        self.refused = False
        """Whether Benchling did not accept the app, and has given no token since."""

    def usable(self) -> Token | None:
        """The current token, if there is one that has not ended."""
        token = self._token
        return token if token is not None and self._clock.monotonic() < token.ends_at else None

    async def settled(self) -> None:
        """Returns when `valid` would not repeat an old error, but ask."""
        pause = self._quiet_until - self._clock.monotonic()
        if self.usable() is None and self._renewal is None and self._failure and pause > 0:
            await self._clock.sleep(pause)

    async def valid(self) -> Token:
        """A token that has not ended; asks for one where there is none.

        Where there is one that ends soon, it is renewed meanwhile. For a while after a failure,
        longer with each, the same error is raised without asking again.

        Raises `ConfigurationError` for refused credentials and for what is no Benchling tenant,
        `TransientError` for whatever may pass.
        """
        now, token = self._clock.monotonic(), self.usable()
        if token is not None:
            if now >= token.renew_at and now >= self._quiet_until:
                self._begin()
            return token
        if self._renewal is None and self._failure is not None and now < self._quiet_until:
            raise _again(self._failure, self._quiet_until - now)
        outcome = await asyncio.shield(self._begin())
        if isinstance(outcome, ConnectorError):
            raise _again(outcome, self._quiet_until - self._clock.monotonic())
        return outcome

    def drop(self, token: Token) -> None:
        """The API did not accept it: another one is needed, unless there is one already."""
        if self._token is token:
            self._token = None

    def reject(self, token: Token, request: Outgoing) -> ConfigurationError:
        """The API did not accept it either, though it was new."""
        error = ConfigurationError(REFUSED, f"{request} answered 401 to a token just given.")
        if self._token is token:
            self._token = None
            self._fail(error)
        return error

    def accepted(self) -> None:
        """The API accepted a token: whatever failed before is over."""
        self._failures = 0

    async def close(self) -> None:
        """Ends what is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)

    def _begin(self) -> asyncio.Task[Token | ConnectorError]:
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
        return self._renewal

    async def _renew(self) -> Token | ConnectorError:
        # Errors are values here: with nobody waiting for this task there is nobody to raise to.
        asked_at = self._clock.monotonic()
        outcome: Token | ConnectorError
        try:
            try:
                outcome = read_token(await self._ask(), asked_at, known=self._known)
            except ConnectorError as error:
                outcome = error
        finally:
            self._renewal = None
        if isinstance(outcome, ConnectorError):
            self._fail(outcome)
        else:
            self._token, self._known, self._failure = outcome, True, None
            self.refused = False
        return outcome

    def _fail(self, error: ConnectorError) -> None:
        refused = isinstance(error, ConfigurationError)
        longest = LONGEST_BACKOFF_S if refused else LONGEST_TRANSIENT_BACKOFF_S
        backoff = min(FIRST_BACKOFF_S * 2.0 ** min(self._failures, 10), longest)
        self._failures += 1
        self._failure = error
        self.refused = self.refused or error.code == REFUSED
        self._quiet_until = self._clock.monotonic() + backoff * (0.5 + 0.5 * self._jitter())


def _granted(body: bytes, asked_at: float) -> Token | ConnectorError:
    try:
        granted = msgspec.json.decode(body, type=_Granted)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        granted = _Granted("")
    secret = granted.access_token
    if not secret or not secret.isascii() or not secret.isprintable():
        sentence = f"{TOKEN_REQUEST} answered 200, but without a token."
        return TransientError("benchling-unexpected-answer", sentence)
    # Counted from the asking on, so that the way here does not make it end later.
    life = min(max(granted.expires_in, SHORTEST_LIFE_S), LONGEST_LIFE_S)
    renew_after = max(min(life * 0.8, life - LONGEST_RENEWAL_S), life / 2)
    return Token(secret, asked_at + renew_after, asked_at + life)


def _again(error: ConnectorError, seconds: float) -> ConnectorError:
    """The same error anew: one that is raised often would grow its traceback."""
    if isinstance(error, ConfigurationError):
        return ConfigurationError(error.code, error.sentence)
    retry_after = error.retry_after if isinstance(error, TransientError) else None
    return TransientError(error.code, error.sentence, retry_after=retry_after or max(seconds, 0.0))
