"""Cursors of listings that are ordered by a time and an ID of text."""

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta

from benchling_connector.domain.records import BadCursorError, storable

__all__ = ["cursor_after", "place_after"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_after(moment: datetime, key: str) -> str:
    """The cursor of a listing whose last row has this time and this ID."""
    text = json.dumps([(moment - _EPOCH) // timedelta(microseconds=1), key])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_after(cursor: str) -> tuple[datetime, str]:
    """The time and ID that a cursor stands for. Raises `BadCursorError`."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        moment, key = json.loads(text)
        at = _EPOCH + timedelta(microseconds=moment)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        raise BadCursorError("This is no cursor that a listing gave out.") from None
    if not isinstance(key, str):
        raise BadCursorError("This is no cursor that a listing gave out.")
    return at, storable(key)
