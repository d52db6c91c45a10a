"""Everything that can go wrong with an answer, on demand."""

import asyncio
import json

import aiohttp
import pytest

from benchling_connector.simulator.behaviour import Behaviour, Latency
from benchling_connector.simulator.faults import FaultKind, FaultPlan
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import Asker

PROJECTS = "/api/v2/projects"
ENTRY = "*/entries/{id}"


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        (FaultKind.ERROR_500, 500, "application/json"),
        (FaultKind.BAD_GATEWAY_502, 502, "text/html; charset=utf-8"),
        (FaultKind.UNAVAILABLE_503, 503, "text/html; charset=utf-8"),
        (FaultKind.THROTTLED_429, 429, "application/json"),
        (FaultKind.HTML_200, 200, "text/html; charset=utf-8"),
    ],
)
def test_a_call_fails_once_in_the_way_asked_for(
    kind: FaultKind, status: int, content_type: str, tenant: Tenant, ask: Asker
) -> None:
    tenant.faults.once(kind)
    answer = ask.get(PROJECTS)
    assert (answer.status, answer.content_type) == (status, content_type)
    assert ask.get(PROJECTS).status == 200
    assert tenant.faults.injected == {kind: 1}


def test_a_fault_can_wait_for_a_route_or_a_resource(tenant: Tenant, ask: Asker) -> None:
    one, two, *_ = tenant.held("entry")
    tenant.faults.once(FaultKind.ERROR_500, route=ENTRY)
    tenant.faults.once(FaultKind.BAD_GATEWAY_502, resource_id=two, times=2)
    assert ask.get("/api/v2/entries:bulk-get", entryIds=one).status == 200
    assert ask.get("/api/v2/entries:bulk-get", entryIds=f"{one},{two}").status == 502
    assert ask.get(f"/api/v2/entries/{one}").status == 500
    assert ask.get(f"/api/v2/entries/{two}").status == 502
    assert ask.get(f"/api/v2/entries/{two}").status == 200


def test_a_plan_has_its_probabilities_and_follows_from_the_seed() -> None:
    def run(seed: int) -> list[int]:
        tenant = Tenant(seed)
        tenant.limiter.config = tenant.limiter.config.__class__(limit=10_000)
        tenant.faults.plan = FaultPlan({FaultKind.ERROR_500: 0.2, FaultKind.THROTTLED_429: 0.1})
        ask = Asker(tenant)
        return [ask.get(PROJECTS).status for _ in range(1000)]

    statuses = run(1)
    assert 150 < statuses.count(500) < 250
    assert 70 < statuses.count(429) < 130
    assert statuses == run(1)
    assert statuses != run(2)


def test_the_token_endpoint_is_spared_unless_the_plan_says_so(tenant: Tenant, ask: Asker) -> None:
    tenant.faults.plan = FaultPlan({FaultKind.ERROR_500: 1.0})
    assert ask.new_token()
    tenant.faults.plan = FaultPlan({FaultKind.ERROR_500: 1.0}, token_too=True)
    assert not ask.new_token()
    tenant.faults.clear()
    assert ask.new_token()


def test_maintenance_answers_html_to_everything(tenant: Tenant, ask: Asker) -> None:
    tenant.behaviour.maintenance = True
    answer = ask.get(PROJECTS)
    assert (answer.status, answer.content_type) == (503, "text/html; charset=utf-8")
    assert ask.get("/nowhere").status == 503


def test_unknown_paths_answer_html_with_404_or_200(tenant: Tenant, ask: Asker) -> None:
    paths = ["/", "/api/v2", "/api/v2/unheard-of", "/api/v2/entries/a/b", "/api/v3/entries"]
    for path in paths:
        answer = ask.get(path)
        assert (answer.status, answer.content_type) == (404, "text/html; charset=utf-8")
    tenant.behaviour.unknown_path_status = 200
    assert ask.get("/api/v2/unheard-of").status == 200


async def test_urls_beyond_the_limit_are_refused_by_html(
    tenant: Tenant, client: aiohttp.ClientSession
) -> None:
    ids = ",".join(tenant.create("entry").id for _ in range(700))
    async with client.get("/api/v2/entries:bulk-get", params={"entryIds": ids}) as response:
        assert (response.status, response.content_type) == (414, "text/html")
    tenant.behaviour.url_limit = 100_000
    async with client.get("/api/v2/entries:bulk-get", params={"entryIds": ids}) as response:
        assert response.status == 200
        assert len((await response.json())["entries"]) == 700


def test_latency_is_fixed_plus_jitter_plus_the_familys(tenant: Tenant, ask: Asker) -> None:
    tenant.behaviour = Behaviour(latency=Latency(0.1, 0.5, {"entry": 2.0}))
    entry = next(iter(tenant.held("entry")))
    plain = [ask.get(PROJECTS).delay for _ in range(50)]
    assert 0.1 <= min(plain) < 0.2
    assert 0.5 < max(plain) <= 0.6
    assert ask.get(f"/api/v2/entries/{entry}").delay >= 2.1


async def bare_get(server: TenantServer, ask: Asker) -> bytes:
    """What comes over the wire: aiohttp's client quietly repeats a GET whose connection broke."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = f"GET {PROJECTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ask.token}\r\n\r\n"
    writer.write(request.encode())
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_a_reset_is_seen_as_a_broken_connection(
    tenant: Tenant, server: TenantServer, ask: Asker
) -> None:
    tenant.faults.once(FaultKind.RESET)
    with pytest.raises(ConnectionResetError):
        await bare_get(server, ask)


async def test_a_truncated_body_is_shorter_than_it_said(
    tenant: Tenant, client: aiohttp.ClientSession
) -> None:
    tenant.faults.once(FaultKind.TRUNCATED)
    async with client.get(PROJECTS) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_slow_body_comes_whole_in_the_end(
    tenant: Tenant, client: aiohttp.ClientSession
) -> None:
    tenant.faults.plan = FaultPlan(slow_seconds=0.04)
    tenant.faults.once(FaultKind.SLOW)
    async with client.get(PROJECTS) as response:
        assert len((await response.json())["projects"]) == len(tenant.content.projects)


async def test_a_hang_lasts_until_the_client_gives_up(
    tenant: Tenant, client: aiohttp.ClientSession
) -> None:
    tenant.faults.once(FaultKind.HANG)
    with pytest.raises(asyncio.TimeoutError):
        await client.get(PROJECTS, timeout=aiohttp.ClientTimeout(total=0.05))
    async with client.get(PROJECTS) as response:
        assert response.status == 200


async def test_a_hang_ends_in_a_closed_connection(
    tenant: Tenant, server: TenantServer, ask: Asker
) -> None:
    tenant.faults.plan = FaultPlan(hang_seconds=0.02)
    tenant.faults.once(FaultKind.HANG)
    with pytest.raises(ConnectionResetError):
        await bare_get(server, ask)


async def test_the_server_stops_though_somebody_hangs(tenant: Tenant, ask: Asker) -> None:
    tenant.faults.once(FaultKind.HANG)
    headers = {"Authorization": f"Bearer {ask.token}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        async with TenantServer(tenant) as server:
            hanging = asyncio.create_task(client.get(f"{server.url}{PROJECTS}"))
            while not tenant.faults.injected:
                await asyncio.sleep(0)
        with pytest.raises(aiohttp.ClientError):
            await hanging


async def test_a_token_travels_unchanged_in_a_query(
    tenant: Tenant, client: aiohttp.ClientSession
) -> None:
    for _ in range(3):
        tenant.emit("v2.entry.created")
    async with client.get("/api/v2/events", params={"pageSize": "2"}) as response:
        token = json.loads(await response.read())["nextToken"]
    async with client.get("/api/v2/events", params={"nextToken": token}) as response:
        assert len((await response.json())["events"]) == 1
