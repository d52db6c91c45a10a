"""TLS is verified, for everything, unless somebody says otherwise; a private authority is trusted
besides the public ones."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import trustme

from tests.acceptance.world import World, stored_once
from tests.aws import SESSION
from tests.proxy import relay, server_context

WRONG = ("unknown authority", "wrong host", "expired")


@asynccontextmanager
async def fronts(world: World, bad: str = "", why: str = "") -> AsyncIterator[dict[str, object]]:
    """Settings and environment to reach tenant, queue and lake by TLS; one of them may be bad."""
    authority, stranger = trustme.CA(), trustme.CA()
    bundle = world.home / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    ago = datetime.now(UTC) - timedelta(days=400)
    ports = {}
    async with AsyncExitStack() as stack:
        for name, url in (
            ("tenant", world.tenant_url),
            ("queue", world.aws.endpoint_url),
            ("lake", world.aws.endpoint_url),
        ):
            parts = urlsplit(url)
            issuer = stranger if name == bad and why == "unknown authority" else authority
            certificate = issuer.issue_cert("127.0.0.1")
            if name == bad and why == "wrong host":
                certificate = issuer.issue_cert("elsewhere.acme.test")
            if name == bad and why == "expired":
                certificate = issuer.issue_cert(
                    "127.0.0.1", not_before=ago, not_after=ago + timedelta(days=90)
                )
            front = await stack.enter_async_context(
                relay(
                    (str(parts.hostname), int(parts.port or 0)),
                    tls=server_context(issuer, certificate),
                )
            )
            ports[name] = front.port
        queue = urlsplit(world.queue.url)._replace(
            scheme="https", netloc=f"127.0.0.1:{ports['queue']}"
        )
        yield {
            "benchling_url": f"https://127.0.0.1:{ports['tenant']}",
            "sqs_url": queue.geturl(),
            "ca_bundle": str(bundle),
            "lake_endpoint": f"https://127.0.0.1:{ports['lake']}",
        }


@pytest.fixture
async def bucket(world: World) -> str:
    name = f"lake-{uuid4().hex}"
    async with SESSION.create_client("s3", **world.aws.client_arguments()) as s3:
        await s3.create_bucket(Bucket=name)
    return name


async def objects(world: World, bucket: str) -> int:
    async with SESSION.create_client("s3", **world.aws.client_arguments()) as s3:
        return len((await s3.list_objects_v2(Bucket=bucket)).get("Contents", ()))


async def items_of_check(
    world: World, settings: dict[str, object], **environment: str
) -> dict[str, dict[str, str]]:
    settings = {**settings}
    environment["AWS_ENDPOINT_URL_S3"] = str(settings.pop("lake_endpoint"))
    path = world.write(**settings)
    told = await world.program("check", "-c", str(path), "--json", **environment)
    assert "Traceback" not in told.stderr
    return {item["name"]: item for item in told.document()["items"]}


async def test_with_the_bundle_everything_works_over_tls(world: World, bucket: str) -> None:
    events = list(islice(world.tenant.activity(), 12))
    await world.publish(events)
    async with fronts(world) as settings:
        endpoint = str(settings.pop("lake_endpoint"))
        settings["lake_url"] = f"s3://{bucket}"
        path = world.write(**settings)
        run = await world.program(
            "run", "-c", str(path), "--drain", "1", AWS_ENDPOINT_URL_S3=endpoint
        )
    assert run.status == 0, run.stderr
    assert {row["eventId"] for row in await world.ledger()} == {event.id for event in events}
    assert await objects(world, bucket) > 0


@pytest.mark.parametrize("why", WRONG)
@pytest.mark.parametrize(
    ("bad", "item", "code"),
    [
        ("tenant", "benchling-tls", "benchling-tls"),
        ("queue", "queue-exists", "queue-tls"),
        ("lake", "lake", "lake-tls"),
    ],
)
async def test_a_certificate_that_cannot_be_verified_is_refused_whoever_shows_it(
    world: World, bucket: str, bad: str, item: str, code: str, why: str
) -> None:
    async with fronts(world, bad, why) as settings:
        items = await items_of_check(world, {**settings, "lake_url": f"s3://{bucket}"})
        if bad != "lake":
            settings.pop("lake_endpoint")
            run = await world.drain(**settings)
            assert run.status == 4
            assert run.log[-1]["code"] == code
    failed = {name for name, one in items.items() if one["status"] == "failed"}
    assert failed == {item}
    assert items[item]["code"] == code
    assert "ca_bundle" in items[item]["remedy"]
    if why == "expired":
        assert "expired" in items[item]["summary"]


async def test_without_the_bundle_nothing_behind_a_private_authority_is_trusted(
    world: World, bucket: str
) -> None:
    async with fronts(world) as settings:
        settings = {**settings, "ca_bundle": None, "lake_url": f"s3://{bucket}"}
        items = await items_of_check(world, settings)
    codes = {one["code"] for one in items.values() if one["status"] == "failed"}
    assert codes == {"benchling-tls", "queue-tls", "lake-tls"}


async def test_the_variables_of_openssl_and_aws_work_as_the_guide_says(
    world: World, bucket: str
) -> None:
    async with fronts(world) as settings:
        bundle = str(settings["ca_bundle"])
        settings = {**settings, "ca_bundle": None, "lake_url": f"s3://{bucket}"}
        openssl = await items_of_check(world, settings, SSL_CERT_FILE=bundle)
        aws = await items_of_check(world, settings, AWS_CA_BUNDLE=bundle)
        both = await items_of_check(world, settings, SSL_CERT_FILE=bundle, AWS_CA_BUNDLE=bundle)

    def failed(items: dict[str, dict[str, str]]) -> set[str]:
        return {one["code"] for one in items.values() if one["status"] == "failed"}

    assert failed(openssl) == {"queue-tls"}
    assert failed(aws) == {"benchling-tls"}
    assert failed(both) == set()


async def test_the_bundle_is_trusted_besides_what_the_variables_name(
    world: World, bucket: str
) -> None:
    async with fronts(world) as settings:
        other = world.home / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        settings["lake_url"] = f"s3://{bucket}"
        items = await items_of_check(
            world, settings, SSL_CERT_FILE=str(other), AWS_CA_BUNDLE=str(other)
        )
        # And the other way round: the bundle takes nothing away from them.
        settings["ca_bundle"], variable = str(other), str(settings["ca_bundle"])
        turned = await items_of_check(
            world, settings, SSL_CERT_FILE=variable, AWS_CA_BUNDLE=variable
        )
    for found in (items, turned):
        assert {name for name, one in found.items() if one["status"] == "failed"} == set()


async def test_switching_verification_off_concerns_benchling_alone(
    world: World, bucket: str
) -> None:
    async with fronts(world) as settings:
        settings = {
            **settings,
            "ca_bundle": None,
            "lake_url": f"s3://{bucket}",
            "disable_ssl_verification": True,
        }
        items = await items_of_check(world, settings)
        assert items["benchling-tls"]["status"] == "warning"
        assert items["benchling-tls"]["code"] == "tls-verification-off"
        assert items["benchling-token"]["status"] == "passed"
        assert items["queue-exists"]["code"] == "queue-tls"
        assert items["lake"]["code"] == "lake-tls"
        settings = {**settings, "sqs_url": world.queue.url, "lake_url": None}
        settings.pop("lake_endpoint")
        events = list(islice(world.tenant.activity(), 3))
        await world.publish(events)
        run = await world.drain(**settings)
    assert run.status == 0, run.stderr
    assert stored_once(world.files()) == {event.id for event in events}
    warned = [line["code"] for line in run.log if line["action"] == "configuration.warning"]
    assert warned == ["tls-verification-off"]


@pytest.mark.parametrize(
    ("content", "word"),
    [(None, "cannot be read"), ("", "holds no certificate"), ("not PEM\n", "holds no certificate")],
)
async def test_a_bundle_that_cannot_be_used_is_a_mistake_of_the_configuration(
    world: World, content: str | None, word: str
) -> None:
    bundle = world.home / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    run = await world.drain(ca_bundle=str(bundle))
    assert run.status == 3
    assert "ca_bundle: the file" in run.stderr
    assert word in run.stderr
    told = await world.program("check", "-c", str(world.write(ca_bundle=str(bundle))), "--json")
    assert told.status == 3
    (item,) = told.document()["items"]
    assert (item["name"], item["status"]) == ("configuration", "failed")
    assert word in item["summary"]
