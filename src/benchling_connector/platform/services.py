"""Everything that the platform can do, opened together for the web, the command line and tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import require_schema, schema_status, upgrade
from benchling_connector.platform.accounts import Accounts
from benchling_connector.platform.alerts import Alerts
from benchling_connector.platform.audit import Audit
from benchling_connector.platform.commands import Commands
from benchling_connector.platform.configurations import Configurations
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.filerecords import FileRecords
from benchling_connector.platform.keys import KeyPlace
from benchling_connector.platform.outward import Outside, Outward, outward
from benchling_connector.platform.passwords import Passwords
from benchling_connector.platform.refusals import Refusals
from benchling_connector.platform.registry import Registry
from benchling_connector.platform.retrying import Retries
from benchling_connector.platform.samples import Samples
from benchling_connector.platform.sessions import Sessions
from benchling_connector.platform.signin import SignIn
from benchling_connector.platform.tokens import Tokens
from benchling_connector.platform.values import Values
from benchling_connector.platform.vault import Vault

__all__ = ["Services", "open_services"]


@dataclass(frozen=True, slots=True)
class Services:
    """One of each. `given` is None where the platform was opened with its database only."""

    desk: Desk
    accounts: Accounts
    audit: Audit
    refusals: Refusals
    sessions: Sessions
    sign_in: SignIn
    key_place: KeyPlace
    vault: Vault
    tokens: Tokens
    registry: Registry
    configurations: Configurations
    commands: Commands
    values: Values
    files: FileRecords
    retries: Retries
    samples: Samples
    alerts: Alerts
    given: Outward | None = None

    @property
    def outward(self) -> Outward:
        """What needs the outside."""
        assert self.given is not None, "the platform was opened without it"
        return self.given


@asynccontextmanager
async def open_services(
    database_url: str,
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], str],
    key_place: KeyPlace,
    may_make: bool = False,
    outside: Outside | None = None,
) -> AsyncIterator[Services]:
    """The services on a database, which is made first if it may be, and is not there.

    An older database is not upgraded on the way: `database upgrade` does, and backs it up. Raises
    `ConfigurationError` when there is none, or one of another version, and `TransientError`.
    """
    if not may_make:
        # Opened for writing, a SQLite file would be made.
        await open_engine(database_url, read_only=True).dispose()
    engine = open_engine(database_url)
    try:
        if may_make and (await schema_status(database_url)).state == "absent":
            await upgrade(engine)
        await require_schema(engine)
        desk = Desk(engine, now, new_id)
        services = _make(desk, key_place, database_url, outside)
        yield services
        await services.refusals.flush()
    finally:
        await engine.dispose()


def _make(desk: Desk, key_place: KeyPlace, database_url: str, outside: Outside | None) -> Services:
    passwords, sessions, refusals = Passwords(), Sessions(desk), Refusals(desk)
    accounts, vault, registry = Accounts(desk, passwords), Vault(key_place.keys), Registry(desk)
    samples, alerts = Samples(desk), Alerts(desk)
    return Services(
        desk=desk,
        accounts=accounts,
        audit=Audit(desk),
        refusals=refusals,
        sessions=sessions,
        sign_in=SignIn(desk, accounts, passwords, sessions, refusals),
        key_place=key_place,
        vault=vault,
        tokens=Tokens(desk),
        registry=registry,
        configurations=Configurations(desk, vault, database_url),
        commands=Commands(desk, vault, registry),
        values=Values(desk, vault),
        files=FileRecords(desk),
        retries=Retries(desk),
        samples=samples,
        alerts=alerts,
        given=None if outside is None else outward(desk, samples, alerts, vault, outside),
    )
