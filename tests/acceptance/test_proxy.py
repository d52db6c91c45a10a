"""Everything through a forward proxy: the hosts have names that nobody else can resolve."""

import asyncio
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.company import HOSTS, PASSWORD, QUOTED_PASSWORD, USER, Company, company
from tests.acceptance.world import Ended, World, ended, stored_once
from tests.aws import SESSION

TENANT, SQS, S3 = HOSTS


async def drain(
    here: Company, environment: dict[str, str], seconds: float = 1, **settings: Any
) -> Ended:
    path = here.world.write(**here.settings(**settings))
    return await here.world.program(
        "run", "-c", str(path), "--drain", str(seconds), "--log-level", "debug", **environment
    )


async def make_bucket(world: World) -> str:
    bucket = f"lake-{uuid4().hex}"
    async with SESSION.create_client("s3", **world.aws.client_arguments()) as s3:
        await s3.create_bucket(Bucket=bucket)
    return bucket


async def count_objects(world: World, bucket: str) -> int:
    async with SESSION.create_client("s3", **world.aws.client_arguments()) as s3:
        return len((await s3.list_objects_v2(Bucket=bucket)).get("Contents", ()))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("case", [str.lower, str.upper])
async def test_the_whole_chain_goes_through_the_proxy_of_the_environment(
    world: World, scheme: str, case: Any
) -> None:
    events = list(islice(world.tenant.activity(), 12))
    await world.publish(events)
    bucket = await make_bucket(world)
    async with company(world, scheme=scheme, user=USER, password=PASSWORD) as here:
        environment = here.environment(
            names=(case(f"{scheme}_proxy"),), auth=f"{USER}:{QUOTED_PASSWORD}"
        )
        run = await drain(here, environment, lake_url=f"s3://{bucket}/raw")
        assert run.status == 0, run.stderr
        assert here.proxy.hosts == set(HOSTS)
        assert here.proxy.turned_away == 0
        if scheme == "https":
            assert {method for method, _, _ in here.proxy.asked} == {"CONNECT"}
        for word in (PASSWORD, QUOTED_PASSWORD, f"{USER}:"):
            assert word not in run.stdout + run.stderr
    assert {row["eventId"] for row in await world.ledger()} == {event.id for event in events}
    assert await count_objects(world, bucket) > 0
    assert await world.queue.counts() == (0, 0, 0)


async def test_hosts_that_no_proxy_names_are_asked_directly(world: World) -> None:
    events = list(islice(world.tenant.activity(), 5))
    await world.publish(events)
    bucket = await make_bucket(world)
    async with company(world, scheme="http") as here:
        environment = {**here.environment(), "no_proxy": "127.0.0.1,localhost"}
        del environment["AWS_ENDPOINT_URL_S3"]
        run = await drain(
            here,
            {**environment, "AWS_ENDPOINT_URL": world.aws.endpoint_url},
            sqs_url=world.queue.url,
            benchling_url=world.tenant_url,
            lake_url=f"s3://{bucket}",
        )
        assert run.status == 0, run.stderr
        assert here.proxy.asked == []
        await world.publish(list(islice(world.tenant.activity(), 5)))
        # The queue has an address that no_proxy names, the tenant only a name.
        run = await drain(here, environment, sqs_url=world.queue.url)
        assert run.status == 0, run.stderr
        assert here.proxy.hosts == {TENANT}
    assert await count_objects(world, bucket) > 0
    assert await world.queue.counts() == (0, 0, 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("what", ["407", "502", "gone"])
async def test_a_proxy_that_refuses_or_is_gone_ends_the_start_with_what_to_do(
    world: World, scheme: str, what: str
) -> None:
    await world.publish(list(islice(world.tenant.activity(), 3)))
    async with company(world, scheme=scheme, user=USER, password=PASSWORD) as here:
        environment = here.environment(auth=f"{USER}:planted-wrong-word")
        if what == "502":
            here.proxy.refusal = 502
        if what != "gone":
            run = await drain(here, environment)
            asked = here.proxy.turned_away
            assert 1 <= asked <= 6  # three tries at the start
    if what == "gone":  # the block has closed it
        run = await drain(here, environment)
    assert run.status == 4
    failed = run.log[-1]
    # Without a tunnel nobody can tell a 502 of the proxy from one of the host behind it.
    vague = what == "502" and scheme == "http"
    assert failed["code"] == ("benchling-failing" if vague else "proxy-failing"), run.stderr
    if not vague:
        assert "HTTPS_PROXY" in failed["remedy"]
        assert {"407": "407", "502": "502", "gone": "cannot be reached"}[what] in failed["sentence"]
    assert "planted-wrong-word" not in run.stderr
    assert "Traceback" not in run.stderr
    assert await world.queue.counts() == (3, 0, 0)


@pytest.mark.parametrize(
    ("proxied", "refusal", "sentence"),
    [("queue", 407, "407"), ("queue", 502, "502"), ("lake", 407, "407"), ("lake", 403, "no way")],
)
async def test_check_names_the_proxy_that_stands_before_queue_or_lake(
    world: World, proxied: str, refusal: int, sentence: str
) -> None:
    async with company(world, scheme="https") as here:
        here.proxy.refusal = refusal
        direct = "tenant.acme.test" + (",sqs.acme.test" if proxied == "lake" else "")
        environment = {**here.environment(auth="me:planted-wrong-word"), "no_proxy": direct}
        bucket = "s3://lake" if proxied == "lake" else None
        path = world.write(**here.settings(lake_url=bucket))
        told = await world.program("check", "-c", str(path), "--json", **environment)
    items = {item["name"]: item for item in told.document()["items"]}
    item = items["lake" if proxied == "lake" else "queue-exists"]
    assert (item["status"], item["code"]) == ("failed", "proxy-failing"), item
    assert sentence in item["summary"]
    assert "planted-wrong-word" not in told.stdout + told.stderr


async def test_a_proxy_that_comes_back_is_used_without_a_restart_or_a_hot_loop(
    world: World,
) -> None:
    async with company(world, scheme="https") as here:
        path = world.write(**here.settings())
        process = await world.start("run", "-c", str(path), "--drain", "3", **here.environment())
        assert process.stderr is not None
        said = b""
        while b'"engine.started"' not in said:
            said += await process.stderr.readline()
        here.proxy.refusal = 502
        here.proxy.close_tunnels()
        events = list(islice(world.tenant.activity(), 5))
        await world.publish(events)
        while b'"proxy-failing"' not in said:
            said += await process.stderr.readline()
        await asyncio.sleep(3)
        # Of four receivers, which pause between their tries.
        assert here.proxy.turned_away <= 60
        here.proxy.refusal = None
        run = await ended(process)
    assert run.status == 0, run.stderr
    assert stored_once(world.files()) == {event.id for event in events}
