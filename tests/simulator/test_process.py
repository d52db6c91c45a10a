"""The tenant as a process of its own, and the control API that steers it."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from benchling_connector.simulator.control import Control
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import Asker

COMMAND = [
    sys.executable,
    "-m",
    "benchling_connector.simulator",
    "--seed",
    "9",
    "--resources",
    "40",
]


@pytest.fixture(scope="module")
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


async def test_the_process_says_where_it_is_answers_and_stops_when_told(
    process: subprocess.Popen[str],
) -> None:
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    twin = Tenant(9, resources=40)
    async with aiohttp.ClientSession() as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": ready["clientId"],
            "client_secret": "quillmere-secret",
        }
        async with client.post(f"{ready['url']}/api/v2/token", data=form) as response:
            token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        entry = next(iter(twin.held("entry")))
        url = f"{ready['url']}/api/v2/entries/{entry}"
        async with client.get(url, headers=headers) as response:
            assert await response.read() == b'{"entry":%s}' % twin.body("entry", entry)
        async with client.get(f"{ready['url']}/_simulator/stats") as response:
            assert (await response.json())["reads"] == {entry: 1}
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


class Remote:
    """The control API of a server in this process."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def call(self, method: str, path: str, **body: Any) -> Any:
        data = json.dumps(body) if method == "POST" else None
        async with self.session.request(method, f"/_simulator/{path}", data=data) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer


@pytest.fixture
async def remote(tenant: Tenant) -> AsyncIterator[Remote]:
    async with (
        TenantServer(tenant, control=Control(tenant)) as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        yield Remote(session)


async def test_resources_are_made_changed_archived_and_given_bytes(
    remote: Remote, tenant: Tenant
) -> None:
    made = (await remote.call("POST", "resources", family="entry", count=3))["ids"]
    assert set(made) <= set(tenant.held("entry"))
    await remote.call("POST", "update", family="entry", id=made[0], changes={"name": "Neu"})
    assert json.loads(tenant.body("entry", made[0]))["name"] == "Neu"
    await remote.call("POST", "archive", family="entry", id=made[1], reason="Retired")
    assert tenant.get("entry", made[1]).archived == "Retired"
    await remote.call("POST", "unarchive", family="entry", id=made[1])
    assert tenant.get("entry", made[1]).archived is None
    raw = b'{"id": "etr_given", "n": 0.10}'
    path = "/_simulator/override/entry/etr_given"
    async with remote.session.post(path, data=raw) as response:
        assert response.status == 200
    async with remote.session.get("/_simulator/body/entry/etr_given") as response:
        assert await response.read() == raw


async def test_events_are_made_and_given_back_as_envelopes(remote: Remote, tenant: Tenant) -> None:
    one = await remote.call("POST", "events", eventType="v2.request.created")
    assert one["events"][0]["detail-type"] == "v2.request.created"
    many = await remote.call("POST", "events", count=5, eventTypes=["v2.entry.created"])
    assert [event["detail"]["id"] for event in many["events"]] == [e.id for e in tenant.events[1:]]
    kind = await remote.call(
        "POST", "events", eventType="v2.entity.registered", family="entity.molecule"
    )
    assert "/molecules/" in kind["events"][0]["detail"]["entity"]["apiURL"]


async def test_a_sequence_is_enacted_step_by_step(remote: Remote) -> None:
    steps = [
        {"eventType": "v2.entry.created", "family": "entry", "about": None},
        {"eventType": "v2.entity.registered", "family": "entity.mixture", "about": None},
        {"eventType": "v2.entry.updated.fields", "family": "entry", "about": 0},
    ]
    made = (await remote.call("POST", "events", sequence=steps))["events"]
    first, second, third = (event["detail"] for event in made)
    assert "/mixtures/" in second["entity"]["apiURL"]
    assert third["entry"]["id"] == first["entry"]["id"]
    assert third["entry"]["modifiedAt"] > first["entry"]["modifiedAt"]


async def test_how_it_answers_is_changed(remote: Remote, tenant: Tenant) -> None:
    await remote.call("POST", "rate-limit", limit=7, windowSeconds=3, sharedPerSecond=1)
    assert (tenant.limiter.config.limit, tenant.limiter.config.window_seconds) == (7, 3)
    await remote.call("POST", "faults", probabilities={"error_500": 0.5}, hangSeconds=2)
    assert tenant.faults.plan.hang_seconds == 2
    await remote.call("POST", "faults/clear")
    assert tenant.faults.plan.probabilities == {}
    await remote.call("POST", "behaviour", maintenance=True, latency={"fixed": 1.5})
    assert (tenant.behaviour.maintenance, tenant.behaviour.latency.fixed) == (True, 1.5)
    await remote.call("POST", "permissions", forbid=["etr_1", "etr_2"], allow=["etr_1"])
    assert tenant.forbidden == {"etr_2"}


async def test_tokens_are_revoked_and_secrets_changed(remote: Remote, tenant: Tenant) -> None:
    ask = Asker(tenant)
    await remote.call("POST", "tokens", revoke=True, clientSecret="new", lifetime=5)
    assert ask.get("/api/v2/projects").status == 401
    assert ask.new_token() == ""
    assert ask.new_token("new")


async def test_a_single_fault_and_the_counters(remote: Remote, tenant: Tenant) -> None:
    ask = Asker(tenant)
    await remote.call("POST", "faults/once", kind="error_500", route="*/projects")
    assert [ask.get("/api/v2/projects").status for _ in range(2)] == [500, 200]
    stats = await remote.call("GET", "stats")
    assert stats["calls"]["GET /api/v2/projects"] == 2
    assert stats["faults"] == {"error_500": 1}
    assert stats["windows"][tenant.client_id][0]["used"] == 2
    await remote.call("POST", "stats/reset")
    assert (await remote.call("GET", "stats"))["total"] == 0


async def test_the_tenant_tells_what_it_holds(remote: Remote, tenant: Tenant) -> None:
    about = await remote.call("GET", "tenant")
    assert about["families"]["entry"] == list(tenant.held("entry"))
    assert about["registryId"] == tenant.content.registry.id


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rate-limit", {"limitless": 1}),
        ("faults", {"probabilities": {"gremlins": 1}}),
        ("update", {"family": "entry", "id": "etr_nobody"}),
        ("resources", {}),
        ("resources", {"family": "entry", "schema": "None Such"}),
        ("nothing", {}),
    ],
)
async def test_a_call_that_makes_no_sense_is_refused(
    path: str, body: dict[str, Any], remote: Remote
) -> None:
    async with remote.session.post(f"/_simulator/{path}", data=json.dumps(body)) as response:
        assert response.status in {400, 404}
        assert (await response.json())["error"]


async def test_without_control_the_paths_are_unknown(client: aiohttp.ClientSession) -> None:
    async with client.get("/_simulator/stats") as response:
        assert response.status == 404
