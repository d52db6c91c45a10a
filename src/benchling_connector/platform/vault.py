"""Secrets at rest: encrypted under the platform's key, each bound to whom it belongs to."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from benchling_connector.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

__all__ = ["Vault"]

_FINGERPRINT = 12
"""Hex digits."""


class Vault:
    """Encrypts and decrypts with the keys that stand where they are kept, read anew each time.

    A running process so takes a rotated key by itself. Every method raises what `KeyPlace.keys`
    does. Whoever stores what `seal` gives does both in one `Desk.exclusively`: a rotation then
    comes before or after it, and never between.
    """

    def __init__(self, keys: Callable[[], tuple[str, ...]]) -> None:
        self._keys = keys

    def seal(self, secret: str, owner: str, name: str) -> str:
        """The ciphertext of a secret that belongs to `owner` under this name."""
        text = json.dumps([owner, name, secret])
        return self._fernet(self._keys()).encrypt(text.encode()).decode()

    def unseal(self, sealed: str, owner: str, name: str) -> str:
        """The secret.

        Raises `ConfigurationError` (`secrets-undecryptable`) if no key fits, or if the ciphertext
        was made for another owner or name.
        """
        from cryptography.fernet import InvalidToken  # slow to import, and seldom needed

        try:
            text = self._fernet(self._keys()).decrypt(sealed.encode())
        except (InvalidToken, UnicodeEncodeError):
            raise _undecryptable(name) from None
        its_owner, its_name, secret = json.loads(text)
        if (its_owner, its_name) != (owner, name):
            raise _undecryptable(name)
        return str(secret)

    def reseal(self, sealed: str) -> str:
        """The same secret under the current key. Raises as `unseal`."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet(self._keys()).rotate(sealed.encode()).decode()
        except (InvalidToken, UnicodeEncodeError):
            raise _undecryptable("a secret") from None

    def fingerprint(self, secret: str) -> str:
        """Tells two secrets apart, and nothing more: 12 hex digits, others under another key."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derived = HKDF(SHA256(), 32, salt=None, info=b"fingerprint").derive(
            self._keys()[0].encode()
        )
        return hmac.new(derived, secret.encode(), hashlib.sha256).hexdigest()[:_FINGERPRINT]

    def _fernet(self, keys: tuple[str, ...]) -> "MultiFernet":
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(key) for key in keys])


def _undecryptable(name: str) -> ConfigurationError:
    sentence = f"The database's secret {name} cannot be decrypted with the platform's key."
    return ConfigurationError("secrets-undecryptable", sentence)
