"""JSON as text: cut into its parts without being decoded, so that no digit of it changes.

msgspec cuts fast, and refuses two things that JSON's grammar allows: lone surrogates (`\\ud800`)
and nesting beyond about 1,000 levels. For those there is a scanner that needs no recursion. Texts
that only the scanner takes are *awkward*: many readers refuse them too, so they are kept apart
from others (`rawfile.py`). Cutting does not look into numbers; `is_strict` does.
"""

import json
import re
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

__all__ = ["NotJsonError", "Parts", "elements", "is_strict", "members", "scalar", "string_of"]

Value = TypeVar("Value", covariant=True)

_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_ATOM = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null"
_TOKEN = re.compile(
    rb"[ \t\n\r]*+(?:(?P<mark>[{}\[\],:])|(?P<string>" + _STRING + rb")|(?P<atom>" + _ATOM + rb"))"
)
_SPACE = re.compile(rb"[ \t\n\r]*+")

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_SCALAR = msgspec.json.Decoder()


class NotJsonError(ValueError):
    """The text is not JSON, or not the kind of value that was asked for."""


@dataclass(frozen=True, slots=True)
class Parts(Generic[Value]):
    """The parts of one JSON value, each the bytes it had; `awkward` as told above."""

    value: Value
    awkward: bool


def members(text: bytes) -> Parts[dict[str, bytes]]:
    """The members of a JSON object: key to the value's own text. Of doubled keys the last counts.

    Raises `NotJsonError` if the text is not one JSON object.
    """
    try:
        return Parts({key: bytes(raw) for key, raw in _OBJECT.decode(text).items()}, awkward=False)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    return Parts(dict(_scan(text, b"{")), awkward=True)


def elements(text: bytes) -> Parts[list[bytes]]:
    """The elements of a JSON array, each its own text.

    Raises `NotJsonError` if the text is not one JSON array.
    """
    try:
        return Parts([bytes(raw) for raw in _ARRAY.decode(text)], awkward=False)
    except (msgspec.MsgspecError, RecursionError):
        pass
    return Parts([value for _, value in _scan(text, b"[")], awkward=True)


def is_strict(text: bytes) -> bool:
    """Whether a strict reader takes all of it: also its numbers, which must be in a double's range
    or, as integers, of at most a few thousand digits."""
    try:
        _SCALAR.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return True


def string_of(text: bytes | None) -> str | None:
    """The string that a JSON text is; None for any other value, and for no text."""
    value = scalar(text)
    return value if isinstance(value, str) else None


def scalar(text: bytes | None) -> str | int | float | bool | None:
    """The string, number, boolean or null that a JSON text is; None for objects and arrays."""
    if text is None:
        return None
    text = text.strip(b" \t\n\r")
    if text[:1] in b"{[":
        return None
    try:
        value: str | int | float | bool | None = _SCALAR.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        try:
            value = json.loads(text)
        except ValueError:
            return None
    return value


def _scan(text: bytes, opening: bytes) -> list[tuple[str, bytes]]:  # noqa: C901 - one automaton
    """Walks through one JSON value and gives its direct parts: key (or "") and text."""
    stack = bytearray()
    parts: list[tuple[str, bytes]] = []
    key, start, at = "", 0, 0
    # What may come next: a value, a key, a colon, a comma or closing mark, or the end.
    expect, may_close = "value", False
    while expect != "end":
        token = _TOKEN.match(text, at)
        if token is None:
            raise NotJsonError(f"not JSON at byte {at}")
        at = token.end()
        kind, word = token.lastgroup, token[token.lastgroup or 0]
        if kind == "mark" and word in (b"}", b"]"):
            if not stack or not may_close or stack[-1] != (123 if word == b"}" else 91):
                raise NotJsonError(f"unexpected {word.decode()} before byte {at}")
            stack.pop()
            if len(stack) == 1:
                parts.append((key, text[start:at]))
        elif expect == "comma":
            if word != b",":
                raise NotJsonError(f"a comma is missing before byte {at}")
            expect, may_close = ("key" if stack[-1] == 123 else "value"), False
            continue
        elif expect == "colon":
            if word != b":":
                raise NotJsonError(f"a colon is missing before byte {at}")
            expect = "value"
            continue
        elif expect == "key":
            if kind != "string":
                raise NotJsonError(f"a key is missing before byte {at}")
            if len(stack) == 1:
                key = _key(word)
            expect, may_close = "colon", False
            continue
        elif kind == "mark":
            if word not in (b"{", b"["):
                raise NotJsonError(f"unexpected {word.decode()} before byte {at}")
            if not stack and word != opening:
                raise NotJsonError("another kind of JSON value was expected")
            if len(stack) == 1:
                start = at - 1
            stack += word
            expect, may_close = ("key" if word == b"{" else "value"), True
            continue
        elif not stack:
            raise NotJsonError("another kind of JSON value was expected")
        elif len(stack) == 1:
            parts.append((key, word))
        # A value has ended.
        expect, may_close = ("comma" if stack else "end"), bool(stack)
    if _SPACE.match(text, at).end() != len(text):  # type: ignore[union-attr]
        raise NotJsonError(f"something follows the JSON value at byte {at}")
    return parts


def _key(word: bytes) -> str:
    try:
        return str(json.loads(word))
    except UnicodeDecodeError:
        raise NotJsonError("a key is not UTF-8") from None
