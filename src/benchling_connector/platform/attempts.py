"""Who has to wait before they try to sign in again, because it failed too often.

Failures are kept in the database, so that a restart forgives nobody.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.connection import exclusively
from benchling_connector.database.platform_tables import sign_in_failures
from benchling_connector.domain.accounts import delay_after
from benchling_connector.platform.desk import Desk

__all__ = ["Attempts", "Delayed"]

REMEMBERED = timedelta(hours=1)
LONGEST_FOR_NAME_S = 60.0
"""Short, since anybody can make anybody else wait like this."""
LONGEST_FOR_ADDRESS_S = 900.0

_failures = sign_in_failures.c


@dataclass(frozen=True, slots=True)
class Delayed:
    """Too many failures: nothing was looked at. `seconds` to wait."""

    seconds: float


class Attempts:
    """Of one platform."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def begin(self, name: str, origin: str | None) -> list[int] | Delayed:
        """Counts a try as failed before it is made: many at once are no way around the delay.

        Gives what `forgive` takes back if it succeeds.
        """
        now = self._desk.now()
        subjects = {_of_name(name): LONGEST_FOR_NAME_S, _of_address(origin): LONGEST_FOR_ADDRESS_S}
        # Whoever has to wait keeps nobody else waiting: this takes no lock.
        async with self._desk.reading() as connection:
            wait = await _wait(connection, subjects, now)
        if wait > 0:
            return Delayed(wait)
        async with exclusively(self._desk.engine) as connection:
            wait = await _wait(connection, subjects, now)
            if wait > 0:
                return Delayed(wait)
            await connection.execute(
                delete(sign_in_failures).where(_failures.at <= now - REMEMBERED)
            )
            counting = insert(sign_in_failures).returning(_failures.id)
            return [
                (await connection.execute(counting.values(subject=subject, at=now))).scalar_one()
                for subject in subjects
            ]

    async def forgive(self, connection: AsyncConnection, name: str, tried: list[int]) -> None:
        """Forgets the name's failures, and this try for its address; others from there stay."""
        which = (_failures.subject == _of_name(name)) | _failures.id.in_(tried)
        await connection.execute(delete(sign_in_failures).where(which))


async def _wait(connection: AsyncConnection, subjects: Mapping[str, float], now: datetime) -> float:
    """Seconds until the next try. `subjects`: the longest that each may have to wait."""
    wait = 0.0
    for subject, longest in subjects.items():
        query = select(func.count(), func.max(_failures.at)).where(
            _failures.subject == subject, _failures.at > now - REMEMBERED
        )
        count, last = (await connection.execute(query)).one()
        if last is not None:
            since = (now - last).total_seconds()
            wait = max(wait, delay_after(count, longest) - since)
    return wait


def _of_name(name: str) -> str:
    """Hashed: what was typed for a name may be a password."""
    return f"name:{hashlib.sha256(name.encode()).hexdigest()}"


def _of_address(origin: str | None) -> str:
    """Whoever has an address of version 6 has 2^64 of them."""
    try:
        address = ip_address(origin or "")
    except ValueError:
        return f"address:{origin}"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"address:{ip_network((address.packed, 64), strict=False)}"
    return f"address:{address}"
