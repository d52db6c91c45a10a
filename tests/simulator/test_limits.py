"""The rate limit: what an app may call in a window, and what it hears of it."""

import json

import aiohttp
import pytest

from benchling_connector.simulator.answers import Answer, Call
from benchling_connector.simulator.limits import RateLimit
from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import Asker, Clock

PROJECTS = "/api/v2/projects"


def statuses(ask: Asker, count: int) -> list[int]:
    return [ask.get(PROJECTS).status for _ in range(count)]


def header(answer: Answer, name: str) -> int:
    return int(answer.headers[f"x-rate-limit-{name}"])


def test_the_limit_is_300_in_30_seconds_unless_something_else_is_said(
    ask: Asker, clock: Clock
) -> None:
    assert statuses(ask, 301) == [200] * 300 + [429]
    clock.now += 29.9
    assert statuses(ask, 1) == [429]
    clock.now += 0.1
    assert statuses(ask, 301) == [200] * 300 + [429]


def test_every_answer_says_what_is_left_and_when_the_window_ends(
    tenant: Tenant, ask: Asker, clock: Clock
) -> None:
    tenant.limiter.config = RateLimit(limit=3, window_seconds=10)
    first = ask.get(PROJECTS)
    assert [header(first, name) for name in ("limit", "remaining", "reset")] == [3, 2, 10]
    clock.now += 8.5
    missing = ask.get("/api/v2/entries/nobody")
    assert [header(missing, name) for name in ("limit", "remaining", "reset")] == [3, 1, 2]
    ask.get(PROJECTS)
    refused = ask.get(PROJECTS)
    assert (refused.status, header(refused, "remaining")) == (429, 0)
    assert "Retry-After" not in refused.headers
    assert json.loads(refused.body)["error"]["message"]


def test_a_refusal_says_when_to_come_back_if_told_to(tenant: Tenant, ask: Asker) -> None:
    tenant.limiter.config = RateLimit(limit=0, window_seconds=7, retry_after=True)
    assert ask.get(PROJECTS).headers["Retry-After"] == "7"


def test_each_app_has_a_budget_of_its_own(tenant: Tenant, ask: Asker) -> None:
    tenant.limiter.config = RateLimit(limit=2)
    tenant.tokens.register("other", "secret")
    other = Asker(tenant)
    body = b"grant_type=client_credentials&client_id=other&client_secret=secret"
    answer = ask.api.answer(Call("POST", "/api/v2/token", body=body))
    other.token = json.loads(answer.body)["access_token"]
    assert statuses(ask, 3) == [200, 200, 429]
    assert statuses(other, 3) == [200, 200, 429]


def test_another_process_of_the_same_app_eats_from_the_budget(
    tenant: Tenant, ask: Asker, clock: Clock
) -> None:
    tenant.limiter.config = RateLimit(limit=100, window_seconds=30, shared_per_second=4)
    ask.get(PROJECTS)
    clock.now += 10
    assert header(ask.get(PROJECTS), "remaining") == 100 - 40 - 2


def test_other_apps_of_the_tenant_are_not_seen_in_the_headers(
    tenant: Tenant, ask: Asker, clock: Clock
) -> None:
    tenant.limiter.config = RateLimit(limit=300, tenant_limit=20, tenant_per_second=10)
    assert statuses(ask, 2) == [200, 200]
    clock.now += 1.9
    refused = ask.get(PROJECTS)
    assert refused.status == 429
    assert header(refused, "remaining") == 298


def test_the_limit_can_change_in_the_middle_of_a_window(tenant: Tenant, ask: Asker) -> None:
    statuses(ask, 5)
    tenant.limiter.config = RateLimit(limit=6)
    assert statuses(ask, 2) == [200, 429]


def test_the_windows_are_kept_to_be_read(tenant: Tenant, ask: Asker, clock: Clock) -> None:
    tenant.limiter.config = RateLimit(limit=2)
    statuses(ask, 3)
    clock.now += 30
    statuses(ask, 1)
    windows = tenant.limiter.windows[tenant.client_id]
    assert [(one.used, one.refused) for one in windows] == [(2, 1), (1, 0)]
    assert tenant.stats.throttled == 1


def test_tokens_and_downloads_cost_nothing(tenant: Tenant, ask: Asker) -> None:
    tenant.limiter.config = RateLimit(limit=1)
    blob = next(iter(tenant.blobs))
    for _ in range(3):
        ask.token = ask.new_token()
        assert ask.get(f"/api/v2/blobs/{blob}/download").status == 302
    assert statuses(ask, 2) == [200, 429]


async def test_a_download_leads_to_the_bytes_without_a_token(
    tenant: Tenant, client: aiohttp.ClientSession
) -> None:
    blob = next(iter(tenant.blobs))
    async with client.get(f"/api/v2/blobs/{blob}/download", allow_redirects=False) as response:
        location = response.headers["Location"]
    async with aiohttp.ClientSession() as bare, bare.get(location) as response:
        assert blob in await response.text()


@pytest.mark.parametrize("name", ["limit", "remaining", "reset"])
async def test_http_carries_the_headers(name: str, client: aiohttp.ClientSession) -> None:
    async with client.get(PROJECTS) as response:
        assert response.headers[f"x-rate-limit-{name}"].isdigit()
