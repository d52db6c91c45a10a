"""What the verbs beside the platform write into its audit."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import groupby

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.adapters.system import SystemClock
from benchling_connector.cli.persons import cli_caller
from benchling_connector.database.connection import open_engine, writing
from benchling_connector.database.identity import Rename
from benchling_connector.database.migrate import require_schema
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import InvalidConfiguration
from benchling_connector.domain.records import Decision, Resolution
from benchling_connector.platform.auditing import append
from benchling_connector.redelivery import Outcome, Tell

__all__ = ["record_decisions", "record_rename", "recorded_redrive"]

_ACTIONS = {
    Resolution.RETRIED: "quarantine.retried",
    Resolution.DISCARDED: "quarantine.discarded",
}


async def record_decisions(
    connection: AsyncConnection, decisions: Sequence[Decision], now: datetime
) -> None:
    """One entry for all messages of one connector with which the same was done, for one reason."""
    caller = cli_caller()

    def alike(one: Decision) -> tuple[str, str, str]:
        return one.connector_id, one.resolution, one.because or ""

    for _, group in groupby(sorted(decisions, key=alike), alike):
        made = list(group)
        messages = [{"messageId": one.message_id, "successor": one.successor} for one in made]
        deed = Deed(
            caller,
            _ACTIONS[made[0].resolution],
            connector_id=made[0].connector_id,
            new={"messages": messages},
            reason=made[0].because,
        )
        await append(connection, deed, now)


async def record_rename(connection: AsyncConnection, rename: Rename, now: datetime) -> None:
    """One entry, as if the name had been edited."""
    old, new = {"name": rename.old}, {"name": rename.new}
    deed = Deed(cli_caller(), "connector.edited", rename.connector_id, old=old, new=new)
    await append(connection, deed, now)


@asynccontextmanager
async def recorded_redrive(
    database_url: str, queue_url: str, wanted: Collection[str] | None, tell: Tell
) -> AsyncIterator[Tell]:
    """An entry before messages are moved, and one after, with what became of them.

    The queues know no transactions of ours: if the process is killed in between, the first entry
    stands alone. Gives what is to be told of each outcome instead of `tell`.

    Where no connector has a database, it says so and goes on without.
    Raises `ConfigurationError` and `TransientError`.
    """
    try:
        # First for reading only: that makes no database.
        looking = open_engine(database_url, read_only=True)
        try:
            await require_schema(looking)
        finally:
            await looking.dispose()
    except InvalidConfiguration as error:
        typer.echo(f"This does not get into the audit: {error.fields[0].problem}", err=True)
        yield tell
        return
    told: list[Outcome] = []

    def telling(outcome: Outcome) -> None:
        told.append(outcome)
        tell(outcome)

    engine = open_engine(database_url)
    caller, now = cli_caller(), SystemClock().now
    try:
        messages = "all" if wanted is None else sorted(wanted)
        begun = Deed(caller, "dlq.redrive_begun", subject=queue_url, new={"messages": messages})
        async with writing(engine) as connection:
            await append(connection, begun, now())
        try:
            yield telling
        finally:
            outcomes = [
                {
                    "messageId": one.message_id,
                    "outcome": one.what.value,
                    "successor": one.successor,
                }
                for one in told
            ]
            ended = Deed(caller, "dlq.redriven", subject=queue_url, new={"messages": outcomes})
            async with writing(engine) as connection:
                await append(connection, ended, now())
    finally:
        await engine.dispose()
