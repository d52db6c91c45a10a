"""What all bodies of the API are made of, and the errors that a route may answer with."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from benchling_connector.domain.rawfile import moment

__all__ = ["INT32", "MEANINGS", "Answer", "AwareTime", "Body", "Json", "JsonObject", "Time"]
__all__ += ["as_json", "problems"]

INT32 = 2**31 - 1
"""The largest whole number that a database keeps."""


class Body(BaseModel):
    """What a request brings. Unknown fields are refused by name."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Answer(BaseModel):
    """What a request is answered."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)


Time = Annotated[
    datetime,
    PlainSerializer(moment, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Of an answer."""


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None or not 1970 <= value.year < 9999:
        raise ValueError("must be a time with its offset from UTC, as in 2026-03-01T12:00:00Z")
    return value


def _written(value: object) -> object:
    """A number, of seconds since 1970, is no time as the document has it."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and _TIME.match(value)):
        raise ValueError("must be a time as in 2026-03-01T12:00:00Z")
    return value


_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")

AwareTime = Annotated[datetime, BeforeValidator(_written), AfterValidator(_aware)]
"""Of a request."""


DEEPEST = 100
"""Lists and objects in each other."""


def _sound(value: JsonValue) -> JsonValue:
    """Raises ValueError for what Python reads as JSON, and nobody could be given as JSON again."""
    inside: list[tuple[JsonValue, int]] = [(value, 0)]
    while inside:
        one, depth = inside.pop()
        if isinstance(one, float) and not math.isfinite(one):
            raise ValueError("has a number that JSON does not have")
        if isinstance(one, str) and any("\ud800" <= letter <= "\udfff" for letter in one):
            raise ValueError("has half of a character")
        if isinstance(one, dict):
            inside += [(key, depth) for key in one]
        if isinstance(one, (dict, list)):
            if depth == DEEPEST:
                raise ValueError(f"has more than {DEEPEST} lists and objects in each other")
            values = one.values() if isinstance(one, dict) else one
            inside += [(each, depth + 1) for each in values]
    return value


Json = Annotated[JsonValue, AfterValidator(_sound)]
"""Any JSON of a request."""
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_sound)]
"""Any JSON object of a request."""


def as_json(content: Mapping[str, object]) -> dict[str, JsonValue]:
    """What came out of JSON, as what it is."""
    return cast("dict[str, JsonValue]", content)


MEANINGS = {
    400: "The body cannot be read.",
    401: "Without a valid token or session.",
    403: "The caller's role does not cover this; or the call came from a page of another origin.",
    404: "There is none.",
    409: "Not possible as things are; nothing was changed.",
    410: "It was used already, or is over.",
    412: "Somebody else has saved in the meantime; `difference` tells what.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    421: "The platform is not known by the name that was called.",
    422: "Not valid; `fields` tells what.",
    429: "Too many failures; `Retry-After` tells when to come again.",
    503: "The database, or a secret in it, cannot be used at present.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route's own, for its documentation.

    What many may answer with (a missing token, a body that is not valid) the document adds itself.
    """
    return {status: {"description": MEANINGS[status]} for status in sorted(statuses)}
