"""Secrets at rest."""

from typing import Protocol

__all__ = ["Sealing"]


class Sealing(Protocol):
    """Encrypts what is kept. A sealed text opens under the owner and name only that it was sealed
    for.
    """

    def seal(self, secret: str, owner: str, name: str) -> str:
        """The ciphertext."""
        ...

    def unseal(self, sealed: str, owner: str, name: str) -> str:
        """The secret. Raises `ConfigurationError` when it cannot be decrypted."""
        ...

    def fingerprint(self, secret: str) -> str:
        """Tells whether two secrets are the same, and nothing else of them."""
        ...
