"""`check`: every item, passed and failed, against real services."""

import socket

import pytest

from benchling_connector.checkup import ITEMS, benchling
from tests.acceptance.world import World


async def check(world: World, **settings: object) -> tuple[int, dict[str, dict[str, object]]]:
    told = await world.program("check", "-c", str(world.write(**settings)), "--json")
    assert "Traceback" not in told.stderr
    document = told.document()
    assert document["passed"] is (told.status == 0)
    items = {item["name"]: item for item in document["items"]}
    for item in items.values():
        assert item["status"] == "passed" or item["documentation"]
        assert item["status"] != "failed" or item["remedy"]
    return told.status, items


async def test_a_configuration_that_works_passes_every_item(world: World) -> None:
    world.tenant.create("entry")
    await world.publish([world.tenant.emit("v2.entry.created")])
    status, items = await check(world)
    assert list(items) == list(ITEMS)
    assert {name for name, item in items.items() if not item["passed"]} == set()
    assert {n for n, i in items.items() if i["status"] == "warning"} == {"benchling-tls"}
    assert status == 0
    (message,) = await world.queue.receive_all()
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert not (world.lake / "_check").exists()
    assert not (world.home / "data" / "connector.db").exists()


async def test_it_is_told_to_people_with_remedies(world: World) -> None:
    told = await world.program("check", "-c", str(world.write(client_secret="wrong")))
    assert told.status == 4
    assert "benchling-token" in told.stdout
    assert "docs/troubleshooting.md#benchling-credentials-refused" in told.stdout
    assert "items passed" in told.stdout


@pytest.mark.parametrize(
    ("settings", "failed", "skipped"),
    [
        ({"client_secret": "wrong"}, "benchling-token", {"benchling-read"}),
        ({"sqs_url": "QUEUE-missing"}, "queue-exists", {"queue-receive", "queue-redrive"}),
        ({"benchling_url": "http://nowhere.invalid"}, "benchling-dns", {"benchling-token"}),
        ({"benchling_url": "https://127.0.0.1:PORT"}, "benchling-tls", {"benchling-token"}),
        ({"lake_url": "s3://no-such-bucket/raw"}, "lake", set()),
        ({"lake_url": "file:///proc/lake"}, "lake", set()),
        ({"database_url": "sqlite:////proc/x.db"}, "database", set()),
        ({"database_url": "postgresql://127.0.0.1:PORT/db"}, "database", set()),
    ],
)
async def test_what_does_not_work_is_the_item_that_fails(
    world: World, settings: dict[str, str], failed: str, skipped: set[str]
) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        real = {
            key: value.replace("PORT", port).replace("QUEUE", world.queue.url)
            for key, value in settings.items()
        }
        status, items = await check(world, **real)
    assert status == 4
    assert {name for name, item in items.items() if item["status"] == "failed"} == {failed}
    assert skipped <= {name for name, item in items.items() if item["status"] == "skipped"}


async def test_a_configuration_that_is_not_valid_is_told_by_its_keys(world: World) -> None:
    told = await world.program("check", "-c", str(world.write(events_per_fle=3)), "--json")
    assert told.status == 3
    (item,) = told.document()["items"]
    assert (item["name"], item["passed"]) == ("configuration", False)
    assert "events_per_file" in item["summary"]


async def test_an_app_that_may_read_nothing_yet_is_warned_about(world: World) -> None:
    world.tenant.everything_forbidden = True
    status, items = await check(world)
    assert items["benchling-read"]["status"] == "warning"
    assert items["benchling-read"]["code"] == "benchling-nothing-readable"
    assert status == 0


async def test_a_queue_without_redrive_or_with_an_odd_timeout_is_warned_about(world: World) -> None:
    await world.queue.client.set_queue_attributes(
        QueueUrl=world.queue.url, Attributes={"RedrivePolicy": "", "VisibilityTimeout": "5"}
    )
    status, items = await check(world)
    assert items["queue-redrive"]["status"] == "warning"
    assert items["queue-visibility-timeout"]["status"] == "warning"
    assert status == 0


async def test_a_queue_of_another_region_fails(world: World) -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/benchling-events"
    _, items = await check(world, sqs_url=url)
    assert items["queue-region"]["status"] == "failed"
    assert "eu-west-1" in str(items["queue-region"]["summary"])


@pytest.mark.parametrize(
    ("skew", "outcome"),
    [(0.0, "passed"), (-59.0, "passed"), (61.0, "failed"), (-400.0, "failed"), (None, "warning")],
)
async def test_a_clock_that_differs_by_more_than_a_minute_fails(skew, outcome) -> None:
    class Reader:
        clock_skew_s = skew

    item = await benchling._skew(Reader())  # type: ignore[arg-type]
    assert item.outcome == outcome
    assert item.outcome == "passed" or item.code == "clock-skew"


async def test_switched_off_verification_is_warned_about(world: World) -> None:
    _, items = await check(
        world, disable_ssl_verification=True, benchling_url="https://127.0.0.1:1"
    )
    assert items["benchling-tls"]["code"] == "tls-verification-off"


async def test_no_secret_is_printed(world: World) -> None:
    told = await world.program("check", "-c", str(world.write(client_secret="planted-77")))
    assert "planted-77" not in told.stdout + told.stderr
