"""The lake in an object store: S3, Google Cloud Storage or Azure, through one Rust core."""

import hashlib
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore

from benchling_connector.adapters.aws import FOREIGN, IDENTITY_PROBLEMS, identity_error
from benchling_connector.adapters.lake.address import NOT_FOUND, BucketAddress, checked_path
from benchling_connector.adapters.lake.answers import OBJECT_MISSING, answer_of, of_object_store
from benchling_connector.adapters.lake.errors import DENIED
from benchling_connector.adapters.lake.s3 import Identity, s3_store
from benchling_connector.adapters.lake.trial import Trying
from benchling_connector.adapters.trust import read_bundle
from benchling_connector.domain.errors import ConfigurationError, ConnectorError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

__all__ = ["ObjectLake"]

Result = TypeVar("Result")

# The engine tries again by itself: here only what is over in seconds.
RETRIES: "RetryConfig" = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=8),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
CLIENT: "ClientConfig" = {
    "connect_timeout": timedelta(seconds=5),
    "timeout": timedelta(seconds=60),
}


PING_PATH = "_check/ping"


class ObjectLake:
    """The `Lake` port over a bucket. A put overwrites: one path is one sequence of bytes.

    Raises `ConfigurationError` on opening when the store cannot even be described.
    """

    def __init__(self, address: BucketAddress, region: str, ca_bundle: Path | None = None) -> None:
        self.location = str(address)
        self._address = address
        self._region = region
        self._ca_bundle = ca_bundle
        self._identity: Identity | None = None
        self._proven = False
        self._trying = Trying()
        self._store = self._open()

    async def put(self, path: str, body: bytes) -> None:
        """Writes one object, as a whole or not at all; S3 checks its SHA-256."""
        key = self._key(path)
        await self._call(
            "write",
            lambda store: obstore.put_async(
                store,
                key,
                body,
                attributes={"Content-Type": "application/json"},
                use_multipart=False,
            ),
        )

    async def sha256(self, path: str) -> str | None:
        """The checksum of what stands there, in hex; None if nothing does."""
        body = await self.read(path)
        return None if body is None else hashlib.sha256(body).hexdigest()

    async def read(self, path: str) -> bytes | None:
        """What stands there; None if nothing does.

        S3 says that an object is missing only to those who may list the bucket
        (`s3:ListBucket`); for others this is `lake-access-denied`.
        """
        key = self._key(path)
        return await self._call("read", lambda store: _read(store, key))

    async def remove(self, path: str) -> None:
        """Takes away what stands there, if anything does."""
        key = self._key(path)
        await self._call("remove", lambda store: _remove(store, key))

    async def ping(self) -> None:
        """Returns when the store answers, be it that there is nothing or that it may not tell."""
        try:
            await self.read(PING_PATH)
        except ConfigurationError as error:
            if error.code != DENIED:
                raise

    async def try_out(self) -> None:
        """See `ports.Lake`."""
        await self._trying.out(self)

    def _key(self, path: str) -> str:
        return self._address.key(checked_path(path))

    async def _call(
        self, action: str, call: "Callable[[ObjectStore], Awaitable[Result]]"
    ) -> Result:
        while True:
            store, identity, proven = self._store, self._identity, self._proven
            try:
                result = await call(store)
            except (BaseError, OSError) as error:
                problem = of_object_store(error, action, self.location)
                if identity is not None and identity.failure is not None:
                    problem = identity.failure
                if problem.code not in IDENTITY_PROBLEMS:
                    raise problem from None
                # Whoever is refused is looked up anew: a key was rotated, a role attached.
                if store is self._store:
                    self._store, self._proven = self._open(), False
                if not proven:
                    raise problem from None
            else:
                self._proven = self._proven or store is self._store
                return result

    def _open(self) -> "ObjectStore":
        address, bundle = self._address, self._ca_bundle
        try:
            if address.kind == "s3":
                store, self._identity = s3_store(address, self._region, CLIENT, RETRIES, bundle)
                return store
            if address.kind == "gs":
                options = _client("GOOGLE_BASE_URL", bundle)
                return GCSStore(address.bucket, client_options=options, retry_config=RETRIES)
            options = _client("AZURE_STORAGE_ENDPOINT", bundle)
            return AzureStore(address.bucket, client_options=options, retry_config=RETRIES)
        except FOREIGN as error:
            raise identity_error(error) or _unusable(address, error) from None
        except (BaseError, ValueError) as error:
            raise _unusable(address, error) from None


def _client(endpoint_variable: str, ca_bundle: Path | None) -> "ClientConfig":
    """How to ask a store that obstore finds by its environment: plainly, if that says http."""
    options: ClientConfig = {**CLIENT}
    if os.environ.get(endpoint_variable, "").startswith("http://"):
        options["allow_http"] = True
    if ca_bundle is not None:
        options["root_certificate"] = read_bundle(ca_bundle)
    return options


async def _read(store: "ObjectStore", key: str) -> bytes | None:
    try:
        answer = await obstore.get_async(store, key)
        return bytes(await answer.bytes_async())
    except FileNotFoundError as error:
        # A 404 without the store's own code is somebody else's: a proxy's, a wrong endpoint's.
        if answer_of(error)[1] in OBJECT_MISSING:
            return None
        raise


async def _remove(store: "ObjectStore", key: str) -> None:
    try:
        await obstore.delete_async(store, key)
    except FileNotFoundError as error:
        if answer_of(error)[1] not in OBJECT_MISSING:
            raise


def _unusable(address: BucketAddress, error: Exception) -> ConnectorError:
    return ConfigurationError(NOT_FOUND, f"{address} cannot be used ({type(error).__name__}).")
