"""The lake in a folder: durable after a power cut, whole after a kill."""

import asyncio
import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchling_connector.adapters.lake import OpenLake, open_lake, probe_lake
from benchling_connector.domain.errors import ConfigurationError, TransientError

BODY = b'{"a": 1}'

WRITER = """
import asyncio, hashlib, itertools, sys
from benchling_connector.adapters.lake import open_lake

async def write(lake, numbers):
    for number in numbers:
        body = (b"%d," % number) * 20_000
        name = hashlib.sha256(body).hexdigest()
        await lake.put(f"resource_type=t{number % 3}/date={number // 50}/{name}.json", body)
        print(number, flush=True)

async def main():
    async with open_lake(sys.argv[1], region="us-east-1") as lake:
        await asyncio.gather(*(write(lake, itertools.count(n, 8)) for n in range(8)))

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new" / "lake"


@pytest.fixture
async def lake(folder: Path) -> AsyncIterator[OpenLake]:
    async with open_lake(folder.as_uri(), region="us-east-1") as lake:
        yield lake


def _path_of(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def test_everything_is_flushed_before_it_is_relied_on(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    happened: list[tuple[str, str]] = []
    fsync, replace, mkdir = os.fsync, os.replace, os.mkdir

    def short(path: object) -> str:
        text = str(Path(os.fspath(str(path))).relative_to(tmp_path))
        return "_tmp/*" if text.endswith(".part") else text.removeprefix("new/lake/")

    def recording_fsync(descriptor: int) -> None:
        happened.append(("flush", short(_path_of(descriptor))))
        fsync(descriptor)

    def recording_replace(source: str, target: str) -> None:
        happened.append(("rename", short(target)))
        replace(source, target)

    def recording_mkdir(path: str, mode: int = 0o777) -> None:
        mkdir(path, mode)
        happened.append(("make", short(path)))

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "replace", recording_replace)
    monkeypatch.setattr(os, "mkdir", recording_mkdir)
    async with open_lake(folder.as_uri(), region="us-east-1") as lake:
        assert happened == [
            ("make", "new"),
            ("flush", "."),
            ("make", "new/lake"),
            ("flush", "new"),
        ]
        happened.clear()
        await lake.put("t=1/d=2/x.json", BODY)
        assert happened == [
            ("make", "_tmp"),
            ("flush", "new/lake"),
            ("make", "t=1"),
            ("flush", "new/lake"),
            ("make", "t=1/d=2"),
            ("flush", "t=1"),
            ("flush", "_tmp/*"),
            ("rename", "t=1/d=2/x.json"),
            ("flush", "t=1/d=2"),
        ]
        happened.clear()
        await lake.put("t=1/d=2/y.json", BODY)
        assert happened == [
            ("flush", "_tmp/*"),
            ("rename", "t=1/d=2/y.json"),
            ("flush", "t=1/d=2"),
        ]


async def test_a_folder_that_another_process_made_is_flushed_all_the_same(
    lake: OpenLake, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (folder / "t=1").mkdir()
    flushed: list[str] = []
    fsync = os.fsync

    def recording(descriptor: int) -> None:
        flushed.append(_path_of(descriptor))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recording)
    await lake.put("t=1/x.json", BODY)
    assert flushed.count(str(folder)) == 2  # for _tmp and for t=1


@pytest.mark.parametrize("after", [1, 150])
async def test_a_kill_leaves_only_whole_files(folder: Path, after: int):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, folder.as_uri()], stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        done = [int(writer.stdout.readline()) for _ in range(after)]
        writer.send_signal(signal.SIGKILL)
        done += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    assert writer.returncode == -signal.SIGKILL
    whole = {name for name in below(folder) if not name.startswith("_tmp/")}
    for name in whole:
        path = folder / name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    assert len(whole) >= len(done) >= after
    assert {path.name for path in folder.iterdir() if not path.name.startswith("r")} == {"_tmp"}


async def test_old_leftovers_are_cleared_away_and_young_ones_stay(folder: Path):
    leftovers = folder / "_tmp"
    leftovers.mkdir(parents=True)
    for name, age_s in (("old.part", 3700), ("young.part", 3500)):
        (leftovers / name).write_bytes(b"half")
        then = time.time() - age_s
        os.utime(leftovers / name, (then, then))
    async with open_lake(folder.as_uri(), region="us-east-1") as lake:
        await lake.put("x.json", BODY)
    assert below(folder) == {"_tmp/young.part", "x.json"}


async def test_a_lake_that_was_closed_cleanly_has_no_scaffolding(folder: Path):
    async with open_lake(folder.as_uri(), region="us-east-1") as lake:
        await lake.put("x.json", BODY)
    assert [path.name for path in folder.iterdir()] == ["x.json"]


async def test_the_probe_leaves_not_even_an_empty_folder(folder: Path):
    async with open_lake(folder.as_uri(), region="us-east-1") as lake:
        await probe_lake(lake)
    assert list(folder.iterdir()) == []


async def test_a_file_can_be_read_by_others(lake: OpenLake, folder: Path):
    await lake.put("x.json", BODY)
    umask = os.umask(0)
    os.umask(umask)
    assert (folder / "x.json").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize(
    ("number", "family", "code"),
    [
        (errno.ENOSPC, TransientError, "lake-failing"),
        (errno.EDQUOT, TransientError, "lake-failing"),
        (errno.EIO, TransientError, "lake-failing"),
        (errno.EACCES, ConfigurationError, "lake-access-denied"),
        (errno.EROFS, ConfigurationError, "lake-access-denied"),
    ],
    ids=errno.errorcode.get,
)
async def test_what_the_disk_refuses_leaves_nothing_behind(
    lake: OpenLake, folder: Path, monkeypatch: pytest.MonkeyPatch, number, family, code
):
    await lake.put("a.json", BODY)

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(family) as caught:
            await lake.put("b.json", BODY)
    assert caught.value.code == code
    assert errno.errorcode[number] in caught.value.sentence
    assert str(folder) in caught.value.sentence
    assert below(folder) == {"a.json"}


async def test_a_file_system_that_flushes_no_folders_is_good_enough(
    lake: OpenLake, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    fsync = os.fsync

    def picky(descriptor: int) -> None:
        if Path(_path_of(descriptor)).is_dir():
            raise OSError(errno.EINVAL, "no folders")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", picky)
    await lake.put("a.json", BODY)
    assert below(folder) == {"a.json"}


async def test_a_partition_that_was_removed_is_made_again(lake: OpenLake, folder: Path):
    await lake.put("t=1/a.json", BODY)
    (folder / "t=1" / "a.json").unlink()
    (folder / "t=1").rmdir()
    await lake.put("t=1/b.json", BODY)
    assert below(folder) == {"t=1/b.json"}


async def test_a_lake_that_is_gone_is_not_made_again(lake: OpenLake, folder: Path):
    await lake.put("t=1/a.json", BODY)
    folder.rename(folder.with_name("elsewhere"))
    for call in (lake.put("t=1/b.json", BODY), lake.sha256("t=1/a.json")):
        with pytest.raises(ConfigurationError) as caught:
            await call
        assert caught.value.code == "lake-not-found"
    assert not folder.exists()


async def test_a_file_in_the_place_of_the_lake_is_said_so(tmp_path: Path):
    (tmp_path / "lake").write_text("I am a file")
    for url in ((tmp_path / "lake").as_uri(), (tmp_path / "lake" / "below").as_uri()):
        with pytest.raises(ConfigurationError) as caught:
            async with open_lake(url, region="us-east-1"):
                pass
        assert caught.value.code == "lake-not-found"


async def test_a_put_that_is_cancelled_leaves_all_or_nothing(folder: Path):
    async with open_lake(folder.as_uri(), region="us-east-1") as lake:
        puts = [asyncio.ensure_future(lake.put(f"{n}.json", BODY * 1000)) for n in range(40)]
        await asyncio.sleep(0)
        for put in puts:
            put.cancel()
        await asyncio.gather(*puts, return_exceptions=True)
    for name in below(folder):
        assert (folder / name).read_bytes() == BODY * 1000
        assert not name.startswith("_tmp")


@pytest.mark.parametrize("obstacle", ["a file", "a folder", "a long name"])
async def test_what_cannot_be_written_is_refused_and_does_not_stand_there(
    lake: OpenLake, folder: Path, obstacle: str
) -> None:
    path = "resource_type=x/schema_id=none/y.json"
    if obstacle == "a file":
        (folder / "resource_type=x").write_text("where a folder should be")
    elif obstacle == "a folder":
        (folder / path).mkdir(parents=True)
    else:
        path = f"resource_type={'x' * 300}/y.json"

    with pytest.raises(ConfigurationError) as refused:
        await lake.put(path, BODY)

    assert refused.value.code == "lake-not-found"
    assert await lake.sha256(path) is None
    await lake.remove(path)
    await lake.try_out()
    assert not (folder / "_probe").exists()


async def test_a_lake_that_is_gone_cannot_be_tried_out(lake: OpenLake, folder: Path) -> None:
    await lake.try_out()
    shutil.rmtree(folder)
    with pytest.raises(ConfigurationError):
        await lake.try_out()
