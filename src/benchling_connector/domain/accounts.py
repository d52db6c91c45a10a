"""People: what an account is, which names and passwords it may have, and who signs in too often."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from benchling_connector.domain.access import Role
from benchling_connector.domain.errors import Refused

__all__ = ["SHORTEST_PASSWORD", "Account", "account_name", "delay_after", "require_good_password"]

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1_000
"""Characters. Hashing takes as long as the text is; nobody types a longer one."""

FREE_FAILURES = 5
"""So often one may mistype a password before one has to wait."""

_NAME = re.compile(r"\w[\w.@+-]{0,99}")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who signs in. `has_password` is false for those who sign in elsewhere."""

    account_id: str
    name: str
    email: str | None
    role: Role
    has_password: bool
    issuer: str | None
    created_at: datetime
    created_by: str
    signed_in_at: datetime | None
    disabled_at: datetime | None


def account_name(text: str) -> str:
    """A name as accounts have it: small letters, so that nobody passes for another.

    Raises `Refused` (`account-name-invalid`).
    """
    name = unicodedata.normalize("NFKC", text).casefold()
    if _NAME.fullmatch(name) is None:
        raise Refused("account-name-invalid")
    return name


def require_good_password(name: str, password: str) -> None:
    """Raises `Refused` (`password-refused`) for one that is too easy to guess, or to hash."""
    if len(password) < SHORTEST_PASSWORD:
        sentence = f"The password has fewer than {SHORTEST_PASSWORD} characters."
    elif len(password) > LONGEST_PASSWORD:
        sentence = f"The password has more than {LONGEST_PASSWORD:,} characters."
    elif _likeness(name) in _likeness(password) and len(password) < 2 * len(name):
        sentence = "The password is little more than the name."
    elif len(set(password)) < 4:
        sentence = "The password has fewer than four different characters."
    else:
        return
    raise Refused("password-refused", sentence)


def delay_after(failures: int, longest: float) -> float:
    """Seconds to wait after so many failures: none at first, then twice as long each time."""
    if failures < FREE_FAILURES:
        return 0.0
    return min(2.0 ** min(failures - FREE_FAILURES, 20), longest)


def _likeness(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
