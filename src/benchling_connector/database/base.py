"""What all tables are made of: one schema, and times and keys that both databases take."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    TypeDecorator,
    event,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["INSERT", "KEY", "Moment", "metadata"]


class Moment(TypeDecorator[datetime]):
    """A time in UTC, to the microsecond. SQLite, which has no such type, keeps it as sortable text.

    Takes and gives aware datetimes.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], object] | None:
        """To the database. SQLAlchemy's own way is slow for SQLite, and an event has five times."""
        return _text_of if dialect.name == "sqlite" else None

    def result_processor(
        self, dialect: Dialect, _: object
    ) -> Callable[[Any], datetime | None] | None:
        """From the database."""
        return _moment_of if dialect.name == "sqlite" else _in_utc


def _text_of(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


def _moment_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


metadata = MetaData()


@event.listens_for(metadata, "before_create")
def _partial_indexes(_: MetaData, connection: Connection, **__: object) -> None:
    """Partial indexes are partial on PostgreSQL, too.

    Not said where they are defined: saying it imports PostgreSQL's dialect, which is slow.
    """
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["sqlite"]["where"]
            index.dialect_options["postgresql"]["where"] = where


# SQLite numbers rows by itself only in a column of exactly this type.
KEY = BigInteger().with_variant(Integer, "sqlite")


class _Inserts(dict[str, "type[sqlite.Insert | postgresql.Insert]"]):
    # A dialect is imported when it is asked for: PostgreSQL's is slow to, and not needed by SQLite.
    def __missing__(self, dialect: str) -> "type[sqlite.Insert | postgresql.Insert]":
        if dialect == "postgresql":
            from sqlalchemy.dialects import postgresql

            self[dialect] = postgresql.Insert
        else:
            from sqlalchemy.dialects import sqlite

            self[dialect] = sqlite.Insert
        return self[dialect]


INSERT = _Inserts()
"""By dialect: INSERT … ON CONFLICT, which both databases say in the same words."""
