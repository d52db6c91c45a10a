"""AWS as it says no: no identity, queues whose policies count, servers that fail."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from benchling_connector.simulator.aws import EmbeddedAws
from tests.aws import SESSION, Queue, make_queue
from tests.people import people, people_url, quick_hashes  # noqa: F401 - fixtures


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without AWS in it, and the credentials file that the chain looks into."""
    for variable in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SQS",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    credentials = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    return credentials


@pytest.fixture(scope="module")
def strict_aws() -> Iterator[EmbeddedAws]:
    """A stand-in whose queue policies count."""
    with EmbeddedAws(enforce_policies=True) as aws:
        yield aws


@pytest.fixture
async def strict_queue(
    strict_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, identity: Path
) -> AsyncIterator[Queue]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict_aws.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict_aws.credentials.secret_access_key)
    async with SESSION.create_client("sqs", **strict_aws.client_arguments()) as client:
        yield await make_queue(client)


def write_key(file: Path, key: str) -> None:
    file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n")


@dataclass
class FakeSqs:
    """An SQS that answers as it is told, knows keys by their IDs and counts what it is asked."""

    url: str = ""
    accepted: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    answer: Any = None
    page: tuple[bytes, str] | None = None
    """Body and content type, in place of an answer."""
    headers: dict[str, str] = field(default_factory=dict)
    """What the answer has besides."""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers, by their names in lower case, and body of each request."""
    failures: int | None = None
    """How many requests are answered by `status`; the rest is answered well. None: all."""
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.Response:
        action = request.headers.get("X-Amz-Target", "").partition(".")[2]
        self.asked.append(action)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append((headers, await request.read()))
        key = request.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
        if self.accepted and key not in self.accepted:
            refusal = {"__type": "com.amazon.coral.service#ExpiredTokenException", "message": key}
            return self._json(refusal, status=403)
        await self.may_answer.wait()
        if self.failures is not None and len(self.asked) > self.failures:
            return self._json({}, status=200)
        if self.page is not None:
            body, media_type = self.page
            headers = {"Content-Type": media_type, **self.headers}
            return web.Response(body=body, status=self.status, headers=headers)
        return self._json(self.answer or {}, status=self.status)

    def _json(self, answer: object, status: int) -> web.Response:
        return web.Response(
            body=json.dumps(answer), status=status, content_type="application/x-amz-json-1.0"
        )


@pytest.fixture
async def fake() -> AsyncIterator[FakeSqs]:
    sqs = FakeSqs()
    sqs.may_answer.set()
    app = web.Application()
    app.router.add_post("/{path:.*}", sqs.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    sqs.url = f"http://{host}:{port}/000000000000/benchling"
    yield sqs
    await runner.cleanup()
