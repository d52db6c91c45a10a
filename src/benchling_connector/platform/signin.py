"""Signing in with a password, and who has to wait because it failed too often.

Failures are kept in the database, so that a restart forgives nobody.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, insert, select, update

from benchling_connector.database.connection import exclusively
from benchling_connector.database.platform_tables import accounts, sign_in_failures
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.accounts import LONGEST_PASSWORD, account_name, delay_after
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import Refused
from benchling_connector.platform.accounts import Accounts, Identity
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.passwords import Passwords
from benchling_connector.platform.refusals import Refusals
from benchling_connector.platform.sessions import Opened, Sessions

__all__ = ["Delayed", "SignIn"]

REMEMBERED = timedelta(hours=1)
LONGEST_FOR_NAME_S = 60.0
"""Short, since anybody can make anybody else wait like this."""
LONGEST_FOR_ADDRESS_S = 900.0


@dataclass(frozen=True, slots=True)
class Delayed:
    """Too many failures: nothing was looked at. `seconds` to wait."""

    seconds: float


class SignIn:
    """Of one platform."""

    def __init__(
        self,
        desk: Desk,
        accounts: Accounts,
        passwords: Passwords,
        sessions: Sessions,
        refusals: Refusals,
    ) -> None:
        self._desk = desk
        self._accounts = accounts
        self._passwords = passwords
        self._sessions = sessions
        self._refusals = refusals

    async def by_password(
        self, name: str, password: str, origin: str | None
    ) -> Opened | Delayed | None:
        """A new session. None if name or password is wrong, or the account disabled: it takes
        the same time, and nothing tells which."""
        try:
            name = account_name(name)
        except Refused:
            name = ""
        tried = await self._try(name, origin)
        if isinstance(tried, Delayed):
            return tried
        query = select(accounts).where(accounts.c.name == name)
        async with self._desk.reading() as connection:
            account = (await connection.execute(query)).mappings().one_or_none()
        hashed = account["password_hash"] if account else None
        fits = await self._passwords.verify(hashed, password[: LONGEST_PASSWORD + 1])
        if account is None or not fits or account["disabled_at"] is not None:
            # What was typed for a name may be a password: only names that there are are kept.
            who = Caller(account["name"] if account else "unknown", Way.SESSION, None, origin)
            await self._refusals.note(Deed(who, "sign_in.refused", subject=who.name))
            return None
        outdated = self._passwords.is_outdated(account["password_hash"])
        renewed = await self._passwords.hash(password) if outdated else None
        async with exclusively(self._desk.engine) as connection:
            # It may have been changed or disabled while the password was hashed.
            row = (await connection.execute(query)).mappings().one()
            if row["password_hash"] != hashed or row["disabled_at"] is not None:
                return None
            failures = sign_in_failures.c
            await connection.execute(
                delete(sign_in_failures).where(
                    (failures.subject == _of_name(name)) | failures.id.in_(tried)
                )
            )
            if renewed is not None:
                await connection.execute(
                    update(accounts)
                    .where(accounts.c.account_id == row["account_id"])
                    .values(password_hash=renewed)
                )
            return await self._sessions.open(
                connection,
                name=name,
                role=Role(row["role"]),
                by="password",
                origin=origin,
                account_id=row["account_id"],
            )

    async def by_identity(self, identity: Identity, origin: str | None) -> Opened | None:
        """A new session for somebody whom an OIDC issuer has signed in, with an account made the
        first time; None if that is disabled. Raises `Refused` (`account-last-admin`)."""
        caller = Caller(identity.name, Way.SESSION, identity.role, origin)
        account = await self._accounts.of_identity(caller, identity)
        if account.disabled_at is not None:
            return None
        async with exclusively(self._desk.engine) as connection:
            return await self._sessions.open(
                connection,
                name=account.name,
                role=account.role,
                by="oidc",
                origin=origin,
                account_id=account.account_id,
            )

    async def _try(self, name: str, origin: str | None) -> list[int] | Delayed:
        """Counts a try as failed before it is made: many at once are no way around the delay.

        Gives the rows to take back if it succeeds.
        """
        now = self._desk.now()
        failures = sign_in_failures.c
        subjects = [
            (_of_name(name), LONGEST_FOR_NAME_S),
            (f"address:{origin}", LONGEST_FOR_ADDRESS_S),
        ]
        async with exclusively(self._desk.engine) as connection:
            await connection.execute(
                delete(sign_in_failures).where(failures.at <= now - REMEMBERED)
            )
            wait = 0.0
            for subject, longest in subjects:
                query = select(func.count(), func.max(failures.at)).where(
                    failures.subject == subject
                )
                count, last = (await connection.execute(query)).one()
                if last is not None:
                    since = (now - last).total_seconds()
                    wait = max(wait, delay_after(count, longest) - since)
            if wait > 0:
                return Delayed(wait)
            counting = insert(sign_in_failures).returning(failures.id)
            return [
                (await connection.execute(counting.values(subject=subject, at=now))).scalar_one()
                for subject, _ in subjects
            ]


def _of_name(name: str) -> str:
    return f"name:{hashlib.sha256(name.encode()).hexdigest()}"
