"""Bringing the database's schema to what this version of the connector needs."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Literal

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    text,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.database import tables  # noqa: F401 - it makes the schema whole
from benchling_connector.database.append_only import protect
from benchling_connector.database.base import metadata
from benchling_connector.database.connection import (
    exclusively,
    open_engine,
    reading,
    sqlite_path,
)
from benchling_connector.database.platform_tables import audit_head
from benchling_connector.domain.audit import FIRST
from benchling_connector.domain.errors import ConfigurationError, FieldProblem, InvalidConfiguration

__all__ = ["HEAD", "SchemaStatus", "require_schema", "schema_status", "upgrade"]

HEAD = "0004"
"""The newest revision in `migrations/versions`. Known here so that a start needs no Alembic."""


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The database's revision, None when it has no tables of ours, and the one of this code."""

    current: str | None
    head: str

    @property
    def state(self) -> Literal["absent", "older", "current"]:
        """What an upgrade would meet."""
        if self.current is None:
            return "absent"
        return "current" if self.current == self.head else "older"


async def upgrade(engine: AsyncEngine) -> None:
    """Makes or upgrades the tables; any number of processes may do it at once.

    Raises `ConfigurationError` (`database-schema-newer`) and `TransientError`.
    """
    async with reading(engine) as connection:
        if (await connection.run_sync(_status)).state == "current":
            return
    async with exclusively(engine) as connection:
        state = (await connection.run_sync(_status)).state
        if state == "absent":
            await connection.run_sync(_make)
        elif state == "older":
            await connection.run_sync(_run_alembic)


async def schema_status(database_url: str) -> SchemaStatus:
    """The state of the schema. Makes nothing. Raises as `upgrade` does."""
    path = sqlite_path(database_url)
    if path is not None and not path.is_file():
        return SchemaStatus(None, HEAD)
    engine = open_engine(database_url, read_only=True)
    try:
        async with reading(engine) as connection:
            return await connection.run_sync(_status)
    finally:
        await engine.dispose()


async def require_schema(engine: AsyncEngine) -> None:
    """For those who only read: raises `ConfigurationError` unless the schema is this code's."""
    async with reading(engine) as connection:
        status = await connection.run_sync(_status)
    if status.state == "absent":
        raise InvalidConfiguration(
            [FieldProblem("database_url", "No connector has used this database yet.", "")]
        )
    if status.state == "older":
        problem = f"The database is of an older version ({status.current}, not {status.head})."
        remedy = "`benchling-connector database upgrade` brings it up to date, and backs SQLite up."
        raise InvalidConfiguration([FieldProblem("database_url", problem, remedy)])


def _status(connection: Connection) -> SchemaStatus:
    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if current is not None and current > HEAD:
        raise ConfigurationError(
            "database-schema-newer",
            f"The database's schema is {current}; this version of the connector knows {HEAD}.",
        )
    return SchemaStatus(current, HEAD)


def _make(connection: Connection) -> None:
    """The newest tables at once, with the revision that Alembic would note down.

    The migrations, one by one, make the very same (a test holds the two together), but importing
    Alembic takes a new connector a fifth of its start.
    """
    metadata.create_all(connection, checkfirst=False)
    version = Table(
        "alembic_version",
        MetaData(),
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )
    connection.execute(insert(audit_head).values(id=1, number=0, hash=FIRST))
    protect(connection)
    version.create(connection, checkfirst=False)
    connection.execute(insert(version).values(version_num=HEAD))


def _run_alembic(connection: Connection) -> None:
    from alembic.command import upgrade as alembic_upgrade
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    with as_file(files(__package__) / "migrations") as folder:
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        alembic_upgrade(config, "head")
