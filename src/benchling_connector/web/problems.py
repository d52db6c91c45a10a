"""Errors by HTTP, as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

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


def response_of(problem: HttpProblem) -> JSONResponse:
    """Its answer."""
    return _answer(
        problem.status, problem.code, problem.detail, problem.remedy, problem.more, problem.headers
    )


def heed_problems(app: FastAPI) -> None:
    """Every error of the app becomes a problem; what nobody expected, a 500 without details."""

    @app.exception_handler(HttpProblem)
    async def on_problem(_: Request, error: HttpProblem) -> JSONResponse:
        return response_of(error)

    @app.exception_handler(StarletteHTTPException)
    async def on_http(_: Request, error: StarletteHTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return _answer(error.status_code, code, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            {"field": ".".join(map(str, one["loc"][1:])) or str(one["loc"][0]), "error": one["msg"]}
            for one in error.errors()
        ]
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
    return JSONResponse(
        {**content, **(more or {})}, status, dict(headers or {}), media_type=MEDIA_TYPE
    )
