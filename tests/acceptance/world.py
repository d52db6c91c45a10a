"""A tenant, a queue and the program as a process of its own: what a user sees from outside."""

import asyncio
import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.publisher import Item, Publisher
from benchling_connector.simulator.publisher import Queue as Target
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET, Tenant
from tests.aws import SESSION, Queue

PROGRAM = [sys.executable, "-W", "error::ResourceWarning", "-m", "benchling_connector"]
SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/raw-file.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
PATIENCE_S = 90


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def log(self) -> list[dict[str, Any]]:
        """The structured lines of stderr."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]

    def document(self) -> Any:
        """stdout, as the one JSON document that it is."""
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class World:
    """Everything around one connector."""

    tenant: Tenant
    tenant_url: str
    aws: EmbeddedAws
    queue: Queue
    home: Path

    @property
    def lake(self) -> Path:
        return self.home / "data" / "lake"

    def settings(self, **more: object) -> dict[str, object]:
        """A configuration that works, with some keys different; None leaves a key out."""
        settings: dict[str, object] = {
            "benchling_url": self.tenant_url,
            "client_id": self.tenant.client_id,
            "client_secret": DEFAULT_CLIENT_SECRET,
            "sqs_url": self.queue.url,
            "aws_region": self.aws.region,
            "data_dir": str(self.home / "data"),
            **more,
        }
        return {key: value for key, value in settings.items() if value is not None}

    def write(self, **more: object) -> Path:
        """The same as a file."""
        path = self.home / "connector.yaml"
        path.write_text(yaml.safe_dump(self.settings(**more)))
        return path

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        """The program, running."""
        return await asyncio.create_subprocess_exec(
            *PROGRAM,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**clean_environment(), **self.aws.environment(), **environment},
            cwd=self.home,
        )

    async def program(self, *arguments: str, **environment: str) -> Ended:
        """The program, run to its end."""
        return await ended(await self.start(*arguments, **environment))

    async def drain(self, **settings: object) -> Ended:
        """`run --drain`, to its end."""
        return await self.program("run", "-c", str(self.write(**settings)), "--drain", "1")

    async def publish(self, items: Iterable[Item]) -> None:
        """Puts events and other bodies on the queue."""
        credentials = (self.aws.credentials.access_key_id, self.aws.credentials.secret_access_key)
        async with Publisher(
            Target(self.queue.url),
            endpoint_url=self.aws.endpoint_url,
            region=self.aws.region,
            credentials=credentials,
        ) as publisher:
            await publisher.publish(items)

    def files(self) -> list[dict[str, Any]]:
        """The RAW files in the lake, each held against the schema, its own path and the limits."""
        found = {path.relative_to(self.lake): path for path in self.lake.rglob("*")}
        return [
            valid(below, path.read_bytes())
            for below, path in found.items()
            if path.is_file() and not below.parts[0].startswith("_")
        ]

    async def objects(self, bucket: str) -> list[dict[str, Any]]:
        """The RAW files in a bucket, held to the same."""
        documents = []
        async with SESSION.create_client("s3", **self.aws.client_arguments()) as s3:
            async for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for key in (item["Key"] for item in page.get("Contents", ())):
                    stored = await s3.get_object(Bucket=bucket, Key=key)
                    documents.append(valid(Path(key), await stored["Body"].read()))
        return documents

    async def ledger(self) -> list[dict[str, Any]]:
        """`events ls --json`."""
        told = await self.program("events", "ls", "--data-dir", str(self.home / "data"), "--json")
        assert told.status == 0, told.stderr
        document = told.document()
        assert document["next"] is None
        return list(document["events"])


def valid(path: Path, body: bytes) -> dict[str, Any]:
    """The document, if all that can be said of a RAW file alone is true of it."""
    document: dict[str, Any] = json.loads(body)
    VALIDATOR.validate(document)
    assert path.stem == document["fileId"]
    schema_id = document["schema"]["id"] if document["schema"] else "none"
    assert path.parts[0] == f"resource_type={path_part(document['resourceType'])}"
    assert path.parts[1] == f"schema_id={path_part(schema_id)}"
    assert path.parts[2] == f"date={document['createdAt'][:10]}"
    ids = [resource["id"] for resource in document["resources"]]
    assert len(ids) == len(set(ids))
    events = events_of([document])
    assert len(events) == document["eventCount"] <= 10
    assert {event["detail"]["eventType"].split(".")[1] for event in events} == {
        document["resourceType"]
    }
    return document


def path_part(value: str) -> str:
    """A value in a path: all but letters, digits, `_`, `-` and `.` percent-encoded."""
    encoded = re.sub(rb"[^A-Za-z0-9_.-]|^\.", lambda sign: b"%%%02X" % sign[0][0], value.encode())
    return encoded.decode()


def events_of(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """All envelopes."""
    return [
        event
        for document in documents
        for resource in document["resources"]
        for event in resource["events"]
    ]


def resources_of(documents: Iterable[dict[str, Any]]) -> dict[str | None, dict[str, Any]]:
    """All resource entries by ID."""
    return {
        resource["id"]: resource for document in documents for resource in document["resources"]
    }


def stored_once(documents: Iterable[dict[str, Any]]) -> set[str]:
    """The IDs of all events in the files, each of which stands there once."""
    counts = Counter(event["detail"]["id"] for event in events_of(documents))
    assert set(counts.values()) <= {1}
    return set(counts)


def clean_environment() -> dict[str, str]:
    """Ours, without anything that speaks to the program."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "BENCHLING_CONNECTOR_")) and "proxy" not in name.lower()
    }


async def line_with(
    process: asyncio.subprocess.Process, action: str, **fields: object
) -> dict[str, Any]:
    """The next line of its log that says this."""
    assert process.stderr is not None
    while text := await process.stderr.readline():
        if not text.startswith(b"{"):  # it is for people
            continue
        line: dict[str, Any] = json.loads(text)
        if line["action"] == action and fields.items() <= line.items():
            return line
    raise AssertionError(f"it ended without {action}")


async def ended_at_peak(process: asyncio.subprocess.Process) -> tuple[Ended, int]:
    """How it ends, and the most memory that it ever held, in bytes (Linux tells)."""
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    ending = asyncio.create_task(ended(process))
    while not ending.done():
        with contextlib.suppress(OSError, StopIteration, IndexError):
            lines = status.read_text().splitlines()
            peak = int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
        await asyncio.sleep(0.02)
    return await ending, peak * 1024


async def ended(process: asyncio.subprocess.Process, patience_s: float = PATIENCE_S) -> Ended:
    """How it ends, soon."""
    try:
        async with asyncio.timeout(patience_s):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        process.kill()
        stdout, stderr = await process.communicate()
        raise AssertionError(f"it did not end:\n{stderr.decode()[-3000:]}") from None
    assert process.returncode is not None
    return Ended(process.returncode, stdout.decode(), stderr.decode())
