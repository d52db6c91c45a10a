"""A connector's life on the platform by the command line, beside a `serve` that runs."""

import json
from itertools import islice
from typing import Any

from tests.acceptance.platform import until
from tests.acceptance.test_platform_story import served
from tests.acceptance.test_worker import files_of
from tests.acceptance.world import Ended, World


class Verbs:
    """The program, on one platform."""

    def __init__(self, world: World, place: tuple[str, ...]) -> None:
        self.world = world
        self.place = place

    async def __call__(self, *words: str, status: int = 0) -> Ended:
        told = await self.world.program(*words, *self.place)
        assert told.status == status, told.stderr
        return told

    async def document(self, *words: str, status: int = 0) -> Any:
        return (await self(*words, "--json", status=status)).document()

    async def is_so(self, **wanted: object) -> None:
        """Waits until the connector is shown so."""

        async def look() -> bool:
            shown = await self.document("connectors", "show", "lab")
            return bool(wanted.items() <= shown.items())

        await until(look)


async def test_it_is_created_configured_started_commanded_stopped_and_deleted_by_verbs(
    world: World, place: tuple[str, ...]
) -> None:
    verbs = Verbs(world, place)
    config = str(world.write(data_dir=None))
    async with served(world, place):
        made = await verbs.document("connectors", "create", "lab")
        await verbs.is_so(networkStatus="ONLINE", operatingStatus="IDLE", health="N/A")
        refused = await verbs("connectors", "start", "lab", status=1)
        assert "no configuration yet" in refused.stderr
        await verbs("connectors", "configure", "lab", "-c", config)
        tested = await verbs.document("connectors", "test", "lab")
        assert tested["valid"]
        await verbs("connectors", "start", "lab", "--because", "it is time")
        await world.publish(list(islice(world.tenant.activity(), 30)))
        await files_of(world, 30)
        await verbs.is_so(networkStatus="ONLINE", operatingStatus="RUNNING", health="HEALTHY")

        sent = await verbs.document("commands", "send", "lab", "RunCheck", "--wait", "60")
        assert sent["status"] == "SUCCESS"
        job_id = sent["responseBody"]["jobId"]

        async def job() -> Any:
            found = await verbs.document("commands", "job", "lab", job_id)
            return found if found["status"] == "SUCCESS" else None

        ended = await until(job)
        assert {one["passed"] for one in ended["answer"]["items"]} == {True}
        listed = await verbs.document("commands", "jobs", "lab")
        assert [one["jobId"] for one in listed["jobs"]] == [job_id]
        wrong = await verbs.document("commands", "send", "lab", "RunChek", "--wait", "60", status=1)
        assert wrong["status"] == "REJECTED"
        custom = await verbs("commands", "custom", "lab")
        assert "TetraScience.Connector.Benchling.RetryQuarantine " in custom.stdout
        assert "Send messages in quarantine to the queue again." in custom.stdout

        async def measured() -> bool:
            series = (await verbs.document("metrics", "lab"))["series"]
            return "files_stored" in {one["name"] for one in series}

        await until(measured)
        refused = await verbs("connectors", "delete", "lab", status=1)
        assert "Disable it first" in refused.stderr
        await verbs("connectors", "stop", "lab")
        await verbs("connectors", "disable", "lab")
        await verbs.is_so(networkStatus="OFFLINE", operatingStatus="DISABLED")
        done = await verbs.document("connectors", "delete", "lab", "--because", "a test")
        assert done == {"id": made["id"], "status": None}
        assert (await verbs.document("connectors", "ls"))["connectors"] == []
    entries = (await verbs.document("audit", "ls", "--connector", made["id"]))["entries"]
    told = [(one["action"], one["reason"]) for one in entries]
    assert told[0] == ("connector.deleted", "a test")
    assert ("connector.started", "it is time") in told
    assert (await verbs.document("audit", "verify"))["intact"]
    assert json.dumps(world.settings()["client_secret"]) not in json.dumps(entries)
