"""Tries the lake out with a small object, and leaves nothing behind."""

import hashlib
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from benchling_connector.adapters.lake.errors import FAILING
from benchling_connector.adapters.lake.opening import OpenLake
from benchling_connector.domain.errors import ConnectorError, TransientError

__all__ = ["LakeProbe", "Trial", "probe_lake"]

Result = TypeVar("Result")

_FOLDER = "_check"
_BODY = b'{"about": "written by the check of the Benchling connector; it may be removed"}\n'


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried: it works, it met an error, or (neither) it was not reached."""

    works: bool
    error: ConnectorError | None = None


@dataclass(frozen=True, slots=True)
class LakeProbe:
    """What happened to a small object at `path`.

    `tells_missing`: the lake says of an object that is not there that it is not there. S3 does so
    only with `s3:ListBucket`, and a connector that was killed while writing needs it.
    Without `remove` (S3: `s3:DeleteObject`) the connector works; the object of the check stays.
    """

    location: str
    path: str
    tells_missing: Trial
    write: Trial
    read_back: Trial
    remove: Trial


async def probe_lake(lake: OpenLake) -> LakeProbe:
    """Looks for an object that is not there, writes it, reads it back, removes it.

    Raises nothing: each step keeps its own error.
    """
    path = f"{_FOLDER}/{secrets.token_hex(8)}.json"
    tells_missing, _ = await _try(lake.sha256(path))
    write, _ = await _try(lake.put(path, _BODY))
    read_back = remove = Trial(works=False)
    if write.works:
        read_back, checksum = await _try(lake.sha256(path))
        if read_back.works and checksum != hashlib.sha256(_BODY).hexdigest():
            sentence = f"{lake.location}: what was written is not what is read."
            read_back = Trial(works=False, error=TransientError(FAILING, sentence))
        remove, _ = await _try(lake.remove(path))
    return LakeProbe(lake.location, path, tells_missing, write, read_back, remove)


async def _try(work: Awaitable[Result]) -> tuple[Trial, Result | None]:
    try:
        return Trial(works=True), await work
    except ConnectorError as error:
        return Trial(works=False, error=error), None
