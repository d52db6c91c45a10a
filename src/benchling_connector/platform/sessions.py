"""Sessions: who has signed in from a browser, for how long, and one-time links that sign in."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.connection import exclusively
from benchling_connector.database.platform_tables import accounts, links, sessions
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.audit import Deed
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.tokens import hash_token

__all__ = ["IDLE", "LINK_LASTS", "LONGEST", "Opened", "Sessions", "SignedIn", "end_all"]

IDLE = timedelta(hours=8)
LONGEST = timedelta(days=7)
LINK_LASTS = timedelta(minutes=15)
SEEN_EVERY = timedelta(minutes=1)
"""So seldom a session's use is written down."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session: the cookie's secret, which is nowhere else, and the CSRF token."""

    secret: str
    csrf: str
    caller: Caller
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that holds."""

    caller: Caller
    csrf: str
    expires_at: datetime


class Sessions:
    """Those of one platform."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open(
        self,
        connection: AsyncConnection,
        *,
        name: str,
        role: Role,
        by: str,
        origin: str | None,
        account_id: str | None = None,
    ) -> Opened:
        """In an exclusive transaction: two who clear away what is over may meet in a circle.

        `by`: `password`, `link` or `oidc`, for the audit.
        """
        now = self._desk.now()
        opened = Opened(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            Caller(name, Way.SESSION, role, origin, account_id=account_id),
            now + LONGEST,
        )
        over = or_(sessions.c.expires_at <= now, sessions.c.seen_at <= now - IDLE)
        await connection.execute(delete(sessions).where(over))
        await connection.execute(
            insert(sessions).values(
                session_hash=hash_token(opened.secret),
                account_id=account_id,
                name=name,
                role=role,
                csrf=opened.csrf,
                created_at=now,
                seen_at=now,
                expires_at=opened.expires_at,
            )
        )
        if account_id is not None:
            await connection.execute(
                update(accounts).where(accounts.c.account_id == account_id).values(signed_in_at=now)
            )
        new = {"by": by, "role": role}
        deed = Deed(opened.caller, "session.opened", subject=name, new=new)
        await self._desk.record(connection, deed)
        return opened

    async def find(
        self, secret: str, origin: str | None, *, is_use: bool = True
    ) -> SignedIn | None:
        """Who comes in with this cookie; None if it is unknown, over, or the account disabled.

        Without `is_use` it is only looked at: an open page alone keeps no session alive.
        """
        now = self._desk.now()
        query = (
            select(sessions, accounts.c.disabled_at, accounts.c.role.label("account_role"))
            .outerjoin(accounts, accounts.c.account_id == sessions.c.account_id)
            .where(sessions.c.session_hash == hash_token(secret))
        )
        async with self._desk.reading() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None or row["disabled_at"] is not None:
            return None
        if row["expires_at"] <= now or row["seen_at"] <= now - IDLE:
            return None
        if is_use and now - row["seen_at"] > SEEN_EVERY:
            async with self._desk.writing() as connection:
                await connection.execute(
                    update(sessions)
                    .where(sessions.c.session_hash == row["session_hash"])
                    .values(seen_at=now)
                )
        role = Role(row["account_role"] or row["role"])
        caller = Caller(row["name"], Way.SESSION, role, origin, account_id=row["account_id"])
        return SignedIn(caller, row["csrf"], row["expires_at"])

    async def end(self, secret: str, caller: Caller) -> None:
        """Signs out."""
        async with self._desk.writing() as connection:
            ended = await connection.execute(
                delete(sessions).where(sessions.c.session_hash == hash_token(secret))
            )
            if ended.rowcount:
                deed = Deed(caller, "session.ended", subject=caller.name)
                await self._desk.record(connection, deed)

    async def make_link(self, caller: Caller) -> str:
        """The secret of a new one-time link, which signs an administrator in."""
        now, secret = self._desk.now(), secrets.token_urlsafe(32)
        async with exclusively(self._desk.engine) as connection:
            await connection.execute(delete(links).where(links.c.expires_at <= now))
            await connection.execute(
                insert(links).values(
                    link_hash=hash_token(secret),
                    role=Role.ADMIN,
                    created_at=now,
                    created_by=caller.name,
                    expires_at=now + LINK_LASTS,
                )
            )
            await self._desk.record(connection, Deed(caller, "link.created", new={"role": "admin"}))
        return secret

    async def make_first_link(self, caller: Caller) -> str | None:
        """The same, as long as nobody has an account; else None."""
        async with self._desk.reading() as connection:
            somebody = await connection.scalar(select(accounts.c.account_id).limit(1))
        return None if somebody is not None else await self.make_link(caller)

    async def open_by_link(self, secret: str, origin: str | None) -> Opened | None:
        """A session for whoever comes first with a link; None if it was used or is over."""
        now = self._desk.now()
        which = links.c.link_hash == hash_token(secret)
        async with exclusively(self._desk.engine) as connection:
            used = await connection.execute(
                update(links)
                .where(which, links.c.used_at.is_(None), links.c.expires_at > now)
                .values(used_at=now)
            )
            if not used.rowcount:
                return None
            link = (await connection.execute(select(links).where(which))).mappings().one()
            return await self.open(
                connection,
                name=link["created_by"],
                role=Role(link["role"]),
                by="link",
                origin=origin,
            )


async def end_all(connection: AsyncConnection, account_id: str) -> None:
    """Ends all sessions of an account, in the transaction that changes it."""
    await connection.execute(delete(sessions).where(sessions.c.account_id == account_id))
