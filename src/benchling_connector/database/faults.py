"""What databases and their drivers raise, as errors of ours.

No text of a statement, its values or the URL gets into a sentence: they hold payload and secrets.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from benchling_connector.domain.errors import ConnectorError, TransientError

__all__ = ["postgres_unreachable", "translated"]

# https://www.postgresql.org/docs/current/errcodes-appendix.html, by code or by class.
_POSTGRES = {
    "08": "the connection was lost",
    "25006": "it is read-only",
    "28": "it refuses the user or the password",
    "3D": "there is no database of that name",
    "40": "it undid a transaction in favour of another",
    "42501": "its user may not do this",
    "53100": "its disk is full",
    "53300": "it has too many connections",
    "57": "it is shutting down or starting",
}


@contextmanager
def translated() -> Iterator[None]:
    """Raises `TransientError` (`database-failing`) for whatever a database raises inside."""
    try:
        yield
    except ConnectorError:
        raise
    except PoolTimeoutError:
        raise _failing("The database did not get free in time.") from None
    except DBAPIError as error:
        raise _failing(_sentence(error)) from None
    except sqlite3.Error as error:
        raise _failing(_of_sqlite(error)) from None
    except SQLAlchemyError as error:
        raise _failing(f"The database cannot be used: {type(error).__name__}.") from None
    except OSError as error:
        raise _failing(f"The database cannot be reached: {_words(error)}.") from None


def postgres_unreachable(error: Exception) -> TransientError:
    """For what asyncpg raises when it connects."""
    if isinstance(error, OSError):
        return _failing(f"PostgreSQL cannot be reached: {_words(error)}.")
    if isinstance(error, ValueError):
        return _failing("PostgreSQL cannot be reached with this database_url.")
    return _failing(f"PostgreSQL cannot be used: {_postgres(error)}.")


def _sentence(error: DBAPIError) -> str:
    cause = error.orig
    if _sqlstate(cause) is not None or "asyncpg" in type(cause).__module__:
        return f"PostgreSQL cannot be used: {_postgres(cause)}."
    return _of_sqlite(cause)


def _of_sqlite(error: BaseException | None) -> str:
    # Its messages name tables and columns at most.
    return f"SQLite cannot use the database: {error}."


def _postgres(error: BaseException | None) -> str:
    code = _sqlstate(error)
    if code is None:
        return "the connection was lost"
    return _POSTGRES.get(code) or _POSTGRES.get(code[:2]) or f"it answers with SQLSTATE {code}"


def _sqlstate(error: BaseException | None) -> str | None:
    code = getattr(error, "sqlstate", None)
    return code if isinstance(code, str) else None


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    words = (error.strerror or type(error).__name__).lower()
    return f"{words}: {error.filename}" if error.filename else words


def _failing(sentence: str) -> TransientError:
    return TransientError("database-failing", sentence)
