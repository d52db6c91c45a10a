"""Benchling's API as a `ResourceReader`: one session, one token, one budget."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
from yarl import URL

from benchling_connector.adapters.ahead import Ahead
from benchling_connector.adapters.benchling.budget import BudgetSnapshot, RequestBudget
from benchling_connector.adapters.benchling.connection import open_session, proxy_of
from benchling_connector.adapters.benchling.credentials import Credentials
from benchling_connector.adapters.benchling.ratelimit import http_date
from benchling_connector.adapters.benchling.token import (
    TOKEN_REQUEST,
    Token,
    TokenKeeper,
)
from benchling_connector.adapters.benchling.transport import (
    Outgoing,
    Reply,
    RequestObserver,
    Transport,
)
from benchling_connector.adapters.benchling.windows import WINDOW_S
from benchling_connector.domain.answer import Answer
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.domain.plan import Call
from benchling_connector.ports import Clock, Ids

__all__ = ["BenchlingReader", "ReadProbe", "open_reader"]

CONNECTIONS = 48
UNAUTHORIZED, NOT_FOUND = 401, 404
ANSWERS = frozenset({200, 400, 403, 404})
TOO_LONG = 414
SERVER_ERROR = 500

LONGEST_PAUSE_S = WINDOW_S + 5.0
"""Seconds. After a 429 a window may have to end, and not much more."""

NOBODY = "connector-ping"
"""An ID that no resource has."""

PROBES = ("/api/v2/projects", "/api/v2/entries", "/api/v2/events")
"""Lists that hold something as soon as an app may read anything."""

_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PATH_SAFE = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class ReadProbe:
    """What an authorised read came to. `allowed`: the app may read something."""

    path: str
    status: int
    allowed: bool


@asynccontextmanager
async def open_reader(
    configuration: Configuration,
    clock: Clock,
    ids: Ids,
    observer: RequestObserver | None = None,
    look_again: Callable[[], Configuration] | None = None,
) -> AsyncIterator["BenchlingReader"]:
    """A reader for the tenant and the app of this configuration, open for the `async with` block.

    `look_again` gives the configuration as it is now: when Benchling has refused the client ID or
    the secret, they are taken from there before a token is asked for again.

    Raises `ConfigurationError` when the URL's host cannot be one.
    """
    base = configuration.benchling_url
    try:
        URL(base)
    except ValueError:
        base = ""
    if not base:
        raise ConfigurationError("benchling-not-a-tenant", "The Benchling URL names no host.")
    ceiling = configuration.api_requests_per_30s
    budget = RequestBudget(
        clock, ids.jitter, None if ceiling == "auto" else ceiling, concurrency=CONNECTIONS
    )
    async with open_session(
        timeout_s=configuration.request_timeout_s,
        verify_ssl=not configuration.disable_ssl_verification,
        ca_bundle=configuration.ca_bundle,
        # Room for a token beside them.
        connections=CONNECTIONS + 1,
    ) as session:
        transport = Transport(session, base, budget, clock, observer, proxy_of(base))
        credentials = Credentials(configuration, look_again)
        reader = BenchlingReader(transport, credentials, clock, ids)
        try:
            yield reader
        finally:
            await reader.close()


class BenchlingReader:
    """The `ResourceReader` port over HTTP."""

    def __init__(
        self, transport: Transport, credentials: Credentials, clock: Clock, ids: Ids
    ) -> None:
        self._transport = transport
        self._clock = clock

        async def ask() -> Reply:
            if self._tokens.refused:
                await credentials.renew()
            reply = await transport.send(TOKEN_REQUEST, lambda: credentials.header, urgent=True)
            assert reply is not None
            return reply

        self._tokens = TokenKeeper(ask, clock, ids.jitter)
        self._signing_in = Ahead(self._sign_in)

    @property
    def budget(self) -> RequestBudget:
        """The budget that all requests come out of."""
        return self._transport.budget

    @property
    def clock_skew_s(self) -> float | None:
        """Seconds that our clock is ahead of Benchling's, by the last answer, to about a second;
        None if no answer told the time."""
        reply = self._transport.last_reply
        told = http_date(reply.headers.get("Date")) if reply else None
        if reply is None or told is None:
            return None
        # The header has whole seconds: on average it is half a second old.
        return (reply.at - told).total_seconds() - 0.5

    def begin(self) -> None:
        """Signs in ahead of time: the next `sign_in` tells what came of it."""
        self._signing_in.begin()

    async def sign_in(self) -> None:
        """Makes sure that there is a valid token; after a failure it waits until one may be asked
        for again, up to 20 s."""
        await self._signing_in.answer()

    async def _sign_in(self) -> None:
        await self._tokens.settled()
        await self._tokens.valid()

    async def ready(self, family: str) -> None:
        """Returns when a call of this family would be sent at once, instead of waiting."""
        (await self.budget.admit(family=family)).withdraw()

    def pace(self, waiting: int, rate: float) -> float:
        """Seconds that one call takes of the budget, from 0 up to 5; 0.0 while there is enough for
        `waiting` calls and `rate` more in each second."""
        return self.budget.pace(waiting, rate)

    def share(self, workers: int) -> None:
        """So many workers, this one among them, use the app's budget from now on."""
        self.budget.share(workers)

    async def ping(self, family: str | None) -> None:
        """Returns when Benchling answers at all, or when it cannot be asked now.

        It is asked for a resource of `family` that cannot exist, so a 404 is an answer. While the
        budget holds requests back it is not asked: Benchling has told so itself. That calls wait
        for others to be answered tells nothing.

        Raises `TransientError` (`benchling-rate-limited`) when it refuses more than a window can
        explain.
        """
        budget = self.budget.snapshot()
        if budget.paused_for:
            if budget.throttled_in_a_row > 1 or budget.paused_for > LONGEST_PAUSE_S:
                raise _held_back(budget)
            return
        if budget.remaining < 1:
            return
        known = catalog().families.get(family or "")
        target = known.path_of(NOBODY) if known else f"{PROBES[0]}?pageSize=1"
        request = Outgoing("GET", target, family or "probe", "ping")
        reply = await self._read(request, urgent=True)
        if reply.status >= SERVER_ERROR or (reply.is_html and reply.status != NOT_FOUND):
            raise _not_an_answer(request, reply)

    async def get(self, call: Call) -> Answer:
        """Benchling's own answer about resources: 200, 400, 403, 404 or 414."""
        request = Outgoing("GET", target_of(call), call.family, call.kind)
        reply = await self._read(request)
        # Of a path that an event named, a page that says 404 is the tenant's own answer: it has
        # no such endpoint. Of an endpoint that there is, it is somebody else's on the way.
        nowhere = reply.status == NOT_FOUND and any(key.way != "family" for key in call.keys)
        if reply.status == TOO_LONG or nowhere or (reply.status in ANSWERS and reply.is_json):
            return Answer(reply.status, reply.body, reply.at)
        raise _not_an_answer(request, reply)

    async def probe(self) -> ReadProbe:
        """Tries one cheap read, or a few where the first tells nothing: may the app read anything?

        Raises as `get` does.
        """
        probe = None
        for path in PROBES:
            request = Outgoing("GET", f"{path}?pageSize=1", "probe", "probe")
            reply = await self._read(request)
            if reply.status not in ANSWERS or not (reply.is_json or reply.status == NOT_FOUND):
                raise _not_an_answer(request, reply)
            allowed = reply.status == 200 and _holds_something(reply.body)
            probe = ReadProbe(path, reply.status, allowed)
            if allowed:
                break
        assert probe is not None
        return probe

    async def close(self) -> None:
        """Ends what is under way; the session is its opener's."""
        await self._signing_in.close()
        await self._tokens.close()

    async def _read(self, request: Outgoing, *, urgent: bool = False) -> Reply:
        """The answer to an authorised request; a token that is not accepted is renewed once."""
        token, reply = await self._attempt(request, urgent=urgent)
        if reply.status == UNAUTHORIZED:
            self._tokens.drop(token)
            token, reply = await self._attempt(request, urgent=urgent)
            if reply.status == UNAUTHORIZED:
                raise self._tokens.reject(token, request)
        self._tokens.accepted()
        return reply

    async def _attempt(self, request: Outgoing, *, urgent: bool) -> tuple[Token, Reply]:
        used: list[Token] = []

        def authorization() -> str | None:
            # At the last moment: it may have been renewed, or have ended, while we stood in line.
            token = self._tokens.usable()
            if token is None:
                return None
            used.append(token)
            return token.header

        while True:
            await self._tokens.valid()
            reply = await self._transport.send(request, authorization, urgent=urgent)
            if reply is not None:
                return used[-1], reply


def target_of(call: Call) -> str:
    """Path and query of a call, each percent-encoded once."""
    path = quote(_BARE_PERCENT.sub("%25", call.path), safe=_PATH_SAFE)
    query = "&".join(f"{quote(key)}={quote(value, safe=',:~')}" for key, value in call.query)
    return f"{path}?{query}" if query else path


def _not_an_answer(request: Outgoing, reply: Reply) -> TransientError:
    if reply.status in ANSWERS or 300 <= reply.status < 400:
        how = "not with JSON" if reply.status in ANSWERS else "with a redirection"
        return TransientError(
            "benchling-unexpected-answer", f"{request} answered {reply.status}, {how}."
        )
    return TransientError("benchling-failing", f"{request} answered {reply.status}.")


def _held_back(budget: BudgetSnapshot) -> TransientError:
    sentence = f"Nothing may be sent for {budget.paused_for:.0f} s; 429 was the last answer."
    return TransientError("benchling-rate-limited", sentence, retry_after=budget.paused_for)


def _holds_something(body: bytes) -> bool:
    try:
        answer = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return any(isinstance(value, list) and value for value in answer.values())
