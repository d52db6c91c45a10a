"""The API's own document, OpenAPI 3.1: what its routes say, and what is true of all of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from benchling_connector.web.callers import COOKIE, CSRF_HEADER
from benchling_connector.web.guard import SAFE_METHODS
from benchling_connector.web.problems import MEDIA_TYPE
from benchling_connector.web.shapes import MEANINGS

__all__ = ["ABOUT", "TOKEN", "complete", "operation_id"]

TOKEN = "token"  # noqa: S105 - the name of a way to sign in
SESSION, CSRF = "session", "csrf"

ABOUT: Mapping[str, Any] = {
    "title": "Benchling connector",
    "summary": "The platform of connectors that bring Benchling's events into a data lake.",
    "description": (
        "Two parts: the Tetra Data Platform's own connector API (`/v1/data-acquisition` and "
        "`/v1/commands`), and ours for what that has no words for. Times are UTC. Unknown fields "
        "and query parameters are refused by name. Errors are `application/problem+json`."
    ),
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "servers": [{"url": "/", "description": "Where this document was found."}],
    "openapi_tags": [
        {"name": "connectors", "description": "Created, found, edited, moved, deleted."},
        {"name": "configuration", "description": "A connector's configuration, in versions."},
        {"name": "commands", "description": "What a connector is told, and what it answers."},
        {"name": "data", "description": "A connector's own store of keys and values."},
        {"name": "files", "description": "Files and their records: what was written, and how far."},
        {"name": "signs of life", "description": "Of connectors on the vendor's SDK."},
        {"name": "metrics", "description": "What was measured, over time and for Prometheus."},
        {"name": "workers", "description": "The processes that work for a connector."},
        {"name": "jobs", "description": "Long work that a command began."},
        {"name": "events", "description": "Where every event is, and the way it took."},
        {"name": "quarantine", "description": "Messages that can never be events."},
        {"name": "alerts", "description": "What is wrong, and who is told of it."},
        {"name": "session", "description": "Signing in and out."},
        {"name": "accounts", "description": "Who may sign in, and as what."},
        {"name": "tokens", "description": "What scripts and connectors sign in with."},
        {"name": "audit", "description": "What was done, by whom, when and why."},
        {"name": "probes", "description": "Whether the process lives, and can work."},
    ],
}
"""What `FastAPI` is told of the whole."""


class ProblemField(BaseModel):
    """What is wrong with one field."""

    field: str
    error: str


class Problem(BaseModel):
    """An error (RFC 9457). `code` is a heading of the troubleshooting guide, or one of the API's.

    Some have members of their own besides, as `difference`.
    """

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`urn:benchling-connector:problem:` and the code.")
    title: str
    status: int
    code: str
    detail: str
    remedy: str | None = None
    fields: list[ProblemField] | None = None


_REF = "#/components/schemas/{model}"
_SCHEMES = {
    TOKEN: {"type": "http", "scheme": "bearer", "description": "An API token, `bct_…`."},
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"A session, as `POST /v1/session` opens it. With TLS: `__Host-{COOKIE}`.",
    },
    CSRF: {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "What `GET /v1/session` calls `csrf`: a session changes nothing without it.",
    },
}


def operation_id(route: APIRoute) -> str:
    """A route's ID: the name of its function, as clients' methods are written."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def complete(app: FastAPI) -> None:
    """Has the app's document say of each call how to sign in, and every error it may give."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(made())
        return made()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template=_REF)
    schemas |= problem.pop("$defs")
    schemas["Problem"] = problem
    document["components"]["securitySchemes"] = _SCHEMES
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete_operation(path, method.upper(), operation)


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    if "security" in operation:
        names = [SESSION] if method in SAFE_METHODS else [SESSION, CSRF]
        operation["security"] = [{TOKEN: []}, {name: [] for name in names}]
    else:
        operation["security"] = []
    responses = operation["responses"]
    for status in _usual(path, method, operation):
        responses.setdefault(str(status), {"description": MEANINGS[status]})
    for status, response in responses.items():
        is_ours = "content" in response and status != "422"  # which FastAPI makes of its own
        if status >= "400" and not is_ours:
            response["description"] = MEANINGS[int(status)]
            schema = {"$ref": _REF.format(model="Problem")}
            response["content"] = {MEDIA_TYPE: {"schema": schema}}
    operation["responses"] = dict(sorted(responses.items()))


def _usual(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[int]:
    """The errors that a call may give for no reason of its own."""
    yield 421
    if operation["security"]:
        yield 401
    if operation["security"] or method not in SAFE_METHODS:
        yield 403
    if "requestBody" in operation:
        yield from (400, 415)
    if method not in SAFE_METHODS:
        yield 413
    if path.startswith("/v1/"):
        yield 422
    if path != "/healthz":
        yield 503
