"""Errors by HTTP, as `application/problem+json` (RFC 9457)."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import BaseRoute, Match

from benchling_connector.domain.errors import (
    ConnectorError,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    Refused,
    TransientError,
)
from benchling_connector.domain.records import BadCursorError

__all__ = ["MEDIA_TYPE", "HttpProblem", "heed_problems", "response_of"]

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger()


class HttpProblem(Exception):  # noqa: N818 - what RFC 9457 calls it
    """An answer that says what is wrong and what to do about it.

    `more` are members beside the standard ones, such as `fields`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        remedy: str | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.headers = headers
        self.more = more or {}


class ProblemResponse(JSONResponse):
    """A problem that can always be told: what it quotes may be no text that can be sent."""

    media_type = MEDIA_TYPE

    def render(self, content: object) -> bytes:
        """The body."""
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="replace")


def response_of(problem: HttpProblem) -> JSONResponse:
    """Its answer."""
    return _answer(
        problem.status, problem.code, problem.detail, problem.remedy, problem.more, problem.headers
    )


def heed_problems(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Every error of the app becomes a problem; what nobody expected, a 500 without details.

    `routers` are those of the app.
    """
    routes = [*app.routes, *(route for router in routers for route in router.routes)]

    @app.exception_handler(HttpProblem)
    async def on_problem(_: Request, error: HttpProblem) -> JSONResponse:
        return response_of(error)

    @app.exception_handler(StarletteHTTPException)
    async def on_http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # Starlette knows the methods of the first route only that fits.
            headers["Allow"] = ", ".join(_methods(routes, request)) or headers.get("Allow", "")
        return _answer(error.status_code, code, str(error.detail), headers=headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = error.errors()
        whole = any(one["loc"] == ("body",) and one["type"] != "missing" for one in errors)
        if whole and not _says_json(request):
            detail = "The body is not said to be JSON."
            remedy = "Send `Content-Type: application/json`."
            return _answer(415, "media-type-unsupported", detail, remedy)
        fields = [{"field": _field(one), "error": _wrong(one)} for one in errors]
        names = ", ".join(dict.fromkeys(one["field"] for one in fields))
        return _answer(422, "request-invalid", f"Not valid: {names}.", more={"fields": fields})

    @app.exception_handler(BadCursorError)
    async def on_cursor(_: Request, error: BadCursorError) -> JSONResponse:
        return _answer(422, "cursor-invalid", str(error))

    @app.exception_handler(ConnectorError)
    async def on_error(_: Request, error: ConnectorError) -> JSONResponse:
        if isinstance(error, InvalidConfiguration):
            fields = [{"field": one.key, "error": str(one)} for one in error.fields]
            return _answer(422, error.code, error.problem.title, error.remedy, {"fields": fields})
        if isinstance(error, InvalidInput):
            fields = [{"field": one.key, "error": str(one)} for one in error.fields]
            detail = f"Not valid: {', '.join(one.key for one in error.fields)}."
            return _answer(422, error.code, detail, more={"fields": fields})
        more = error.details if isinstance(error, Refused) else {}
        return _answer(_status(error), error.code, error.sentence, error.remedy, more)

    @app.exception_handler(Exception)
    async def on_bug(_: Request, error: Exception) -> JSONResponse:
        log.error("request.failed", error=type(error).__name__, exc_info=error)
        return _answer(500, "internal", "Something went wrong here; the log says what.")


def _methods(routes: Iterable[BaseRoute], request: Request) -> list[str]:
    """All that there are for a path; of `/files/retry`, not those of `/files/{file_id}`."""
    by_path: dict[str, set[str]] = {}
    for route in routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            path = getattr(route, "path", "")
            by_path.setdefault(path, set()).update(getattr(route, "methods", None) or ())
    return sorted(by_path[min(by_path, key=lambda path: path.count("{"))]) if by_path else []


def _says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and "+json" in kind)


def _field(error: Mapping[str, Any]) -> str:
    first, *inside = error["loc"]
    # Of text that is no JSON the place stands there, and no field.
    return ".".join(map(str, inside)) if inside and error["type"] != "json_invalid" else str(first)


def _wrong(error: Mapping[str, Any]) -> str:
    if error["type"] == "json_invalid":
        return f"This is no JSON: {error['ctx']['error']} at character {error['loc'][-1]}"
    return str(error["msg"])


def _status(error: ConnectorError) -> int:
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, TransientError):
        return 503
    return _STATUSES.get(error.code, 409)


_STATUSES = {
    "configuration-changed": 412,
    "idempotency-key-reused": 422,
    # Nothing of a caller's: whoever runs the platform has to mend it.
    "secrets-undecryptable": 503,
}


def _answer(
    status: int,
    code: str,
    detail: str,
    remedy: str | None = None,
    more: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    content: dict[str, object] = {
        "type": f"urn:benchling-connector:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if remedy:
        content["remedy"] = remedy
    return ProblemResponse({**content, **(more or {})}, status, dict(headers or {}))
