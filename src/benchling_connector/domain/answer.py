"""What Benchling answered, and the resources in it: each as the bytes that came."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.jsontext import (
    NotJsonError,
    elements,
    is_strict,
    members,
    string_of,
)
from benchling_connector.domain.plan import Call

__all__ = [
    "Answer",
    "Fetched",
    "UnexpectedAnswerError",
    "left_out",
    "resources",
    "unavailable",
    "unread",
]

MAX_ERROR_TEXT = 4_096
"""Characters kept of an error body that is not JSON."""


class UnexpectedAnswerError(ValueError):
    """The answer is not what Benchling documents: HTML, cut short, another shape."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: status, body as it came, and when it came (UTC)."""

    status: int
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is known of one resource after reading it.

    `resource` is the JSON text of the resource, or None. `error` is JSON text too: Benchling's
    error body, or a sentence. `awkward`: strict readers refuse one of them (`jsontext`).
    """

    status: Literal["fetched", "unavailable", "unsupported"]
    http_status: int | None
    path: str | None
    at: datetime | None
    resource: bytes | None
    error: bytes | None
    awkward: bool = False

    @property
    def reason(self) -> str | None:
        """Why there is no resource, for the ledger; None when there is one."""
        if self.status == "fetched":
            return None
        if self.status == "unsupported":
            return "unsupported: no endpoint is known for this event type"
        if self.http_status is None:
            return "unavailable: the event does not name its resource well enough to read it"
        return f"unavailable: Benchling answered {self.http_status} for the resource"


def resources(call: Call, answer: Answer) -> dict[ResourceKey, Fetched]:
    """The resources in a 200 answer. Those that a call for many left out are not in the result.

    Raises `UnexpectedAnswerError` when the answer is not what Benchling documents.
    """
    if not _is_utf8(answer.body):
        raise UnexpectedAnswerError("the answer is not UTF-8")
    try:
        top = members(answer.body)
    except NotJsonError as error:
        raise UnexpectedAnswerError(f"the answer is not a JSON object: {error}") from None
    if call.kind == "single":
        text = answer.body.strip(b" \t\n\r")
        if call.answer_key and list(top.value) == [call.answer_key]:
            text = top.value[call.answer_key]
            _object(text)
        return {call.keys[0]: _fetched(call, answer, text)}
    try:
        items = elements(top.value.get(call.answer_key or "", b""))
    except NotJsonError:
        raise UnexpectedAnswerError(f"the answer has no array {call.answer_key!r}") from None
    wanted = {_name(key, call.match_on): key for key in call.keys}
    found: dict[ResourceKey, Fetched] = {}
    for text in items.value:
        name = _identity(text, call.match_on, strict=not items.awkward)
        key = wanted.get(name or "")
        if key is not None:
            found[key] = _fetched(call, answer, text)
    return found


def unavailable(call: Call, answer: Answer) -> Fetched:
    """A resource that Benchling does not give to this app: the status and the error body."""
    try:
        members(answer.body if _is_utf8(answer.body) else b"")
        error = answer.body.strip(b" \t\n\r")
    except NotJsonError:
        text = answer.body.decode(errors="replace")[:MAX_ERROR_TEXT]
        error = msgspec.json.encode(text)
    awkward = not is_strict(error)
    return Fetched("unavailable", answer.status, call.path, answer.at, None, error, awkward)


def left_out(call: Call, answer: Answer) -> Fetched:
    """A resource missing from a good answer, for which there is no single read."""
    error = msgspec.json.encode("Benchling's answer does not hold this resource")
    return Fetched("unavailable", answer.status, call.path, answer.at, None, error)


def unread(key: ResourceKey) -> Fetched:
    """What is on record for a resource that there is no way to read."""
    if key.way == "none":
        return Fetched("unsupported", None, None, None, None, None)
    error = msgspec.json.encode("the event does not name its resource well enough to read it")
    return Fetched("unavailable", None, None, None, None, error)


def _fetched(call: Call, answer: Answer, text: bytes) -> Fetched:
    awkward = not is_strict(text)
    return Fetched("fetched", answer.status, call.path, answer.at, text, None, awkward)


def _name(key: ResourceKey, match_on: str) -> str:
    return key.entity_registry_id if match_on == "entityRegistryId" else key.id or ""


class _ById(msgspec.Struct):
    id: str


class _ByRegistryId(msgspec.Struct):
    entityRegistryId: str  # noqa: N815 - Benchling's name


_BY_ID = msgspec.json.Decoder(_ById)
_BY_REGISTRY_ID = msgspec.json.Decoder(_ByRegistryId)


def _identity(text: bytes, match_on: str, *, strict: bool) -> str | None:
    """The name of one element; None if it has none."""
    if strict:
        try:
            if match_on == "id":
                return _BY_ID.decode(text).id
            return _BY_REGISTRY_ID.decode(text).entityRegistryId
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
    try:
        return string_of(members(text).value.get(match_on))
    except NotJsonError:
        return None


def _object(text: bytes) -> None:
    try:
        members(text)
    except NotJsonError:
        raise UnexpectedAnswerError("the resource in the answer is not an object") from None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
