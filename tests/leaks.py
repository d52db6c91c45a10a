"""Planted secrets, and every form in which they might be found again."""

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

__all__ = ["forms", "leaks"]

SHORTEST = 12
"""Bytes of a secret's beginning or end that give it away."""


def forms(secret: str) -> set[bytes]:
    """The secret and its ends as they are, quoted for URLs and JSON, in hex and in Base64 (at each
    of the three places where it may begin there)."""
    assert len(secret) > SHORTEST
    found: set[bytes] = set()
    for part in (secret, secret[:SHORTEST], secret[-SHORTEST:]):
        raw = part.encode()
        written = (
            part,
            quote(part),
            quote(part, safe=""),
            quote_plus(part),
            json.dumps(part)[1:-1],
        )
        found |= {text.encode() for text in written}
        found |= {raw.hex().encode(), repr(part)[1:-1].encode()}
    for skipped in range(3):
        # Of the first and the last group some bits belong to what stands beside.
        text = base64.b64encode(b"\0" * skipped + secret.encode())
        middle = text[4 if skipped else 0 : len(text) // 4 * 4 - 4]
        found |= {middle, middle.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def leaks(secrets: Mapping[str, str], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Which of the secrets, by their names, stand in which of the places, by theirs."""
    wanted = {name: forms(secret) for name, secret in secrets.items()}
    return [
        f"{name} in {place}: …{content[max(at - 60, 0) : at]!r}"
        for place, content in places
        for name, ways in wanted.items()
        for at in [max(content.find(way) for way in ways)]
        if at >= 0
    ]
