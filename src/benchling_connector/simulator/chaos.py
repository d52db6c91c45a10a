"""A reverse proxy that fails, for what stands behind a connector: SQS, S3, or a tenant.

`async with ChaosProxy(aws.endpoint_url, seed=1) as proxy:` and `proxy.url` instead of the
endpoint. Each call fails by the plan with some probability, before it has acted or after; the n-th
call of one action meets the same with the same seed. `close_port`, `open_port` and `silent` make
whole outages.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from benchling_connector.simulator.wire import cut, truncated

__all__ = ["ChaosPlan", "ChaosProxy", "Trick"]


class Trick(StrEnum):
    """What a call may meet. From `TRUNCATED` on it has acted."""

    ERROR_500 = "error_500"
    HTML_503 = "html_503"
    THROTTLED = "throttled"
    DENIED = "denied"
    RESET = "reset"
    HANG = "hang"
    SOME_LEFT_OUT = "some_left_out"
    TRUNCATED = "truncated"
    GARBAGE = "garbage"
    LATE_500 = "late_500"
    LOST_ANSWER = "lost_answer"
    SOME_DENIED_IN_THE_ANSWER = "some_denied_in_the_answer"


_OF_ALL: Final = (
    *(Trick.ERROR_500, Trick.HTML_503, Trick.THROTTLED, Trick.RESET, Trick.HANG),
    *(Trick.TRUNCATED, Trick.GARBAGE, Trick.LATE_500, Trick.LOST_ANSWER),
)
_OF_BATCHES: Final = (Trick.SOME_LEFT_OUT, Trick.SOME_DENIED_IN_THE_ANSWER)
_HOP_BY_HOP: Final = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"}
)
_PAGE: Final = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
_MOST_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChaosPlan:
    """`share` of the calls fail, from 0 to 1; a call that hangs is cut off after `hang_seconds`.

    `denials`: whether the change of a message's visibility may be denied, as a queue's policy
    would. `only`: the tricks to choose from, all that fit where it is empty. `sender_fault`:
    whether it is called the sender's fault that some of a batch failed. What an answer may not do
    in any plan is to say that a write happened when it did not.
    """

    share: float = 0.1
    hang_seconds: float = 3.0
    denials: bool = True
    only: tuple[Trick, ...] = ()
    sender_fault: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class ChaosProxy:
    """Listens on 127.0.0.1 for as long as the `async with` block lasts; `port` 0 takes a free one.

    `plan` may be exchanged at any time. `silent`: calls are accepted and never answered.
    `injected` counts what was done, by action and trick, `calls` what came in, by action;
    `underway` are the calls that stand open. `told`, if set, gets each answer of the upstream
    that is passed on whole: action and body.
    """

    def __init__(self, upstream: str, seed: int, plan: ChaosPlan | None = None) -> None:
        self.plan = plan or ChaosPlan()
        self.silent = False
        self.injected: Counter[tuple[str, Trick]] = Counter()
        self.calls: Counter[str] = Counter()
        self.underway = 0
        self.told: Callable[[str, bytes], None] | None = None
        self._upstream = upstream
        self._seed = seed
        self._randoms: dict[str, Random] = {}
        self._port = 0
        self._closing = asyncio.Event()
        self._stack = contextlib.AsyncExitStack()
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`, the same before an outage and after."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
        )
        await self.open_port()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close_port()
        await self._stack.aclose()

    async def open_port(self) -> None:
        """Listens, after `close_port` on the same port as before."""
        # A client that goes away takes its call with it, as it would without a proxy.
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        self._closing = asyncio.Event()
        self._runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]

    async def close_port(self) -> None:
        """Refuses connections from now on, and ends those that there are."""
        self._closing.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        request._client_max_size = _MOST_BYTES  # noqa: SLF001 - a bare server has no option for it
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await request.read()
        action = _action(request)
        self.calls[action] += 1
        self.underway += 1
        try:
            return await self._answer(action, request, body)
        finally:
            self.underway -= 1

    async def _answer(
        self, action: str, request: web.BaseRequest, body: bytes
    ) -> web.StreamResponse:
        if self.silent:
            await self._closing.wait()
            return cut(request)
        trick = self._draw(action)
        if trick is None:
            answer = await self._forward(request, body)
            if self.told is not None:
                self.told(action, answer.body)
            return _response(answer)
        self.injected[action, trick] += 1
        return await self._play(trick, request, body)

    def _draw(self, action: str) -> Trick | None:
        random = self._randoms.setdefault(action, Random(f"{self._seed} {action}"))
        failing, which = random.random(), random.random()
        if failing >= self.plan.share:
            return None
        tricks: Sequence[Trick] = _OF_ALL
        if action.endswith("Batch"):
            tricks = (*tricks, *_OF_BATCHES)
        if action.startswith("ChangeMessageVisibility") and self.plan.denials:
            tricks = (*tricks, Trick.DENIED)
        tricks = self.plan.only or tricks
        return tricks[int(which * len(tricks))]

    async def _play(
        self, trick: Trick, request: web.BaseRequest, body: bytes
    ) -> web.StreamResponse:
        sqs = "X-Amz-Target" in request.headers
        if trick is Trick.HANG:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self.plan.hang_seconds)
            return cut(request)
        if trick is Trick.RESET:
            return cut(request)
        if trick is Trick.ERROR_500:
            return _refusal(sqs, 500, "InternalError")
        if trick is Trick.HTML_503:
            return web.Response(status=503, body=_PAGE, content_type="text/html")
        if trick is Trick.THROTTLED:
            return _refusal(sqs, *((400, "RequestThrottled") if sqs else (503, "SlowDown")))
        if trick is Trick.DENIED:
            return _refusal(sqs, 400 if sqs else 403, "AccessDenied")
        if trick is Trick.SOME_LEFT_OUT:
            return _response(await self._without_some(request, body))
        answer = await self._forward(request, body)
        if trick is Trick.TRUNCATED and answer.body:
            return await truncated(request, answer.status, answer.headers, answer.body)
        if trick is Trick.GARBAGE:
            return web.Response(body=_PAGE, content_type="text/html")
        if trick is Trick.LATE_500:
            return _refusal(sqs, 500, "InternalError")
        if trick is Trick.SOME_DENIED_IN_THE_ANSWER:
            return _response(self._denying_some(answer))
        return cut(request)

    async def _forward(self, request: web.BaseRequest, body: bytes) -> _Answer:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP
        }
        url = URL(self._upstream + request.raw_path, encoded=True)
        async with self._session.request(
            request.method, url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            kept = CIMultiDict(
                (name, value)
                for name, value in answer.headers.items()
                if name.lower() not in _HOP_BY_HOP
            )
            return _Answer(answer.status, kept, await answer.read())

    async def _without_some(self, request: web.BaseRequest, body: bytes) -> _Answer:
        """A batch from which some entries are left out, and reported as failed."""
        asked = json.loads(body)
        kept, left = self._divided(asked["Entries"])
        found: dict[str, Any] = {}
        if kept:
            answer = await self._forward(request, json.dumps({**asked, "Entries": kept}).encode())
            if answer.status != 200:
                return answer
            found = json.loads(answer.body)
        return self._batch_answer(found, left)

    def _denying_some(self, answer: _Answer) -> _Answer:
        """The answer to a batch, in which some that succeeded are reported as failed."""
        if answer.status != 200:
            return answer
        found = json.loads(answer.body)
        kept, left = self._divided(found.get("Successful", []))
        return self._batch_answer({**found, "Successful": kept}, left)

    def _batch_answer(
        self, found: Mapping[str, Any], failed: Sequence[Mapping[str, Any]]
    ) -> _Answer:
        code, message = "InternalError", "Try again."
        if self.plan.sender_fault:
            code, message = "ReceiptHandleIsInvalid", "The receipt handle is not valid."
        why = {"SenderFault": self.plan.sender_fault, "Code": code, "Message": message}
        refused = [{"Id": entry["Id"], **why} for entry in failed]
        answer = {**found, "Failed": [*found.get("Failed", []), *refused]}
        headers = {"Content-Type": "application/x-amz-json-1.0"}
        return _Answer(200, headers, json.dumps(answer).encode())

    def _divided(self, entries: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Some and the others; at least one of the others, if there are any."""
        random = self._randoms.setdefault("entries", Random(f"{self._seed} entries"))
        left = {random.randrange(len(entries)) for _ in range(3)} if entries else set()
        return (
            [one for n, one in enumerate(entries) if n not in left],
            [one for n, one in enumerate(entries) if n in left],
        )


def _action(request: web.BaseRequest) -> str:
    target = request.headers.get("X-Amz-Target", "")
    return target.rpartition(".")[2] or request.method


def _refusal(sqs: bool, status: int, code: str) -> web.Response:
    if sqs:
        answer = {"__type": f"com.amazonaws.sqs#{code}", "message": "Injected."}
        return web.Response(
            status=status,
            body=json.dumps(answer).encode(),
            content_type="application/x-amz-json-1.0",
        )
    document = (
        f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>Injected.</Message></Error>'
    )
    return web.Response(status=status, body=document.encode(), content_type="application/xml")


def _response(answer: _Answer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
