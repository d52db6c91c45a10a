"""One request to Benchling and its answer, under the budget; foreign errors become ours here.

No error keeps the exception that it came from: aiohttp's hold the request's headers, and with them
the token.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import aiohttp
from yarl import URL

from benchling_connector.adapters.benchling.budget import Permit, RequestBudget
from benchling_connector.adapters.benchling.connection import BrokenConnectionError, Proxy
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError
from benchling_connector.ports import Clock

__all__ = ["Outgoing", "Reply", "RequestObserver", "Transport"]

THROTTLED = 429
PROXY_REFUSES = 407
MAY_BE_JSON = ("application/json", "application/octet-stream", "")
MOST_THROTTLED = 10
"""Answers 429 to one request after which it is given up for now."""


class RequestObserver(Protocol):
    """Hears of every request that was sent, for metrics."""

    def on_request(self, family: str, kind: str, status: int | None, seconds: float) -> None:
        """`kind` is single, many, token or probe; `status` is None where no answer came."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request: method, path with its query, both encoded, and what metrics know it by."""

    method: str
    target: str
    family: str
    kind: str
    form: Mapping[str, str] | None = None

    def __str__(self) -> str:
        """For sentences: without the query."""
        return f"{self.method} {self.target.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its body as it came, and when it came (UTC)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: datetime

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether it is JSON, by what it says of itself and by how it begins."""
        named = self.media_type
        may_be = named in MAY_BE_JSON or named.endswith("+json")
        return may_be and self.body.lstrip(b" \t\n\r")[:1] in (b"{", b"[")

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people, by the same."""
        return "html" in self.media_type or self.body.lstrip()[:1] == b"<"


class Transport:
    """Sends requests to one tenant. `base`: its URL with protocol, host and port."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        budget: RequestBudget,
        clock: Clock,
        observer: RequestObserver | None = None,
        proxy: Proxy | None = None,
    ) -> None:
        self.budget = budget
        url = URL(base)
        self.host = url.host or base
        self.last_reply: Reply | None = None
        self._session = session
        self._base = str(url).rstrip("/")
        self._clock = clock
        self._observer = observer
        self._proxy_url = proxy.url if proxy else None
        told = {"Proxy-Authorization": proxy.authorization} if proxy and proxy.authorization else {}
        # A tunnel is asked for by a request of its own; without TLS it is the request itself.
        self._tunnel_headers = told if url.scheme == "https" else {}
        self._headers = told if url.scheme == "http" else {}

    async def send(
        self, request: Outgoing, authorization: Callable[[], str | None], *, urgent: bool = False
    ) -> Reply | None:
        """The answer, whatever its status but 429; None if there was no authorization when the
        request could have been sent. It is asked for at that time.

        A request is sent again at once, once, if the connection broke before an answer came, and
        up to ten times when it was answered 429. `urgent` ones go before all others.

        Raises `TransientError` and, for certificates that cannot be verified,
        `ConfigurationError`.
        """
        throttled, broken = 0, False
        place = 0 if urgent else None
        while True:
            with await self.budget.admit(place, request.family) as permit:
                place = permit.place
                outcome = await self._exchange(request, authorization, permit)
            if outcome is None:
                return None
            if isinstance(outcome, BrokenConnectionError):
                if broken:
                    raise _unreachable(request, "the connection broke")
                broken = True
            elif isinstance(outcome, ConnectorError):
                raise outcome
            elif outcome.status != THROTTLED:
                return outcome
            else:
                throttled += 1
                if throttled > MOST_THROTTLED:
                    raise TransientError(
                        "benchling-rate-limited",
                        f"{request} was answered 429 {throttled} times.",
                        retry_after=self.budget.snapshot().paused_for or None,
                    )

    # The authorization stays below here: an error is raised where no frame holds it any more.

    async def _exchange(
        self, request: Outgoing, authorization: Callable[[], str | None], permit: Permit
    ) -> Reply | ConnectorError | BrokenConnectionError | None:
        header = authorization()
        if header is None:
            permit.withdraw()
            return None
        began = self._clock.monotonic()
        outcome = await self._try(request, header)
        status = None
        if isinstance(outcome, Reply):
            status, self.last_reply = outcome.status, outcome
            permit.answered(status, outcome.headers)
        if self._observer is not None:
            seconds = self._clock.monotonic() - began
            self._observer.on_request(request.family, request.kind, status, seconds)
        return outcome

    async def _try(
        self, request: Outgoing, authorization: str
    ) -> Reply | ConnectorError | BrokenConnectionError:
        try:
            async with self._session.request(
                request.method,
                URL(self._base + request.target, encoded=True),
                headers={"Authorization": authorization, **self._headers},
                proxy=self._proxy_url,
                proxy_headers=self._tunnel_headers,
                data=request.form,
                allow_redirects=False,
            ) as response:
                body = await response.read()
                if response.status == PROXY_REFUSES and self._proxy_url is not None:
                    return _by_proxy(request, f"answered {PROXY_REFUSES}")
                return Reply(response.status, response.headers, body, self._clock.now())
        except BrokenConnectionError as error:
            return error
        except aiohttp.ClientConnectorCertificateError as error:
            why = getattr(error.certificate_error, "verify_message", "") or "not valid"
            return ConfigurationError(
                "benchling-tls", f"The certificate of {error.host} is not accepted: {why}."
            )
        except aiohttp.ClientHttpProxyError as error:
            return _by_proxy(request, f"answered {error.status}")
        except aiohttp.ClientProxyConnectionError as error:
            return _by_proxy(request, f"cannot be reached ({error.strerror or 'no connection'})")
        except aiohttp.ClientConnectorError as error:
            return _unreachable(request, error.strerror or "no connection")
        except UnicodeError:
            return _unreachable(request, f"{self.host} is not a name of a host")
        except TimeoutError:
            return _unreachable(request, "no answer in time")
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, OSError):
            return _unreachable(request, "the answer was cut short")
        except aiohttp.ClientError as error:
            # What is left is about what came, such as a broken header or encoding.
            sentence = f"{request}: the answer cannot be read ({type(error).__name__})."
            return TransientError("benchling-unexpected-answer", sentence)


def _by_proxy(request: Outgoing, what: str) -> TransientError:
    return TransientError("proxy-failing", f"{request}: the proxy {what}.")


def _unreachable(request: Outgoing, why: str) -> TransientError:
    return TransientError("benchling-unreachable", f"{request}: {why}.")
