"""What a call is and what an answer is, and the bodies of Benchling's refusals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchling_connector.simulator.faults import FaultKind

JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request: the decoded path and query, and how long its target was, in bytes."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = None
    body: bytes = b""
    target_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sends: after `delay` seconds, or with the transport's `fault` instead."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fault: FaultKind | None = None
    fault_seconds: float = 0.0


def json_answer(status: int, document: object) -> Answer:
    """An answer with this document as its body."""
    return Answer(status, json.dumps(document, ensure_ascii=False).encode())


def refusal(
    status: int, message: str, kind: str = "invalid_request_error", **more: object
) -> Answer:
    """Benchling's nested error body: `{"error": {"message", "type", "userMessage", …}}`."""
    error = {"message": message, "type": kind, "userMessage": message, **more}
    return json_answer(status, {"error": error})


def bad_ids(ids: Sequence[str]) -> Answer:
    """400 for a whole call because of some of its IDs, which it names."""
    named = ", ".join(ids)
    return refusal(400, f"The following IDs are invalid: {named}", invalidIds=list(ids))


def html(status: int, title: str) -> Answer:
    """A page from whatever stands in front of the API."""
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
        f"<body><center><h1>{title}</h1></center><hr><center>nginx</center></body></html>\n"
    )
    return Answer(status, page.encode(), HTML)
