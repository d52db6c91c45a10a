"""What all bodies of the API are made of, and the answers that every route may give."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from benchling_connector.domain.rawfile import moment
from benchling_connector.web.problems import MEDIA_TYPE

__all__ = ["INT32", "Answer", "AwareTime", "Body", "Time", "as_json", "problems"]

INT32 = 2**31 - 1
"""The largest whole number that a database keeps."""


class Body(BaseModel):
    """What a request brings. Unknown fields are refused by name."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True
    )


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


AwareTime = Annotated[datetime, AfterValidator(_aware)]
"""Of a request."""


def as_json(content: Mapping[str, object]) -> dict[str, JsonValue]:
    """What came out of JSON, as what it is."""
    return cast("dict[str, JsonValue]", content)


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    remedy: str | None = None


_MEANINGS = {
    400: "The request is none.",
    401: "Without a valid token.",
    403: "The token's role does not cover this.",
    404: "There is none.",
    409: "Not possible as things are; nothing was changed.",
    412: "Somebody else has saved in the meantime; `difference` tells what.",
    422: "Not valid; `fields` tells what.",
    503: "The database cannot be used at present.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route may answer with, for its documentation: these and the usual ones."""
    schema = Problem.model_json_schema()
    return {
        status: {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({400, 401, 403, 409, 422, 503, *statuses})
    }
