"""Signing in: with a password, or by what an OIDC issuer says."""

from sqlalchemy import select, update

from benchling_connector.database.connection import exclusively
from benchling_connector.database.platform_tables import accounts
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.accounts import LONGEST_PASSWORD, account_name
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import Refused
from benchling_connector.platform.accounts import Accounts, Identity
from benchling_connector.platform.attempts import Attempts, Delayed
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.passwords import Passwords
from benchling_connector.platform.refusals import Refusals
from benchling_connector.platform.sessions import Opened, Sessions

__all__ = ["SignIn"]


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
        self._attempts = Attempts(desk)
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
        tried = await self._attempts.begin(name, origin)
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
            await self._attempts.forgive(connection, name, tried)
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
