"""Hostile bodies without end: every wrong shape in every field, wrong encodings, and mutations.

Made from whole events of the tenant, each of which has an ID of its own; the same seed gives the
same bodies. What becomes of one is for the reader to say: it is no event any more, or a strange
one. Only `reused` bodies share an event ID, two and two.
"""

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Any, Final

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.hostile import BROKEN, ODD
from benchling_connector.simulator.jsontemplate import quote
from benchling_connector.simulator.tenant import Tenant

Path = tuple[str | int, ...]
Json = Any

__all__ = ["LARGEST_BODY", "Hostile", "hostile", "mutation", "sqs_takes", "wrong_shapes"]

LARGEST_BODY: Final = 1024 * 1024
"""Bytes that SQS takes in one message."""

WRONG: Final[Mapping[str, str]] = {
    "null": "null",
    "boolean": "true",
    "negative": "-1",
    "fraction": "1.10",
    "integer beyond 64 bits": "-12345678901234567890123",
    "number out of range": "1E400",
    "thousands of digits": "9" * 5000,
    "empty string": '""',
    "blank string": '" \\t\\n"',
    "string": '"text"',
    "huge string": '"' + "x" * 100_000 + '"',
    "a little too long": '"' + "x" * 201 + '"',
    "list": '["text", 1, null]',
    "empty list": "[]",
    "lists in lists": "[[[]]]",
    "object": '{"id": {"id": null}, "name": 7, "schema": [], "apiURL": 7}',
    "empty object": "{}",
    "object without ID": '{"id": ""}',
    "900 levels": "[" * 900 + "]" * 900,
    "5,000 levels": '{"a":' * 5000 + "1" + "}" * 5000,
    "NUL": '"a\\u0000b"',
    "control characters": '"\\u0007\\u001b[2J\\u007f\\u0085"',
    "bidirectional": '"\u202egnihcneb\u202c \\u2066x\\u2069"',
    "lone surrogate": '"\\ud800"',
    "surrogates in the wrong order": '"\\udc00\\ud800"',
    "not a character": '"\\uffff\\ufffe"',
    "climbing path": '"../../../etc/passwd"',
    "dots": '".."',
    "partition": '"a/b=c/%2e%2e"',
    "SQL": '"\'; DROP TABLE events; --"',
    "not a number": "NaN",
    "leading zero": "007",
    "raw control character": '"a\x01b"',
}
"""JSON texts, and some that are none, by what is wrong with them."""

_REFUSED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_ENCODINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "UTF-8 read as Latin-1": lambda text: text.replace("v2", "ü2").encode().decode("latin-1"),
    "UTF-16 read as Latin-1": lambda text: text.encode("utf-16").decode("latin-1"),
    "UTF-7": lambda text: text.encode("utf-7").decode(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "gzip in base64": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "byte order mark": lambda text: "\ufeff" + text,
    "white space around": lambda text: f"\r\n\t {text} \n",
    "JSON in a JSON string": json.dumps,
    "all escaped": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "two documents": lambda text: f"{text}\n{text}",
    "trailing comma": lambda text: text[:-1] + ",}",
    "a comment": lambda text: "// an event\n" + text,
    "single quotes": lambda text: text.replace('"', "'"),
    "surrogate in the text": lambda text: text.replace("detail", "\ud800detail"),
    "NUL in the text": lambda text: text.replace("detail", "\x00detail"),
    "as a list": lambda text: f"[{text}]",
    "nothing at all": lambda text: text[:0],
    "blank": lambda text: " " * len(text),
}

# Levels of fields that every event has: the envelope's own and the detail's.
_NEAR: Final = 2
_TWINS: Final = ("null", '"another"', "{}")
_PIECES: Final = (
    *('"', "\\", "{", "}", "[", "]", ":", ",", "\\u", "\\ud800", "\x00", "\x7f", "\u202e"),
    *("null", "-", "1e9999", "\ufeff", "\ud800", '"id":', '"detail":', "\U0001f9ec", "é", "\n"),
)
_LONGEST_SPAN: Final = 40


@dataclass(frozen=True, slots=True)
class Hostile:
    """A body, and what is wrong with it, for people who look for the one that broke something."""

    name: str
    body: str


def sqs_takes(body: str) -> bool:
    """Whether SQS takes it: 1 byte to 1 MiB of the characters that XML 1.0 has."""
    return not _REFUSED.search(body) and 1 <= len(body.encode()) <= LARGEST_BODY


def hostile(tenant: Tenant, count: int, seed: int) -> list[Hostile]:
    """`count` hostile bodies in an order of their own, at least 200: some of each sort, and half
    of them wrong shapes. Pairs of `reused` stand next to each other."""
    random = Random(seed)
    types = sorted(catalog().event_types)
    made = [[Hostile(name, make(tenant))] for name, make in (*BROKEN.items(), *ODD.items())]
    made += [[Hostile(name, _encoded(code(_text(tenant, random.choice(types)))))]
             for name, code in _ENCODINGS.items()]  # fmt: skip
    made += [[one] for one in _large(tenant)]
    made += [_reused(tenant, random.choice(types)) for _ in range(10)]
    made += [[one] for one in _shapes(tenant, count // 2, random)]
    while sum(map(len, made)) < count:
        text = _text(tenant, random.choice(types))
        for _ in range(random.choice((1, 1, 1, 2, 5))):
            text = mutation(text, random)
        made.append([Hostile("mutation", text)])
    random.shuffle(made)
    return [one for some in made for one in some][:count]


def wrong_shapes(envelope: str) -> Iterator[Hostile]:
    """The envelope with each field in each wrong shape, left out, and doubled with another value;
    first the fields near the top. One field is wrong at a time."""
    document = json.loads(envelope)
    for place in _places(document):
        yield _spoiled(document, place)


def mutation(text: str, random: Random) -> str:
    """The text with one small thing changed: signs flipped, cut out, doubled, put in, cut off."""
    at = random.randrange(len(text) + 1)
    end = at + random.randint(1, _LONGEST_SPAN)
    kind = random.randrange(7)
    if kind == 0:
        return text[:at] + random.choice(_PIECES) + text[at + 1 :]
    if kind == 1:
        return text[:at] + random.choice(_PIECES) + text[at:]
    if kind == 2:
        return text[:at] + text[end:]
    if kind == 3:
        return text[:end] + text[at:]
    if kind == 4:
        return text[:at]
    if kind == 5 and at < len(text):
        return text[:at] + chr(ord(text[at]) ^ (1 << random.randrange(7))) + text[at + 1 :]
    other = random.randrange(len(text) + 1)
    return text[:at] + text[other : other + _LONGEST_SPAN] + text[end:]


def _shapes(tenant: Tenant, count: int, random: Random) -> list[Hostile]:
    # Each body from an event of its own: under one ID only the first would count.
    types = random.sample(types := sorted(catalog().event_types), len(types))
    near = [
        place for place in _places(json.loads(_text(tenant, types[0]))) if len(place[0]) <= _NEAR
    ]
    places = random.sample(near, min(len(near), count))
    made = [
        _spoiled(document, place)
        for place, event_type in zip(places, cycle(types), strict=False)
        if _has(document := json.loads(_text(tenant, event_type)), place[0])
    ]
    for event_type in cycle(types):
        if len(made) >= count:
            return made
        document = json.loads(_text(tenant, event_type))
        made.append(_spoiled(document, random.choice(_places(document))))
    return made


def _large(tenant: Tenant) -> Iterator[Hostile]:
    for n in range(12):
        text = _text(tenant, "v2.entry.created")
        letter = ("x", "é", "\\u0000", "\U0001f9ec")[n % 4]
        room = LARGEST_BODY - len(text.encode()) - len('"":"",')
        filling = letter * (room // len(letter.encode()))
        whole = text[:-1] + f',"":"{filling}"' + "}"
        yield Hostile("megabyte", whole if n < 8 else whole[: -len(text) // 2])


def _reused(tenant: Tenant, event_type: str) -> list[Hostile]:
    document = json.loads(_text(tenant, event_type))
    first = json.dumps(document)
    document["detail"]["excludedProperties"] = ["another event under the same ID"]
    return [Hostile("reused", first), Hostile("reused", f" {json.dumps(document)}\r\n")]


def _text(tenant: Tenant, event_type: str) -> str:
    return tenant.emit(event_type, log=False).envelope().decode()


def _encoded(text: str) -> str:
    return text[:LARGEST_BODY]


def _paths(value: Json, before: Path = ()) -> Iterator[Path]:
    inner: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value[:1]))
    for key, one in inner:
        yield (*before, key)
        yield from _paths(one, (*before, key))


def _at(value: Json, path: Path) -> Json:
    for key in path:
        value = value[key]
    return value


def _places(document: Json) -> list[tuple[Path, str]]:
    """Every field, from the top down, with every name of what can be wrong with it."""
    places: list[tuple[Path, str]] = []
    for path in sorted(_paths(document), key=len):
        places += [(path, name) for name in WRONG]
        if isinstance(path[-1], str):
            places += [(path, "missing"), *((path, f"doubled with {twin}") for twin in _TWINS)]
    return places


def _spoiled(document: Json, place: tuple[Path, str]) -> Hostile:
    path, name = place
    changed = deepcopy(document)
    parent, key = _at(changed, path[:-1]), path[-1]
    mark = "\ue000here\ue000"
    value, parent[key] = parent[key], mark
    if name == "missing":
        del parent[key]
        text = ""
    elif name in WRONG:
        text = WRONG[name]
    else:
        twin = name.removeprefix("doubled with ")
        text = f"{twin},{quote(str(key))}:{json.dumps(value, ensure_ascii=False)}"
    body = json.dumps(changed, ensure_ascii=False).replace(f'"{mark}"', text)
    return Hostile(f"{'.'.join(map(str, path))}: {name}", body)


def _has(document: Json, path: Path) -> bool:
    return path in set(_paths(document))
