"""Everything that the platform can do, opened together for the web, the command line and tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import require_schema, upgrade
from benchling_connector.platform.accounts import Accounts
from benchling_connector.platform.audit import Audit
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.passwords import Passwords
from benchling_connector.platform.refusals import Refusals
from benchling_connector.platform.sessions import Sessions
from benchling_connector.platform.signin import SignIn
from benchling_connector.platform.tokens import Tokens

__all__ = ["Services", "open_services"]


@dataclass(frozen=True, slots=True)
class Services:
    """One of each."""

    desk: Desk
    accounts: Accounts
    audit: Audit
    refusals: Refusals
    sessions: Sessions
    sign_in: SignIn
    tokens: Tokens


@asynccontextmanager
async def open_services(
    database_url: str,
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], str],
    may_make: bool = False,
) -> AsyncIterator[Services]:
    """The services on a database, which is made or upgraded first if it may be.

    Raises `ConfigurationError` when there is none, or one of another version, and
    `TransientError`.
    """
    if not may_make:
        # Opened for writing, a SQLite file would be made.
        await open_engine(database_url, read_only=True).dispose()
    engine = open_engine(database_url)
    try:
        await (upgrade(engine) if may_make else require_schema(engine))
        services = _make(Desk(engine, now, new_id))
        yield services
        await services.refusals.flush()
    finally:
        await engine.dispose()


def _make(desk: Desk) -> Services:
    passwords, sessions, refusals = Passwords(), Sessions(desk), Refusals(desk)
    accounts = Accounts(desk, passwords)
    return Services(
        desk=desk,
        accounts=accounts,
        audit=Audit(desk),
        refusals=refusals,
        sessions=sessions,
        sign_in=SignIn(desk, accounts, passwords, sessions, refusals),
        tokens=Tokens(desk),
    )
