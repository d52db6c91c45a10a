"""Page sizes and tokens of the tenant's lists."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final
from zlib import crc32

DEFAULT_PAGE: Final = 50
MAX_PAGE: Final = 100
# Begins as `++++////` and ends in padding: a client that alters or encodes it once more loses it.
_MARK: Final = b"\xfb\xef\xbe\xff\xff\xff"


class BadPageError(ValueError):
    """A page size or a token that the API does not take; the message says which."""


def page_size(query: Mapping[str, str]) -> int:
    """`pageSize` of the call. Raises `BadPageError`."""
    text = query.get("pageSize")
    if text is None:
        return DEFAULT_PAGE
    if not text.isdigit() or int(text) > MAX_PAGE:
        raise BadPageError(f"pageSize must be between 0 and {MAX_PAGE}, not {text!r}")
    return int(text)


def token_for(path: str, position: int) -> str:
    """The `nextToken` that continues the list at this path from this position."""
    text = _MARK + f"{crc32(path.encode()):08x}{position}".encode()
    return base64.b64encode(text + b"." * (2 - (len(text) + 1) % 3)).decode()


def position_of(path: str, token: str | None) -> int:
    """Where the token continues; without one at the beginning. Raises `BadPageError`."""
    if not token:
        return 0
    try:
        text = base64.b64decode(token, validate=True)
    except binascii.Error:
        raise BadPageError("nextToken is not valid") from None
    head, digits = text[:14], text[14:].rstrip(b".")
    if head != _MARK + f"{crc32(path.encode()):08x}".encode() or not digits.isdigit():
        raise BadPageError("nextToken is not valid")
    return int(digits)
