"""The token goes to the configured host alone, whatever an event or an answer names."""

import asyncio
import json
import signal
from urllib.parse import urlsplit

import pytest

from tests.acceptance.world import World, ended, events_of, line_with
from tests.proxy import Listener, listening

FAMILY = "entity.dna_sequence"
TOKEN = b'{"access_token": "planted-token", "token_type": "Bearer", "expires_in": 900}'


async def catch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The trap: takes whatever comes."""
    await reader.read(1 << 16)
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    await writer.drain()


def urls(tenant: str, trap: Listener, path: str) -> list[str]:
    """Ways to write another host into a URL; all of them name the trap somewhere."""
    own, other = urlsplit(tenant).netloc, f"127.0.0.1:{trap.port}"
    return [
        f"http://{other}{path}",
        f"https://{other}{path}",
        f"HTTP://{other}{path}",
        f"http://localhost:{trap.port}{path}",
        f"//{other}{path}",
        f"///{other}{path}",
        f"/\\{other}{path}",
        f"\\\\{other}{path}",
        f"http:{other}{path}",
        f"http:\\\\{other}{path}",
        f"http://{own}@{other}{path}",
        f"http://user:word@{other}{path}",
        f"http://{own}\\@{other}{path}",
        f"http://{other}\\@{own}{path}",
        f"http://{own}#@{other}{path}",
        f"http://{own}?@{other}{path}",
        f"http://{own};@{other}{path}",
        f"http://{own}%2f@{other}{path}",
        f"http://\uff11\uff12\uff17.0.0.1:{trap.port}{path}",
        f"http://127\u30020\u30020\u30021:{trap.port}{path}",
        f"http://0x7f000001:{trap.port}{path}",
        f"http://{own}/%2f%2f{other}{path}",
        f"http://{own}//{other}{path}",
        f"http://{own}/..//{other}{path}",
        f"@{other}{path}",
        f".{other}{path}",
        f":{trap.port}{path}",
        f"javascript://{other}{path}",
    ]


def entities(world: World, resources: list[dict[str, str]]) -> list[str]:
    """Messages about entities, each with its resource as given."""
    bodies = []
    for resource in resources:
        event = world.tenant.emit("v2.entity.registered", family=FAMILY)
        message = json.loads(event.envelope())
        message["detail"]["entity"] = resource
        bodies.append(json.dumps(message))
    return bodies


async def test_of_the_url_in_an_event_only_the_path_is_used(world: World) -> None:
    tenant = world.tenant
    sequence = tenant.create(FAMILY)
    async with listening(catch) as trap:
        named = urls(world.tenant_url, trap, f"/api/v2/dna-sequences/{sequence.id}")
        resources = [{"id": sequence.id, "apiURL": url, "webURL": url} for url in named]
        await world.queue.send(entities(world, resources))
        run = await world.drain()
        assert run.status == 0, run.stderr
        assert trap.connections == 0
    files = world.files()
    assert len(events_of(files)) == len(named)
    # It is not for want of trying: the path leads to the configured host.
    assert any(
        resource["id"] == sequence.id and resource["fetch"]["status"] == "fetched"
        for file in files
        for resource in file["resources"]
    )


async def test_no_id_leads_to_another_host(world: World) -> None:
    async with listening(catch) as trap:
        other = f"127.0.0.1:{trap.port}"
        resources = [
            {"id": name, "apiURL": f"http://{other}/api/v2/{kind}/{name}"}
            for name in (f"@{other}", f"//{other}/x", f"\\{other}", f"x@{other}", f"http://{other}")
            for kind in ("dna-sequences", "novelties", f"@{other}", f"novelties@{other}")
        ]
        resources += [
            {"id": "seq_1", "registryId": text, "entityRegistryId": text}
            for text in (f"//{other}/", f"@{other}", f"..\\..\\{other}", f"http://{other}/x?")
        ]
        await world.queue.send(entities(world, resources))
        process = await world.start("run", "-c", str(world.write()))
        await line_with(process, "engine.started")
        # Where there is no such path, the tenant answers with a page, and it is tried again.
        tried: set[str] = set()
        while len(tried) < len(resources):
            rows = await world.ledger()
            tried |= {row["eventId"] for row in rows if row["state"] in ("stored", "retrying")}
            assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        run = await ended(process)
        assert trap.connections == 0
    assert run.status == 0, run.stderr
    assert world.tenant.stats.total > 5


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirection_of_the_api_to_another_host_is_not_followed(
    world: World, status: int
) -> None:
    redirected = asyncio.Event()
    async with listening(catch) as trap:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
                await reader.readexactly(int(length or b"0"))
                if head.startswith(b"post /api/v2/token"):
                    lines, answer = [b"HTTP/1.1 200 OK", b"Content-Type: application/json"], TOKEN
                else:
                    redirected.set()
                    to = f"Location: http://127.0.0.1:{trap.port}/api/v2/entries".encode()
                    lines, answer = (
                        [f"HTTP/1.1 {status} Go".encode(), to, b"Refresh: 0; " + to],
                        b"",
                    )
                lines.append(b"Content-Length: " + str(len(answer)).encode())
                writer.write(b"\r\n".join([*lines, b"", answer]))
                await writer.drain()

        async with listening(redirect) as tenant:
            url = f"http://127.0.0.1:{tenant.port}"
            await world.publish([world.tenant.emit("v2.entry.created")])
            process = await world.start("run", "-c", str(world.write(benchling_url=url)))
            await asyncio.wait_for(redirected.wait(), 90)
            assert process.stderr is not None
            said = b""
            while b"benchling-unexpected-answer" not in said:
                said = await process.stderr.readline()
                assert said, "it ended"
            process.send_signal(signal.SIGTERM)
            run = await ended(process)
        assert trap.connections == 0
    assert run.status == 0, run.stderr
    assert "planted-token" not in run.stderr


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_a_redirection_of_the_token_request_is_not_followed(
    world: World, status: int
) -> None:
    async with listening(catch) as trap:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            to = f"http://127.0.0.1:{trap.port}/api/v2/token"
            writer.write(
                f"HTTP/1.1 {status} Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
            )
            await writer.drain()

        async with listening(redirect) as tenant:
            run = await world.drain(benchling_url=f"http://127.0.0.1:{tenant.port}")
        assert trap.connections == 0
    assert run.status == 4
    assert run.log[-1]["code"] == "benchling-not-a-tenant"
