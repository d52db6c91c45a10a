"""API tokens: shown once, stored hashed, with a role and an end."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import accounts, tokens
from benchling_connector.database.tables import NOT_DELETED, connectors
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk

__all__ = ["LASTS", "NewToken", "Token", "Tokens", "hash_token", "new_token"]

PREFIX = "bct_"
"""So that a token is known as one wherever it turns up, and scanners for secrets find it."""

LASTS = timedelta(days=90)
"""How long a token is good for, unless somebody says otherwise."""

SEEN_EVERY = timedelta(minutes=1)
"""So seldom a token's use is written down."""

CONNECTOR = "connector"


@dataclass(frozen=True, slots=True)
class Token:
    """All that is known of a token but itself. `role` is None for a connector's own."""

    token_id: str
    name: str
    role: Role | None
    connector_id: str | None
    account_id: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made. `secret` is the token itself, which is nowhere else."""

    secret: str
    token: Token


def new_token() -> str:
    """A new token of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is stored of it. A plain hash will do: nobody can guess 256 random bits."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


class Tokens:
    """Those of one platform."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def caller(self, token: str, origin: str | None) -> Caller | None:
        """Who comes in with it; None if it is unknown, revoked or over, or its account disabled.

        A token may never do more than the account it was made by.
        """
        now = self._desk.now()
        query = (
            select(tokens, accounts.c.disabled_at, accounts.c.role.label("account_role"))
            .outerjoin(accounts, accounts.c.account_id == tokens.c.account_id)
            .where(tokens.c.token_hash == hash_token(token))
        )
        async with self._desk.reading() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None or row["revoked_at"] is not None or row["disabled_at"] is not None:
            return None
        if row["expires_at"] is not None and row["expires_at"] <= now:
            return None
        if row["used_at"] is None or now - row["used_at"] > SEEN_EVERY:
            async with self._desk.writing() as connection:
                await connection.execute(
                    update(tokens).where(tokens.c.token_id == row["token_id"]).values(used_at=now)
                )
        if row["connector_id"] is not None:
            return Caller(row["name"], Way.CONNECTOR, None, origin, row["connector_id"])
        role = Role(row["role"])
        if row["account_role"] is not None:
            role = role.at_most(Role(row["account_role"]))
        return Caller(row["name"], Way.TOKEN, role, origin, account_id=row["account_id"])

    async def all(self) -> tuple[Token, ...]:
        """Newest first, those that are over, too."""
        query = select(tokens).order_by(tokens.c.created_at.desc(), tokens.c.token_id.desc())
        async with self._desk.reading() as connection:
            rows = await connection.execute(query)
            return tuple(_token_of(row) for row in rows.mappings())

    async def create(
        self,
        caller: Caller,
        name: str,
        role: Role,
        *,
        lasts: timedelta | None = LASTS,
        reason: str | None = None,
    ) -> NewToken:
        """A new token, which ends after `lasts`, or never with None."""
        async with self._desk.writing() as connection:
            return await self._make(connection, caller, "token.created", name, role, lasts, reason)

    async def create_for_connector(
        self,
        caller: Caller,
        connector_id: str,
        name: str,
        *,
        lasts: timedelta | None = None,
        reason: str | None = None,
    ) -> NewToken | None:
        """A token with which a connector, and nobody else, is signed in. Those before it hold.

        None if there is no such connector.
        """
        async with self._desk.exclusively() as connection:
            if not await _is_there(connection, connector_id):
                return None
            return await self._make(
                connection, caller, "token.created", name, None, lasts, reason, connector_id
            )

    async def rotate(
        self,
        caller: Caller,
        connector_id: str,
        name: str,
        *,
        lasts: timedelta | None = None,
        reason: str | None = None,
    ) -> NewToken | None:
        """The same, and all the connector's tokens before it are revoked."""
        async with self._desk.exclusively() as connection:
            if not await _is_there(connection, connector_id):
                return None
            await connection.execute(
                update(tokens)
                .where(tokens.c.connector_id == connector_id, tokens.c.revoked_at.is_(None))
                .values(revoked_at=self._desk.now())
            )
            return await self._make(
                connection, caller, "token.rotated", name, None, lasts, reason, connector_id
            )

    async def revoke(
        self, caller: Caller, token_id: str, reason: str | None = None
    ) -> Token | None:
        """It works no more; None if there is none of this ID."""
        which = tokens.c.token_id == storable(token_id)
        async with self._desk.writing() as connection:
            revoked = await connection.execute(
                update(tokens)
                .where(which, tokens.c.revoked_at.is_(None))
                .values(revoked_at=self._desk.now())
            )
            row = (await connection.execute(select(tokens).where(which))).mappings().one_or_none()
            if row is None:
                return None
            token = _token_of(row)
            if revoked.rowcount:
                deed = Deed(
                    caller,
                    "token.revoked",
                    connector_id=token.connector_id,
                    subject=token_id,
                    old={"name": token.name, "role": row["role"]},
                    reason=reason,
                )
                await self._desk.record(connection, deed)
            return token

    async def _make(
        self,
        connection: AsyncConnection,
        caller: Caller,
        action: str,
        name: str,
        role: Role | None,
        lasts: timedelta | None,
        reason: str | None,
        connector_id: str | None = None,
    ) -> NewToken:
        now, secret = self._desk.now(), new_token()
        token = Token(
            token_id=self._desk.new_id(),
            name=storable(name),
            role=role,
            connector_id=connector_id,
            # What a connector signs in with is not its administrator's.
            account_id=None if connector_id else caller.account_id,
            created_at=now,
            created_by=caller.name,
            expires_at=None if lasts is None else now + lasts,
            used_at=None,
            revoked_at=None,
        )
        called = CONNECTOR if role is None else role.value
        await connection.execute(
            insert(tokens).values(
                token_hash=hash_token(secret),
                token_id=token.token_id,
                name=token.name,
                role=called,
                connector_id=connector_id,
                account_id=token.account_id,
                created_at=now,
                created_by=caller.name,
                expires_at=token.expires_at,
            )
        )
        deed = Deed(
            caller,
            action,
            connector_id=connector_id,
            subject=token.token_id,
            new={
                "name": name,
                "role": called,
                "expiresAt": token.expires_at and moment(token.expires_at),
            },
            reason=reason,
        )
        await self._desk.record(connection, deed)
        return NewToken(secret, token)


async def _is_there(connection: AsyncConnection, connector_id: str) -> bool:
    query = select(connectors.c.connector_id).where(
        connectors.c.connector_id == storable(connector_id), NOT_DELETED
    )
    return await connection.scalar(query) is not None


def _token_of(row: RowMapping) -> Token:
    return Token(
        token_id=row["token_id"],
        name=row["name"],
        role=None if row["connector_id"] is not None else Role(row["role"]),
        connector_id=row["connector_id"],
        account_id=row["account_id"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
        revoked_at=row["revoked_at"],
    )
