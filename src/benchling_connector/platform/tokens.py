"""API tokens: shown once, stored hashed, with a role and an end."""

import hashlib
import secrets

from sqlalchemy import select, update

from benchling_connector.database.platform_tables import tokens
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.platform.desk import Desk

__all__ = ["Tokens", "hash_token", "new_token"]

PREFIX = "bct_"
"""So that a token is known as one wherever it turns up, and scanners for secrets find it."""


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
        """Who comes in with it; None if it is unknown, revoked or over."""
        now = self._desk.now()
        query = select(tokens).where(tokens.c.token_hash == hash_token(token))
        async with self._desk.reading() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None or row["revoked_at"] is not None:
            return None
        if row["expires_at"] is not None and row["expires_at"] <= now:
            return None
        if row["used_at"] is None or (now - row["used_at"]).total_seconds() > 60:
            async with self._desk.writing() as connection:
                await connection.execute(
                    update(tokens).where(tokens.c.token_id == row["token_id"]).values(used_at=now)
                )
        if row["connector_id"] is not None:
            return Caller(row["name"], Way.CONNECTOR, None, origin, row["connector_id"])
        return Caller(row["name"], Way.TOKEN, Role(row["role"]), origin)
