"""The console of a real `serve`, as a process."""

import signal

import httpx

from tests.acceptance.test_platform_story import token_of
from tests.acceptance.world import World, ended, line_with


async def test_a_page_that_somebody_looks_at_does_not_hold_up_the_end(world: World) -> None:
    place = ("--data-dir", str(world.home / "data"))
    headers = {"Authorization": f"Bearer {await token_of(world, place)}"}
    process = await world.start("serve", *place, "--http-port", "0")
    url = (await line_with(process, "platform.served"))["url"]
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client,
        client.stream("GET", "/live/connectors") as looking,
    ):
        lines = looking.aiter_lines()
        first = await anext(lines)
        process.send_signal(signal.SIGTERM)
        async for _ in lines:  # ends where the connection is closed in order, and raises if not
            pass
    told = await ended(process)

    assert first.startswith("data: ")
    assert told.status == 0
    assert [line for line in told.log if line["level"] in ("warning", "error")] == []
