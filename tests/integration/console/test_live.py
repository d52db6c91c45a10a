"""What is live on pages: sent when it is otherwise, and to nobody who may not look."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI

from benchling_connector.domain.access import Role
from benchling_connector.domain.lifecycle import Wish
from benchling_connector.web.app import make_app
from benchling_connector.web.console import streaming
from tests.integration.console.sending import connector, sign_in, submit
from tests.people import ROOT, People, untried


async def events(
    people: People, path: str, app: FastAPI | None = None, **headers: str
) -> AsyncGenerator[str]:
    """What the stream sends, as long as one listens."""
    app = app or make_app(people.services, untried)
    answers: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    gone = asyncio.Event()

    async def receive() -> dict[str, object]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        await answers.put(message)

    route, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "headers": [
            (b"host", b"localhost"),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ],
        "client": ("10.0.0.1", 1),
        "server": ("localhost", 80),
    }
    running = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    try:
        assert (await answers.get())["status"] == 200
        while True:
            message = await answers.get()
            body = message.get("body")
            assert isinstance(body, bytes)
            if body:
                yield body.decode()
            if not message.get("more_body"):
                return
    finally:
        gone.set()
        await running


def cookie_of(client: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that look again at once."""
    monkeypatch.setattr(streaming, "EVERY_S", 0.01)


@pytest.mark.usefixtures("restless")
async def test_the_list_is_sent_again_when_it_is_otherwise(
    people: People, client: httpx.AsyncClient
) -> None:
    await sign_in(people, client, Role.VIEWER)
    stream = events(people, "/live/connectors", cookie=cookie_of(client))
    first = await anext(stream)
    made = await connector(people)
    second = await anext(stream)
    while second.startswith(":"):
        second = await anext(stream)
    await stream.aclose()

    assert made.connector_id not in first
    assert made.connector_id in second
    assert all(line.startswith("data: ") for line in second.strip().split("\n"))


@pytest.mark.usefixtures("restless")
async def test_a_stream_ends_with_the_session(people: People, client: httpx.AsyncClient) -> None:
    await sign_in(people, client, Role.VIEWER)
    stream = events(people, "/live/connectors", cookie=cookie_of(client))
    await anext(stream)
    await submit(client, "/connectors", "/signout")
    rest = [event async for event in stream if not event.startswith(":")]

    assert rest == ["event: gone\ndata: -\n\n"]


@pytest.mark.usefixtures("restless")
async def test_a_stream_of_what_was_deleted_ends(people: People, client: httpx.AsyncClient) -> None:
    made = await connector(people)
    await sign_in(people, client, Role.VIEWER)
    stream = events(people, f"/live/connectors/{made.connector_id}", cookie=cookie_of(client))
    await anext(stream)
    for wish in (Wish.DISABLE, Wish.DELETE):
        await people.services.registry.move(ROOT, made.connector_id, wish)
    rest = [event async for event in stream]

    assert rest[-1] == "event: gone\ndata: -\n\n"


@pytest.mark.usefixtures("restless")
async def test_who_looks_by_a_token_is_asked_for_it_again(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "LOOKS_WITHOUT_SESSION", 3)
    made = await people.services.tokens.create(ROOT, "a viewer", Role.VIEWER)
    stream = events(people, "/live/connectors", authorization=f"Bearer {made.secret}")

    assert len([event async for event in stream if "gone" not in event]) == 1


async def test_streams_end_when_the_app_is_to_end(
    people: People, client: httpx.AsyncClient
) -> None:
    await sign_in(people, client, Role.VIEWER)
    app = make_app(people.services, untried)
    stream = events(people, "/live/connectors", app, cookie=cookie_of(client))
    await anext(stream)
    app.state.streams.end()

    assert [event async for event in stream] == []


async def test_a_look_goes_to_its_end_although_the_browser_leaves() -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def look() -> None:
        begun.set()
        await go_on.wait()
        ended.set()

    waiting = asyncio.create_task(streaming.Streams().finished(look()))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()

    await asyncio.wait_for(ended.wait(), 30)


async def test_to_look_on_keeps_no_session_alive(people: People, client: httpx.AsyncClient) -> None:
    await sign_in(people, client, Role.VIEWER)
    secret = client.cookies["benchling-session"]
    find = people.services.sessions.find
    for _ in range(9):
        people.clock.move(hours=1)
        found = await find(secret, None, is_use=False)

    assert found is None
