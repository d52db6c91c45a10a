"""The reader over sockets: a server that does as it is told, and the simulated tenant."""

import asyncio
import contextlib
import logging
import socket
import ssl
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self

import pytest
import trustme
from aiohttp import web
from yarl import URL

from benchling_connector import __version__
from benchling_connector.adapters.benchling import BenchlingReader, RequestObserver, open_reader
from benchling_connector.adapters.benchling.connection import Proxy, proxy_of
from benchling_connector.adapters.benchling.reader import target_of
from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.domain.answer import resources
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError
from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.plan import Call, plan, single
from benchling_connector.ports import Clock
from benchling_connector.simulator.faults import FaultKind
from benchling_connector.simulator.limits import RateLimit
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET, Tenant

SECRET = "s3cr3t-of-the-app"
TOKEN = "t0k3n-of-the-app"
PAGE = "<!DOCTYPE html><html><title>Maintenance</title></html>"
CALL = Call("single", "entry", "/api/v2/entries/etr_1", (), (), "entry")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Gives tokens, and answers everything else as the test has it."""

    def __init__(self, handler: Handler | None = None, *, tls: bool = False) -> None:
        self.requests: list[web.Request] = []
        self.tokens = 0
        self.token_status = 200
        self.handler = handler or ok
        self._tls: ssl.SSLContext | None = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trustme.CA().issue_cert("localhost", "127.0.0.1").configure_cert(self._tls)

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        port = self._runner.addresses[0][1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def reads(self) -> list[web.Request]:
        return [request for request in self.requests if request.method == "GET"]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.path == "/api/v2/token":
            assert await request.text() == "grant_type=client_credentials"
            self.tokens += 1
            if self.token_status != 200:
                error = {"error": {"message": "No.", "type": "invalid_client"}}
                return web.json_response(error, status=self.token_status)
            return web.json_response(
                {
                    "access_token": f"{TOKEN}-{self.tokens}",
                    "token_type": "Bearer",
                    "expires_in": 900,
                }
            )
        return await self.handler(request)


async def ok(_: web.Request) -> web.StreamResponse:
    return web.json_response({"entry": {"id": "etr_1"}})


def always(status: int, body: str | bytes, media_type: str, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        data = body.encode() if isinstance(body, str) else body
        told = {"Content-Type": media_type, **headers} if media_type else headers
        return web.Response(status=status, body=data, headers=told)

    return handler


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def truncated(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b'{"entry": {"id": ')
    assert request.transport is not None
    request.transport.close()
    return response


async def hanging(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


def configuration(url: str, **more: Any) -> Configuration:
    return Configuration.model_validate(
        {
            "benchling_url": url,
            "client_id": "the-app",
            "client_secret": SECRET,
            "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/events",
            "aws_region": "us-east-1",
            **more,
        }
    )


@asynccontextmanager
async def reading(
    url: str, *, clock: Clock | None = None, observer: RequestObserver | None = None, **more: Any
) -> AsyncIterator[BenchlingReader]:
    async with open_reader(
        configuration(url, **more), clock or SystemClock(), SystemIds(), observer
    ) as reader:
        yield reader


@asynccontextmanager
async def served(
    handler: Handler | None = None, **more: Any
) -> AsyncIterator[tuple[Server, BenchlingReader]]:
    """A server, and a reader of it."""
    async with Server(handler) as server, reading(server.url, **more) as reader:
        yield server, reader


async def failure(reader: BenchlingReader, call: Call = CALL) -> ConnectorError:
    """The error that a read meets; it must hold no secret, in no frame either."""
    with pytest.raises(ConnectorError) as caught:
        await reader.get(call)
    error = caught.value
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    told = "".join(shown.format()) + repr(error)
    assert SECRET not in told
    assert TOKEN not in told
    assert error.__context__ is None
    return error


# What is sent


async def test_a_request_carries_what_benchling_wants_to_know() -> None:
    async with served() as (server, reader):
        answer = await reader.get(CALL)
        assert (answer.status, answer.body) == (200, b'{"entry": {"id": "etr_1"}}')
        asked, read = server.requests
        assert asked.headers["Authorization"].startswith("Basic ")
        assert asked.content_type == "application/x-www-form-urlencoded"
        assert read.headers["Authorization"] == f"Bearer {TOKEN}-1"
        for request in (asked, read):
            assert request.headers["Accept"] == "application/json"
            assert request.headers["User-Agent"] == f"benchling-connector/{__version__}"
            assert "gzip" in request.headers["Accept-Encoding"]
            assert "Cookie" not in request.headers


async def test_a_compressed_answer_is_read() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        response = web.json_response({"entry": {"id": "etr_1"}})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with served(handler) as (_, reader):
        assert (await reader.get(CALL)).body == b'{"entry": {"id": "etr_1"}}'


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/api/v2/entries/etr_1", (), "/api/v2/entries/etr_1"),
        ("/api/v2/x/a%20b", (), "/api/v2/x/a%20b"),
        ("/api/v2/x/a b?c#d", (), "/api/v2/x/a%20b%3Fc%23d"),
        ("/api/v2/x/100%", (), "/api/v2/x/100%25"),
        ("/api/v2/x/é", (), "/api/v2/x/%C3%A9"),
        (
            "/api/v2/entries:bulk-get",
            (("entryIds", "a,b:c"), ("x y", "1&2=3+4%")),
            "/api/v2/entries:bulk-get?entryIds=a,b:c&x%20y=1%262%3D3%2B4%25",
        ),
    ],
)
async def test_path_and_query_are_encoded_once(
    path: str, query: tuple[tuple[str, str], ...], target: str
) -> None:
    call = Call("single", "entry", path, query, (), None)
    assert target_of(call) == target
    async with served() as (server, reader):
        await reader.get(call)
        assert server.reads[0].raw_path == target


async def test_credentials_of_netrc_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with served() as (server, reader):
        await reader.get(CALL)
        assert server.reads[0].headers["Authorization"] == f"Bearer {TOKEN}-1"


async def test_a_tunnel_through_a_proxy_is_asked_for_with_the_proxys_password_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = bytearray()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://me:my%20word@127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        async with reading("https://acme.benchling.example") as reader:
            error = await failure(reader)
    assert error.code == "proxy-failing"
    assert "the proxy answered 407" in error.sentence
    assert heard.startswith(b"CONNECT acme.benchling.example:443 ")
    assert b"\r\nProxy-Authorization: Basic bWU6bXkgd29yZA==\r\n" in heard
    assert b"\r\nAuthorization" not in heard


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://me:my%20word@"))
        monkeypatch.delenv("no_proxy", raising=False)
        async with reading("http://acme.benchling.example") as reader:
            assert (await reader.get(CALL)).status == 200
        assert [request.headers["Host"] for request in proxy.requests] == [
            "acme.benchling.example"
        ] * 2
        assert proxy.requests[1].headers["Proxy-Authorization"] == "Basic bWU6bXkgd29yZA=="


def test_a_proxy_is_looked_up_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    base = "https://acme.benchling.com"
    assert proxy_of(base) is None
    monkeypatch.setenv("HTTPS_PROXY", "proxy.acme.example:3128")
    assert proxy_of(base) == Proxy(URL("http://proxy.acme.example:3128"), None)
    assert proxy_of("http://acme.benchling.com") is None
    monkeypatch.setenv("NO_PROXY", "benchling.com")
    assert proxy_of(base) is None
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.acme.example")
    assert proxy_of(base) is None


# What comes back


@pytest.mark.parametrize("status", [200, 400, 403, 404])
@pytest.mark.parametrize(
    "media_type", ["application/json", "application/problem+json", ""]
)  # "" is sent as octets
async def test_benchlings_own_answers_are_answers(status: int, media_type: str) -> None:
    body = b' \n{"error": {"message": "No."}}'
    async with served(always(status, body, media_type)) as (_, reader):
        answer = await reader.get(CALL)
        assert (answer.status, answer.body) == (status, body)


async def test_a_url_that_is_too_long_is_an_answer_whatever_page_comes_with_it() -> None:
    async with served(always(414, PAGE, "text/html")) as (_, reader):
        assert (await reader.get(CALL)).status == 414


@pytest.mark.parametrize("status", [200, 400, 403, 404])
@pytest.mark.parametrize(
    ("body", "media_type"),
    [(PAGE, "text/html; charset=utf-8"), (PAGE, "application/json"), ("{}", "text/html"), ("", "")],
)
async def test_a_page_in_place_of_json_says_nothing_of_the_resource(
    status: int, body: str, media_type: str
) -> None:
    async with served(always(status, body, media_type)) as (_, reader):
        error = await failure(reader)
        assert isinstance(error, TransientError)
        assert error.code == "benchling-unexpected-answer"
        assert f"GET /api/v2/entries/etr_1 answered {status}" in error.sentence


@pytest.mark.parametrize("status", [500, 502, 503, 504, 204, 409, 418])
async def test_benchlings_own_failures_are_transient_and_not_tried_again_at_once(
    status: int,
) -> None:
    async with served(always(status, "", "application/json")) as (server, reader):
        error = await failure(reader)
        assert isinstance(error, TransientError)
        assert error.code == "benchling-failing"
        assert len(server.reads) == 1


async def test_a_redirection_is_not_followed() -> None:
    async with Server() as elsewhere:
        handler = always(302, "", "", Location=f"{elsewhere.url}/api/v2/entries/etr_1")
        async with served(handler) as (_, reader):
            error = await failure(reader)
            assert isinstance(error, TransientError)
            assert error.code == "benchling-unexpected-answer"
            assert elsewhere.requests == []


@pytest.mark.parametrize("handler", [truncated, hanging, cut])
async def test_an_answer_that_does_not_arrive_is_transient(handler: Handler) -> None:
    async with served(handler, request_timeout_s=0.2) as (_, reader):
        await reader.sign_in()
        error = await failure(reader)
        assert isinstance(error, TransientError)
        assert error.code == "benchling-unreachable"
        assert error.sentence.startswith("GET /api/v2/entries/etr_1: ")
        assert reader.budget.snapshot().under_way == 0


async def test_a_closed_port_is_transient() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with reading(f"http://127.0.0.1:{unused.getsockname()[1]}") as reader:
            error = await failure(reader)
    assert isinstance(error, TransientError)
    assert error.code == "benchling-unreachable"


@pytest.mark.parametrize("host", ["no-such-tenant.invalid", "a" * 70 + ".example", "a..example"])
async def test_a_name_that_leads_nowhere_is_transient(host: str) -> None:
    async with reading(f"http://{host}") as reader:
        error = await failure(reader)
    assert isinstance(error, TransientError)
    assert error.code == "benchling-unreachable"


async def test_a_connection_that_the_server_has_closed_meanwhile_costs_nothing() -> None:
    broken = [True]

    async def once(request: web.Request) -> web.StreamResponse:
        return (
            await (cut(request) if broken.pop() else ok(request)) if broken else await ok(request)
        )

    async with served(once) as (server, reader):
        assert (await reader.get(CALL)).status == 200
        assert len(server.reads) == 2
        assert reader.budget.snapshot().used_total == len(server.requests)


async def test_a_broken_connection_is_tried_again_once_and_both_tries_are_counted() -> None:
    async with served(cut) as (server, reader):
        await failure(reader)
        assert len(server.reads) == 2
        assert reader.budget.snapshot().used_total == len(server.requests)


async def test_a_certificate_that_cannot_be_verified_is_a_matter_of_configuration() -> None:
    async with Server(tls=True) as server:
        async with reading(server.url) as reader:
            error = await failure(reader)
            assert isinstance(error, ConfigurationError)
            assert error.code == "benchling-tls"
            assert "issuer" in error.sentence
        async with reading(server.url, disable_ssl_verification=True) as reader:
            assert (await reader.get(CALL)).status == 200


# Tokens


async def test_a_token_that_is_not_accepted_is_renewed_once() -> None:
    async def first_is_revoked(request: web.Request) -> web.StreamResponse:
        if request.headers["Authorization"].endswith("-1"):
            return web.json_response({"error": {}}, status=401)
        return await ok(request)

    async with served(first_is_revoked) as (server, reader):
        answers = await asyncio.gather(*(reader.get(CALL) for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        assert server.tokens == 2


async def test_a_second_refusal_is_a_matter_of_configuration_and_no_hot_loop() -> None:
    async with served(always(401, "{}", "application/json")) as (server, reader):
        for _ in range(20):
            error = await failure(reader)
            assert isinstance(error, ConfigurationError)
            assert error.code == "benchling-credentials-refused"
        assert (server.tokens, len(server.reads)) == (2, 2)


async def test_refused_credentials_are_a_matter_of_configuration_and_no_hot_loop() -> None:
    async with served() as (server, reader):
        server.token_status = 401
        for _ in range(20):
            error = await failure(reader)
            assert isinstance(error, ConfigurationError)
            assert error.code == "benchling-credentials-refused"
        assert (server.tokens, server.reads) == (1, [])


async def test_signing_in_needs_no_read() -> None:
    async with served() as (server, reader):
        await reader.sign_in()
        await reader.sign_in()
        assert (server.tokens, server.reads) == (1, [])


# Limits


async def test_429_is_waited_out_and_then_given_up_for_now() -> None:
    clock = VirtualClock()
    async with served(
        always(429, "{}", "application/json", **{"Retry-After": "2"}), clock=clock
    ) as (server, reader):
        with pytest.raises(TransientError) as caught:
            await clock.run(reader.get(CALL))
        assert caught.value.code == "benchling-rate-limited"
        assert caught.value.retry_after is not None
        assert 1 <= caught.value.retry_after <= 15.1
        assert len(server.reads) == 11
        assert reader.budget.snapshot().throttled_total == 11


async def test_requests_go_out_again_after_a_429() -> None:
    clock = VirtualClock()
    answers = [always(429, "{}", "application/json", **{"x-rate-limit-reset": "7"}), ok]

    async def handler(request: web.Request) -> web.StreamResponse:
        return await answers.pop(0)(request)

    async with served(handler, clock=clock) as (server, reader):
        answer = await clock.run(reader.get(CALL))
        assert answer.status == 200
        assert clock.monotonic() >= 7
        assert len(server.reads) == 2


async def test_one_family_has_half_of_the_places_and_a_token_waits_for_none_of_them() -> None:
    under_way, most = Counter[str](), Counter[str]()
    release = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        under_way["now"] += 1
        most["now"] = max(most["now"], under_way["now"])
        await release.wait()
        under_way["now"] -= 1
        return await ok(request)

    told = {"x-rate-limit-limit": "300", "x-rate-limit-remaining": "299"}
    async with served(always(200, "{}", "application/json", **told)) as (server, reader):
        await reader.get(CALL)
        server.handler = handler
        tasks = [asyncio.create_task(reader.get(CALL)) for _ in range(60)]
        async with asyncio.timeout(10):
            while under_way["now"] < 24:
                await asyncio.sleep(0.01)
        assert reader.budget.snapshot().waiting == 36
        (await reader.budget.admit(place=0)).withdraw()
        release.set()
        await asyncio.gather(*tasks)
        assert (most["now"], len(server.reads)) == (24, 61)


async def test_a_ping_asks_although_calls_wait_for_those_that_are_not_answered() -> None:
    told = {"x-rate-limit-limit": "300", "x-rate-limit-remaining": "299"}
    async with served(always(200, "{}", "application/json", **told)) as (server, reader):
        await reader.get(CALL)
        server.handler = hanging
        tasks = [asyncio.create_task(reader.get(CALL)) for _ in range(60)]
        async with asyncio.timeout(10):
            while len(server.reads) < 1 + 24:
                await asyncio.sleep(0.01)
        assert reader.budget.snapshot().waiting == 36
        ping = asyncio.create_task(reader.ping(None))
        async with asyncio.timeout(10):
            while len(server.reads) < 1 + 25:
                await asyncio.sleep(0.01)
                assert not ping.done(), "nobody has answered"
        for task in (ping, *tasks):
            task.cancel()
        await asyncio.gather(ping, *tasks, return_exceptions=True)


async def test_a_tenant_that_refuses_everything_for_its_budget_is_in_trouble() -> None:
    clock = VirtualClock()
    codes: list[str | None] = []

    async def ask() -> None:
        while True:
            await clock.sleep(5)
            try:
                await reader.ping(None)
            except TransientError as error:
                codes.append(error.code)
            else:
                codes.append(None)

    async with served(always(429, "{}", "application/json"), clock=clock) as (_, reader):
        await clock.run(reader.sign_in())
        asking = asyncio.create_task(ask())
        await clock.run(_ended(reader.get(CALL)))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert len(codes) > 10
        assert set(codes[1:]) == {"benchling-rate-limited"}


@pytest.mark.parametrize(("named", "code"), [("25", None), ("300", "benchling-rate-limited")])
async def test_a_pause_that_a_429_asks_for_is_trouble_when_it_is_longer_than_a_window(
    named: str, code: str | None
) -> None:
    clock = VirtualClock()
    answers = [always(429, "{}", "application/json", **{"Retry-After": named}), ok]

    async def handler(request: web.Request) -> web.StreamResponse:
        return await answers.pop(0)(request)

    async with served(handler, clock=clock) as (_, reader):
        await clock.run(reader.sign_in())
        call = asyncio.create_task(reader.get(CALL))
        async with asyncio.timeout(10):
            while not reader.budget.snapshot().paused_for:
                await asyncio.sleep(0.01)
        if code is None:
            await reader.ping(None)
        else:
            with pytest.raises(TransientError) as caught:
                await reader.ping(None)
            assert caught.value.code == code
        await clock.run(_ended(asyncio.wait([call])))
        assert call.result().status == 200


async def _ended(work: Awaitable[object]) -> None:
    with contextlib.suppress(ConnectorError):
        await work


async def test_the_simulated_tenants_budget_is_used_up_and_not_overrun() -> None:
    clock = VirtualClock()
    limit = RateLimit(limit=40, window_seconds=30.0)
    tenant = Tenant(resources=20, rate_limit=limit, clock=lambda: clock.now().timestamp())
    async with tenant_reader(tenant, clock=clock) as reader:
        entry = ResourceKey(next(iter(tenant.held("entry"))), "family", "entry")
        call = single(entry, catalog())

        async def all_of_them() -> None:
            await asyncio.gather(*(reader.get(call) for _ in range(200)))

        await clock.run(all_of_them())
    assert tenant.stats.throttled == 0
    assert tenant.stats.statuses[200] == 200 + tenant.tokens.issued
    assert clock.monotonic() <= 4 * 30 / 0.95


# The simulated tenant


@asynccontextmanager
async def tenant_reader(
    tenant: Tenant, *, clock: Clock | None = None, **more: Any
) -> AsyncIterator[BenchlingReader]:
    more = {"client_id": tenant.client_id, "client_secret": DEFAULT_CLIENT_SECRET, **more}
    async with TenantServer(tenant) as server, reading(server.url, clock=clock, **more) as reader:
        yield reader


async def test_wrong_credentials_are_refused_by_the_tenant() -> None:
    async with tenant_reader(Tenant(), client_secret="another") as reader:
        assert (await failure(reader)).code == "benchling-credentials-refused"


async def test_tokens_of_the_tenant_are_renewed_as_they_end() -> None:
    clock = VirtualClock()
    tenant = Tenant(resources=20, token_lifetime=60, clock=lambda: clock.now().timestamp())
    async with tenant_reader(tenant, clock=clock) as reader:
        entry = ResourceKey(next(iter(tenant.held("entry"))), "family", "entry")
        for _ in range(30):
            assert (await reader.get(single(entry, catalog()))).status == 200
            await clock.advance(10)
    assert tenant.stats.statuses[401] == 0
    assert 5 <= tenant.tokens.issued <= 11


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.ERROR_500, "benchling-failing"),
        (FaultKind.BAD_GATEWAY_502, "benchling-failing"),
        (FaultKind.UNAVAILABLE_503, "benchling-failing"),
        (FaultKind.HTML_200, "benchling-unexpected-answer"),
        (FaultKind.HANG, "benchling-unreachable"),
        (FaultKind.TRUNCATED, "benchling-unreachable"),
    ],
)
async def test_each_fault_of_the_tenant_passes(kind: FaultKind, code: str) -> None:
    tenant = Tenant(resources=40)
    entries = [ResourceKey(one, "family", "entry") for one in tenant.held("entry")]
    (call,) = plan(entries, catalog(), 100)
    async with tenant_reader(tenant, request_timeout_s=0.3) as reader:
        await reader.sign_in()
        tenant.faults.once(kind, route="*entries*")
        assert (await failure(reader, call)).code == code
        assert set(resources(call, await reader.get(call))) == set(entries)


async def test_a_reset_by_the_tenant_goes_unnoticed() -> None:
    tenant = Tenant(resources=40)
    call = single(ResourceKey(next(iter(tenant.held("entry"))), "family", "entry"), catalog())
    async with tenant_reader(tenant) as reader:
        await reader.sign_in()
        tenant.faults.once(FaultKind.RESET, route="*entries*")
        assert (await reader.get(call)).status == 200


async def test_maintenance_passes() -> None:
    tenant = Tenant(resources=20)
    call = single(ResourceKey(next(iter(tenant.held("entry"))), "family", "entry"), catalog())
    async with tenant_reader(tenant) as reader:
        await reader.sign_in()
        tenant.behaviour.maintenance = True
        assert (await failure(reader, call)).code == "benchling-failing"
        tenant.behaviour.maintenance = False
        assert (await reader.get(call)).status == 200


async def test_a_cancelled_read_leaves_nothing_behind() -> None:
    async with served(hanging) as (server, reader):
        task = asyncio.create_task(reader.get(CALL))
        async with asyncio.timeout(10):
            while not server.reads:
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        snapshot = reader.budget.snapshot()
        assert (snapshot.under_way, snapshot.waiting) == (0, 0)


# Helpers of `check` and metrics


async def test_a_probe_tells_whether_the_app_may_read_anything() -> None:
    tenant = Tenant(resources=20)
    async with tenant_reader(tenant) as reader:
        probe = await reader.probe()
        assert (probe.status, probe.allowed) == (200, True)
        tenant.everything_forbidden = True
        probe = await reader.probe()
        assert not probe.allowed


async def test_a_probe_that_is_forbidden_is_no_error() -> None:
    async with served(always(403, "{}", "application/json")) as (_, reader):
        probe = await reader.probe()
        assert (probe.status, probe.allowed) == (403, False)


async def test_a_probe_goes_on_where_a_list_does_not_exist() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/api/v2/entries":
            return web.json_response({"entries": [{"id": "etr_1"}], "nextToken": ""})
        return web.Response(status=404, text=PAGE, content_type="text/html")

    async with served(handler) as (_, reader):
        probe = await reader.probe()
        assert (probe.path, probe.allowed) == ("/api/v2/entries", True)


async def test_the_clocks_are_compared_by_the_last_answer() -> None:
    clock = VirtualClock()
    date = format_datetime(clock.now() - timedelta(seconds=90), usegmt=True)
    async with served(always(200, "{}", "application/json", Date=date), clock=clock) as (
        _server,
        reader,
    ):
        assert reader.clock_skew_s is None
        await reader.get(CALL)
        assert reader.clock_skew_s == pytest.approx(90, abs=1)


async def test_every_request_is_observed() -> None:
    seen: list[tuple[str, str, int | None]] = []

    class Observer:
        def on_request(self, family: str, kind: str, status: int | None, seconds: float) -> None:
            assert seconds >= 0
            seen.append((family, kind, status))

    async with served(cut, observer=Observer()) as (server, reader):
        await failure(reader)
        server.handler = ok
        await reader.get(CALL)
        await reader.probe()
    assert seen == [
        ("token", "token", 200),
        ("entry", "single", None),
        ("entry", "single", None),
        ("entry", "single", 200),
        ("probe", "probe", 200),
        ("probe", "probe", 200),
        ("probe", "probe", 200),
    ]


async def test_no_log_line_holds_secret_or_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served() as (server, reader):
        await reader.get(CALL)
        server.handler = always(500, TOKEN, "text/html")
        await failure(reader)
    assert SECRET not in caplog.text
    assert TOKEN not in caplog.text
