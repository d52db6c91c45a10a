"""The lake in a folder, durable and free of halves at any moment.

An object is written below `_tmp/`, flushed to the disk, renamed to its place, and the folder that
names it is flushed as well, with every folder above that is new. So after a power cut an object
that was put is there, whole; and after a kill nothing stands below the lake but objects and what
`_tmp/` holds, which the next start clears away when it is an hour old.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from benchling_connector.adapters.lake.address import NOT_FOUND, checked_path
from benchling_connector.adapters.lake.errors import of_file_system
from benchling_connector.adapters.lake.trial import TRIAL_FOLDER, Trying
from benchling_connector.domain.errors import ConfigurationError

__all__ = ["STAGING", "FileLake"]

Result = TypeVar("Result")

STAGING = "_tmp"
LEFTOVER_S = 3600.0

_THREADS = 8
_MOST_FOLDERS = 10_000
# What file systems that flush no folders (FUSE, SMB) answer to the attempt.
_NOT_FLUSHABLE = {errno.EINVAL, errno.EBADF, errno.ENOTSUP}
# Where no object of ours can stand: a folder stands there, a file stands in place of a folder, or
# the file system knows no such name.
_NOTHING_THERE = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG}


class FileLake:
    """The `Lake` port over a folder. Open it, and close it when done.

    Every call is one hop to a thread; several puts run at once.
    """

    def __init__(self, root: Path) -> None:
        self.location = str(root)
        self._root = root
        self._staging = root / STAGING
        self._trying = Trying()
        self._flushed: set[Path] = set()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lake")

    async def open(self) -> None:
        """Makes the folder if it is missing, and clears old leftovers away."""
        await self._in_thread("write", self._prepare)

    async def close(self) -> None:
        """Waits for what is under way."""
        await asyncio.to_thread(self._threads.shutdown)
        with contextlib.suppress(OSError):  # another process may be writing
            self._staging.rmdir()

    async def put(self, path: str, body: bytes) -> None:
        """Writes one object durably, as a whole or not at all."""
        target = self._target(path)
        await self._in_thread("write", lambda: self._put(target, body))

    async def sha256(self, path: str) -> str | None:
        """The checksum of what stands there, in hex; None if nothing does."""
        target = self._target(path)
        return await self._in_thread("read", lambda: self._if_there(target, _hash))

    async def read(self, path: str) -> bytes | None:
        """What stands there; None if nothing does."""
        target = self._target(path)
        return await self._in_thread("read", lambda: self._if_there(target, Path.read_bytes))

    async def remove(self, path: str) -> None:
        """Takes away what stands there, if anything does, and the folders that this empties."""
        target = self._target(path)
        await self._in_thread("remove", lambda: self._remove(target))

    async def _in_thread(self, action: str, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except OSError as error:
            raise of_file_system(error, action, self.location) from error

    async def ping(self) -> None:
        """Returns when the folder is there and may be written."""
        await self._in_thread("write", self._look)

    async def try_out(self) -> None:
        """See `ports.Lake`."""
        await self._trying.out(self)

    def _look(self) -> None:
        self._require_root()
        if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _target(self, path: str) -> Path:
        return self._root / checked_path(path)

    def _prepare(self) -> None:
        missing, folder = [], self._root
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            self._make(folder)
        before = time.time() - LEFTOVER_S
        for place in (self._staging, self._root / TRIAL_FOLDER):
            with contextlib.suppress(FileNotFoundError), os.scandir(place) as leftovers:
                for leftover in leftovers:
                    with contextlib.suppress(FileNotFoundError):
                        if leftover.stat(follow_symlinks=False).st_mtime < before:
                            Path(leftover).unlink()

    def _put(self, target: Path, body: bytes) -> None:
        try:
            self._write(target, body)
        except FileNotFoundError:
            # Somebody removed a folder that was there: make it again, but never the lake itself,
            # which may be a mount that is gone.
            self._require_root()
            self._flushed.clear()
            self._write(target, body)

    def _write(self, target: Path, body: bytes) -> None:
        self._make_durable(self._staging)
        self._make_durable(target.parent)
        staged = self._staging / f"{secrets.token_hex(16)}.part"
        try:
            with staged.open("xb", buffering=0) as file:
                rest = memoryview(body)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            staged.replace(target)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        _flush_folder(target.parent)

    def _make_durable(self, folder: Path) -> None:
        """Makes a folder below the lake, and sees that it and those above outlive a power cut."""
        if folder == self._root or folder in self._flushed:
            return
        self._make_durable(folder.parent)
        self._make(folder)
        if len(self._flushed) >= _MOST_FOLDERS:
            self._flushed.clear()
        self._flushed.add(folder)

    def _make(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        _flush_folder(folder.parent)

    def _if_there(self, target: Path, use: Callable[[Path], Result]) -> Result | None:
        try:
            return use(target)
        except OSError as error:
            if error.errno not in _NOTHING_THERE:
                raise
            self._require_root()
            return None

    def _remove(self, target: Path) -> None:
        try:
            target.unlink()
        except OSError as error:
            if error.errno not in _NOTHING_THERE:
                raise
        for folder in target.parents:
            if folder == self._root:
                return
            self._flushed.discard(folder)
            try:
                folder.rmdir()
            except OSError:  # not empty
                return

    def _require_root(self) -> None:
        if not self._root.is_dir():
            raise ConfigurationError(NOT_FOUND, f"The lake's folder {self._root} is gone.")


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_FLUSHABLE:
            raise
    finally:
        os.close(descriptor)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
