"""Identifiers in Benchling's shapes, made from a seed and a counter: no state, no collisions."""

import hashlib
from functools import cache
from zlib import crc32

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SPACE = 62**8
# Coprime to 62 ** 8, so that counting up visits every eight-character text once.
_STRIDE = 134_941_606_358_731
_SPREAD = 87_178_291_199
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


def short_id(prefix: str, seed: int, ordinal: int) -> str:
    """`etr_7dQ2hPzK`: the ordinal-th ID with this prefix; distinct for every ordinal of a seed."""
    value = (ordinal * _STRIDE + _start(prefix, seed)) % _SPACE
    value, a = divmod(value, 3844)
    value, b = divmod(value, 3844)
    c, d = divmod(value, 3844)
    return prefix + _PAIRS[c] + _PAIRS[d] + _PAIRS[b] + _PAIRS[a]


@cache
def _start(prefix: str, seed: int) -> int:
    return (seed * 1_000_003 + crc32(prefix.encode())) * _SPREAD


def uuid_text(kind: str, seed: int, ordinal: int) -> str:
    """A version 4 UUID, as assay runs, assay results and blobs have them."""
    digest = hashlib.blake2b(f"{kind}:{seed}:{ordinal}".encode(), digest_size=16).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:]}"
