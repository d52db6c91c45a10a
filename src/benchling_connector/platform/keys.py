"""The keys that secrets are encrypted with: where they are kept, and how the first is made."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import Select, delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import (
    alert_channels,
    commands,
    configurations,
    connector_data,
    settings,
)
from benchling_connector.domain.environment import PLATFORM_KEY, PLATFORM_KEY_FILE
from benchling_connector.domain.errors import (
    ConfigurationError,
    FieldProblem,
    InvalidConfiguration,
)
from benchling_connector.platform.desk import Desk

__all__ = ["KeyPlace", "ensure_key", "key_place", "new_key", "remember_key"]

_NAME = "key"


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where the keys stand: `given` by the environment, or else in a file, the current one first.

    Separated by commas or white space.
    """

    file: Path
    given: str | None = field(default=None, repr=False)

    def keys(self) -> tuple[str, ...]:
        """The keys as they stand there now.

        Raises `ConfigurationError` (`secrets-undecryptable`) if there are none, and
        `InvalidConfiguration` if these are no keys or cannot be read.
        """
        text = self.given
        if text is None:
            try:
                text = self.file.read_text(encoding="ascii")
            except FileNotFoundError:
                raise _missing(f"There is no key at {self.file}.") from None
            except (OSError, UnicodeDecodeError):
                raise _wrong(f"The file {self.file} cannot be read as a key.") from None
        keys = tuple(text.replace(",", " ").split())
        if not keys:
            raise _missing(f"There is no key in {'the environment' if self.given else self.file}.")
        for key in keys:
            _check(key)
        return keys

    def is_empty(self) -> bool:
        """Whether nobody has given or made a key yet."""
        return self.given is None and not self.file.exists()

    def make(self, key: str) -> None:
        """Writes the first key, unless another process was quicker. Raises `OSError`."""
        with _written_beside(self.file, key) as made, suppress(FileExistsError):
            os.link(made, self.file)

    def replace(self, keys: tuple[str, ...]) -> None:
        """Writes other keys, all at once and durably. Raises `OSError`."""
        with _written_beside(self.file, "\n".join(keys)) as made:
            made.replace(self.file)


def key_place(environment: Mapping[str, str], data_dir: Path) -> KeyPlace:
    """Where this process finds its keys, by its environment and data directory."""
    file = environment.get(PLATFORM_KEY_FILE)
    place = Path(file).expanduser() if file else data_dir.expanduser() / "platform.key"
    return KeyPlace(place, environment.get(PLATFORM_KEY) or None)


def new_key() -> str:
    """A new key."""
    from cryptography.fernet import Fernet  # slow to import, and seldom needed

    return Fernet.generate_key().decode()


async def ensure_key(desk: Desk, place: KeyPlace) -> None:
    """Makes the first key of a database, which remembers which it is: no process may go on with
    another, which the others would not have.

    Raises `ConfigurationError` (`secrets-undecryptable`) for another one, or where there is none
    any more; and as `KeyPlace.keys`.
    """
    async with desk.reading() as connection:
        known = await _known(connection)
    if known is None:
        async with desk.exclusively() as connection:
            known = await _known(connection)
            if known is None:
                await _make(connection, place)
                await remember_key(connection, place.keys()[0], desk.now())
                return
    if place.is_empty():
        raise _missing(f"The platform has a key already, and it is not at {place.file}.")
    if known not in map(_print_of, place.keys()):
        where = "in the environment" if place.given is not None else f"at {place.file}"
        raise _missing(f"The platform has another key than the one {where}.")


async def remember_key(connection: AsyncConnection, key: str, now: datetime) -> None:
    """From now on this is the database's key."""
    await connection.execute(delete(settings).where(settings.c.name == _NAME))
    row = {"name": _NAME, "value": json.dumps(_print_of(key)), "updated_at": now}
    await connection.execute(insert(settings).values(row))


async def _known(connection: AsyncConnection) -> str | None:
    query = select(settings.c.value).where(settings.c.name == _NAME)
    value = await connection.scalar(query)
    return None if value is None else str(json.loads(value))


async def _make(connection: AsyncConnection, place: KeyPlace) -> None:
    if not place.is_empty():
        return
    if await connection.scalar(select(_ANY_SECRET)):
        raise _missing(f"The database holds secrets, and there is no key at {place.file}.")
    place.file.parent.mkdir(parents=True, exist_ok=True)
    place.make(new_key())


def _print_of(key: str) -> str:
    """Tells keys apart. A key is too random to be guessed from it."""
    return hashlib.sha256(f"platform key {key}".encode()).hexdigest()[:16]


def _of(query: Select[tuple[str]]) -> Select[tuple[str]]:
    return query.limit(1)


_ANY_SECRET = (
    exists(_of(select(configurations.c.connector_id).where(configurations.c.secrets != "{}")))
    | exists(_of(select(alert_channels.c.channel_id).where(alert_channels.c.secrets != "{}")))
    | exists(_of(select(connector_data.c.connector_id).where(connector_data.c.secure)))
    | exists(_of(select(commands.c.command_id).where(commands.c.secrets.is_not(None))))
)


@contextmanager
def _written_beside(file: Path, text: str) -> Iterator[Path]:
    """A file of mode 0600 with this text, on disk; gone at the end unless it was moved."""
    with NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.", delete=False) as made:
        path = Path(made.name)
        try:
            made.write(text + "\n")
            made.flush()
            os.fsync(made.fileno())
            yield path
            folder = os.open(file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        finally:
            path.unlink(missing_ok=True)


def _check(key: str) -> None:
    from cryptography.fernet import Fernet

    try:
        Fernet(key)
    except ValueError:
        raise _wrong("What is given as a key is none.") from None


def _missing(sentence: str) -> ConfigurationError:
    return ConfigurationError("secrets-undecryptable", sentence)


def _wrong(problem: str) -> InvalidConfiguration:
    remedy = f"A key is 32 random bytes in URL-safe Base64. See {PLATFORM_KEY_FILE}."
    return InvalidConfiguration([FieldProblem("platform_key", problem, remedy)])
