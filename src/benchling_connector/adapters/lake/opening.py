"""Opens the lake that `lake_url` names."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from benchling_connector.adapters.lake.address import FolderAddress, parse_lake_url
from benchling_connector.adapters.lake.files import FileLake
from benchling_connector.ports import Lake

__all__ = ["OpenLake", "open_lake"]


LET_GO_S = 0.1
"""obstore's threads let go of an answer after we have it: a process that ends in between is aborted
(status 134), 8 times in 40 after a call that failed."""


class OpenLake(Lake, Protocol):
    """The `Lake` port, and what a check and a person need besides."""

    @property
    def location(self) -> str:
        """Where it is, as people read it."""
        ...

    async def read(self, path: str) -> bytes | None:
        """What stands there; None if nothing does."""
        ...

    async def remove(self, path: str) -> None:
        """Takes away what stands there, if anything does."""
        ...


@asynccontextmanager
async def open_lake(
    url: str, *, region: str, ca_bundle: Path | None = None
) -> AsyncIterator[OpenLake]:
    """The lake at `file:///folder`, `s3://bucket/prefix`, `gs://…` or `az://container/prefix`.

    A folder is made if it is missing; a bucket is not asked before the first use. `region` is the
    bucket's unless `AWS_REGION` says otherwise. Credentials for S3 come from AWS's default chain,
    for Google and Azure from their own environment variables. `ca_bundle`: a PEM file of
    authorities to trust as well.

    Raises `ConfigurationError`: `lake-not-found` for a URL that is none, `lake-access-denied` for
    a folder that may not be made.
    """
    address = parse_lake_url(url)
    if not isinstance(address, FolderAddress):
        from benchling_connector.adapters.lake.objects import (
            ObjectLake,
        )  # a folder needs no obstore

        try:
            yield ObjectLake(address, os.environ.get("AWS_REGION") or region, ca_bundle)
        finally:
            await asyncio.sleep(LET_GO_S)
        return
    lake = FileLake(address.root)
    try:
        await lake.open()
        yield lake
    finally:
        await lake.close()
