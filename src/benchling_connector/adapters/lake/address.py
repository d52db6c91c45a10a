"""`lake_url` taken apart, and the paths below it."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from benchling_connector.domain.errors import ConfigurationError

__all__ = ["NOT_FOUND", "BucketAddress", "FolderAddress", "checked_path", "parse_lake_url"]

NOT_FOUND = "lake-not-found"

_BUCKETS = frozenset({"s3", "gs", "az"})


@dataclass(frozen=True, slots=True)
class FolderAddress:
    """A lake in the file system."""

    root: Path


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """A lake in an object store: `kind` is s3, gs or az; `prefix` has no slash at its ends."""

    kind: str
    bucket: str
    prefix: str

    def key(self, path: str) -> str:
        """The key of what stands at `path` below the lake."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def __str__(self) -> str:
        return f"{self.kind}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def parse_lake_url(url: str) -> FolderAddress | BucketAddress:
    """Takes `lake_url` apart. Raises `ConfigurationError` (`lake-not-found`) when it is none.

    A `file://` URL is percent-decoded, as URLs are; what follows `s3://bucket/` is a key, as it
    stands. A folder may be relative: `file://./data/lake`.
    """
    scheme, separator, rest = url.strip().partition("://")
    if scheme == "file" and separator:
        return FolderAddress(_folder(rest))
    if scheme not in _BUCKETS or not separator:
        raise ConfigurationError(
            NOT_FOUND, "lake_url does not begin with file://, s3://, gs:// or az://."
        )
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if not bucket or "@" in bucket:
        raise ConfigurationError(NOT_FOUND, "lake_url names no bucket.")
    if prefix:
        try:
            checked_path(prefix)
        except ValueError as error:
            raise ConfigurationError(NOT_FOUND, f"lake_url: {error}.") from None
    return BucketAddress(scheme, bucket, prefix)


def checked_path(path: str) -> str:
    """The path itself, if it stays below the lake. Raises `ValueError`."""
    if any(part in {"", ".", ".."} for part in path.split("/")) or "\0" in path:
        raise ValueError(f"{path!r} is not a path below a lake")
    return path


def _folder(rest: str) -> Path:
    host, slash, _ = rest.partition("/")
    if host in {"", "localhost"} and slash:
        path = rest[len(host) :]
    elif host in {".", ".."}:
        path = rest
    else:
        raise ConfigurationError(
            NOT_FOUND, "lake_url needs three slashes before a folder: file:///data/lake."
        )
    folder = Path(unquote(path))
    if "\0" in str(folder) or folder == Path("/"):
        raise ConfigurationError(NOT_FOUND, "lake_url names no folder.")
    return folder.absolute()
