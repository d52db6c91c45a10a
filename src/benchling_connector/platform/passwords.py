"""Hashes of passwords: argon2id with its authors' parameters, away from the event loop."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["Passwords"]

AT_ONCE = 2
"""Each hash takes 64 MiB for its time: a flood of sign-ins may not take all there is."""


class Passwords:
    """Hashes and verifies. `hasher`: another one has other parameters."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """Of a password, with a salt of its own."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password. Without a hash it takes as long, and is not."""
        async with self._room:
            return await asyncio.to_thread(self._verify, hashed, password)

    def is_outdated(self, hashed: str) -> bool:
        """Whether it was made with parameters of another time."""
        return self._hasher.check_needs_rehash(hashed)

    def _verify(self, hashed: str | None, password: str) -> bool:
        nobodys = _nobodys(self._hasher)
        try:
            fits = self._hasher.verify(hashed or nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return fits and hashed is not None


@cache
def _nobodys(hasher: PasswordHasher) -> str:
    """The hash that is looked at when there is no account: nobody can tell by the time."""
    return hasher.hash("nobody's password")
