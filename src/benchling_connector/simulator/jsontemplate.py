"""JSON text from templates, and single members of JSON text exchanged, without decoding the rest.

A resource has to reach the reader digit by digit (`0.10`, `1e-07`, 20-digit integers), so bodies
are made and changed as text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

_DECODER = json.JSONDecoder(strict=False)
_WHITESPACE = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a JSON text that is given when the template is filled."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A JSON string with `%(name)s` places for values that need no escaping."""

    pattern: str


Node: TypeAlias = (
    "Slot | Text | str | int | list[Node] | tuple[Node, ...] | Mapping[str, Node] | None"
)


def quote(text: str) -> str:
    """The text as a JSON string, non-ASCII characters as they are."""
    return json.dumps(text, ensure_ascii=False)


def compile_template(node: Node) -> str:
    """A `%`-format with one `%(name)s` for every slot, that gives compact JSON text."""
    if isinstance(node, Slot):
        return f"%({node.name})s"
    if isinstance(node, Text):
        return quote(node.pattern)
    if isinstance(node, Mapping):
        members = (
            f"{compile_template(key)}:{compile_template(value)}" for key, value in node.items()
        )
        return "{" + ",".join(members) + "}"
    if isinstance(node, list | tuple):
        return "[" + ",".join(compile_template(item) for item in node) + "]"
    return json.dumps(node, ensure_ascii=False).replace("%", "%%")


def members(text: str) -> dict[str, str]:
    """The members of a JSON object as the texts they are written in, in their order.

    Raises `ValueError` when the text is not an object.
    """
    found: dict[str, str] = {}
    at = _expect(text, 0, "{")
    while text[at : at + 1] == '"':
        key, at = _DECODER.raw_decode(text, at)
        start = _expect(text, at, ":")
        _, at = _DECODER.raw_decode(text, start)
        found[key] = text[start:at]
        at = _skip(text, at)
        if text[at : at + 1] != ",":
            break
        at = _skip(text, at + 1)
    _expect(text, at, "}")
    return found


def with_members(text: str, changes: Mapping[str, str]) -> str:
    """The object's text with some members exchanged for other JSON texts, or added at its end."""
    merged = {**members(text), **changes}
    return "{" + ",".join(f"{quote(key)}:{value}" for key, value in merged.items()) + "}"


def _expect(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"not a JSON object: no {sign!r} at {at}")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITESPACE:
        at += 1
    return at
