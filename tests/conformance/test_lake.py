"""What every lake does: in memory, in a folder, and in a bucket over the embedded stand-in."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from benchling_connector.adapters.lake import OpenLake, open_lake, probe_lake
from benchling_connector.adapters.memory.lake import MemoryLake
from benchling_connector.domain.rawfile import path_of
from benchling_connector.simulator.aws import EmbeddedAws
from tests.aws import SESSION

BODY = b'{"a": 1.10}\n\xc3\xa9'


class Subject:
    """A lake under test, and a look at what really stands below it."""

    def __init__(self, lake: OpenLake, folder: Path | None, s3: Any, bucket: str) -> None:
        self.lake = lake
        self._folder = folder
        self._s3 = s3
        self._bucket = bucket

    async def everything(self) -> dict[str, bytes]:
        """All objects by their paths, as somebody else sees them."""
        if isinstance(self.lake, MemoryLake):
            return dict(self.lake.objects)
        if self._folder is not None:
            files = [path for path in self._folder.rglob("*") if path.is_file()]
            return {str(path.relative_to(self._folder)): path.read_bytes() for path in files}
        found = {}
        listed = await self._s3.list_objects_v2(Bucket=self._bucket)
        for entry in listed.get("Contents", []):
            assert entry["Key"].startswith("some/prefix/")
            answer = await self._s3.get_object(Bucket=self._bucket, Key=entry["Key"])
            found[entry["Key"].removeprefix("some/prefix/")] = await answer["Body"].read()
        return found


@pytest.fixture(params=["memory", "file", "s3"])
async def subject(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Subject]:
    if request.param == "memory":
        yield Subject(MemoryLake(), None, None, "")
        return
    async with AsyncExitStack() as stack:
        if request.param == "file":
            folder = tmp_path / "a lake" / "50% full"
            lake = await stack.enter_async_context(open_lake(folder.as_uri(), region="us-east-1"))
            yield Subject(lake, folder, None, "")
            return
        aws: EmbeddedAws = request.getfixturevalue("aws")
        for key, value in aws.environment().items():
            monkeypatch.setenv(key, value)
        s3 = await stack.enter_async_context(SESSION.create_client("s3", **aws.client_arguments()))
        bucket = f"lake-{uuid4().hex}"
        await s3.create_bucket(Bucket=bucket)
        url = f"s3://{bucket}/some/prefix/"
        lake = await stack.enter_async_context(open_lake(url, region="us-east-1"))
        yield Subject(lake, None, s3, bucket)


async def test_what_was_put_stands_there_byte_for_byte(subject: Subject):
    await subject.lake.put("resource_type=entry/schema_id=none/x.json", BODY)
    assert await subject.everything() == {"resource_type=entry/schema_id=none/x.json": BODY}


async def test_the_checksum_is_of_what_stands_there(subject: Subject):
    await subject.lake.put("a/b.json", BODY)
    assert await subject.lake.sha256("a/b.json") == hashlib.sha256(BODY).hexdigest()


async def test_what_is_not_there_has_no_checksum(subject: Subject):
    assert await subject.lake.sha256("a/b.json") is None
    await subject.lake.put("a/b.json", BODY)
    assert await subject.lake.sha256("a/c.json") is None


async def test_putting_the_same_again_changes_nothing(subject: Subject):
    await subject.lake.put("a/b.json", BODY)
    await subject.lake.put("a/b.json", BODY)
    assert await subject.everything() == {"a/b.json": BODY}


@pytest.mark.parametrize(
    "schema_id",
    ["ts_1", "a/b", "a%2Fb", "ü", "%", "..", ".", "a b", "~", "a=b", "a?b#c", "\\", "'\"", "😀"],
)
async def test_any_schema_id_makes_exactly_the_path_of_its_file(subject: Subject, schema_id: str):
    path = path_of("entry", schema_id, datetime(2026, 1, 2, tzinfo=UTC), "f0")
    await subject.lake.put(path, BODY)
    assert await subject.everything() == {path: BODY}
    assert await subject.lake.sha256(path) == hashlib.sha256(BODY).hexdigest()


async def test_many_puts_at_once_all_stand_there(subject: Subject):
    bodies = {f"t={n % 7}/d={n % 3}/{n}.json": BODY + bytes([n]) for n in range(60)}
    await asyncio.gather(*(subject.lake.put(path, body) for path, body in bodies.items()))
    assert await subject.everything() == bodies


async def test_an_object_of_some_megabytes_is_put_whole(subject: Subject):
    body = bytes(range(256)) * 24_000  # over obstore's 5 MB, where parts would begin
    await subject.lake.put("big.json", body)
    assert (await subject.everything())["big.json"] == body


@pytest.mark.parametrize("path", ["", "/a", "a//b", "../a", "a/../b", "./a", "a/", "a\0b"])
async def test_a_path_that_leaves_the_lake_is_refused(subject: Subject, path: str):
    with pytest.raises(ValueError, match="not a path below a lake"):
        await subject.lake.put(path, BODY)


async def test_whoever_tries_it_out_leaves_nothing(subject: Subject):
    await asyncio.gather(*(subject.lake.try_out() for _ in range(5)))
    assert await subject.everything() == {}
    await subject.lake.put("a/b.json", BODY)
    await subject.lake.try_out()
    assert await subject.everything() == {"a/b.json": BODY}


async def test_the_probe_tries_everything_and_leaves_nothing(subject: Subject):
    await subject.lake.put("a/b.json", BODY)
    probe = await probe_lake(subject.lake)
    trials = [probe.tells_missing, probe.write, probe.read_back, probe.remove]
    assert [trial.works for trial in trials] == [True] * 4
    assert await subject.everything() == {"a/b.json": BODY}
