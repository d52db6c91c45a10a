"""A connector's configuration by HTTP: saved in versions, looked at, tested."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import Field, JsonValue

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.versions import Version
from benchling_connector.platform.trying import LiveTest, try_configuration
from benchling_connector.web.access import Served, allowed, allowed_or_itself
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.shapes import (
    INT32,
    Answer,
    Body,
    JsonObject,
    Time,
    as_json,
    problems,
)

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/data-acquisition/connectors/{connector_id}",
    tags=["configuration"],
    responses=problems(404),
)

_TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "The version.", "schema": {"type": "string"}}}}
}

_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')


class ConfigBody(Body):
    """Keys and values, and why. A secret that is left out or empty stays as it is."""

    config: JsonObject = Field(
        examples=[{"benchling_url": "https://acme.benchling.com", "events_per_file": 5}]
    )
    reason: str | None = Field(None, max_length=1000)


class SavedAnswer(Answer):
    """The version that holds now."""

    version: int


class CheckBody(Body):
    """What to test; nothing tests what holds."""

    config: JsonObject | None = None


class FieldAnswer(Answer):
    """What is wrong with one key."""

    field: str
    error: str


class ItemAnswer(Answer):
    """One thing that was tested. `code` is a heading of the troubleshooting guide."""

    name: str
    passed: bool
    summary: str
    remedy: str | None = None
    code: str | None = None


class CheckAnswer(Answer):
    """Whether a connector can work with it."""

    valid: bool
    error: str | None = None
    fields: list[FieldAnswer]
    items: list[ItemAnswer]


class RestoreBody(Body):
    """Why an earlier version is to hold again."""

    reason: str | None = Field(None, max_length=1000)


class DifferenceAnswer(Answer):
    """A key that differs from the version before; secrets as fingerprints."""

    key: str
    old: JsonValue
    new: JsonValue


class VersionAnswer(Answer):
    """One version. Of a secret it is told that it is set, and its fingerprint."""

    version: int
    created_at: Time
    created_by: str
    reason: str | None
    restored_from: int | None
    config: dict[str, JsonValue]
    difference: list[DifferenceAnswer]


class VersionsAnswer(Answer):
    """Versions, newest first; `next` is the `before` of those after them."""

    versions: list[VersionAnswer]
    next: int | None


IfMatch = Annotated[
    str | None,
    Header(max_length=100, description='ETag of the version that was seen, `"0"` for none.'),
]
VersionNumber = Annotated[int, Path(ge=1, le=INT32)]


@router.put("/config", responses=_TAGGED | problems(404, 409, 412))
async def save_configuration(
    connector_id: str,
    body: ConfigBody,
    services: Served,
    caller: Annotated[Caller, Depends(allowed(Role.ADMIN))],
    response: Response,
    if_match: IfMatch = None,
) -> SavedAnswer:
    """Saves a new version and applies it. With `If-Match` only if nobody else has meanwhile."""
    saved = await services.configurations.save(
        caller, connector_id, body.config, reason=body.reason, expected=_expected(if_match)
    )
    response.headers["ETag"] = f'"{saved.version}"'
    return SavedAnswer(version=saved.version)


@router.get("/config")
async def list_configurations(
    connector_id: str,
    services: Served,
    _: Annotated[Caller, Depends(allowed(Role.VIEWER))],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=INT32)] = None,
) -> VersionsAnswer:
    """The versions: who saved each, when, why, and what it changed."""
    found = await services.configurations.history(connector_id, limit=limit, before=before)
    more = len(found) == limit and found[-1].version > 1
    return VersionsAnswer(
        versions=[_version(one) for one in found], next=found[-1].version if more else None
    )


@router.get("/config/{version}", responses=_TAGGED)
async def get_configuration(
    connector_id: str,
    version: VersionNumber,
    services: Served,
    caller: Annotated[Caller, Depends(allowed_or_itself(Role.VIEWER))],
    response: Response,
) -> dict[str, JsonValue]:
    """The keys and values of a version; with its secrets for the connector itself only."""
    itself = caller.connector_id == connector_id
    content = await services.configurations.content(connector_id, version, secrets=itself)
    response.headers["ETag"] = f'"{version}"'
    response.headers["Cache-Control"] = "no-store"
    return as_json(content)


@router.post("/config/{version}/restore", responses=_TAGGED | problems(404, 409))
async def restore_configuration(
    connector_id: str,
    version: VersionNumber,
    services: Served,
    caller: Annotated[Caller, Depends(allowed(Role.ADMIN))],
    response: Response,
    body: RestoreBody | None = None,
) -> SavedAnswer:
    """Saves an earlier version once more, with its secrets, and applies it."""
    reason = None if body is None else body.reason
    saved = await services.configurations.restore(caller, connector_id, version, reason)
    response.headers["ETag"] = f'"{saved.version}"'
    return SavedAnswer(version=saved.version)


@router.post(
    "/config-check",
    status_code=201,
    response_model_exclude_none=True,
    responses=problems(404, 409),
)
async def check_configuration(
    connector_id: str,
    services: Served,
    caller: Annotated[Caller, Depends(allowed(Role.OPERATOR))],
    request: Request,
    body: CheckBody | None = None,
) -> CheckAnswer:
    """Tests a configuration against the real services, item by item, and changes nothing.

    Secrets that are left out are those that are kept. Another configuration than the one that
    holds takes an administrator: it decides where they are sent.
    """
    given: Mapping[str, object] | None = None if body is None else body.config
    if given is not None and (caller.role is None or not caller.role.covers(Role.ADMIN)):
        raise HttpProblem(
            403,
            "not-allowed",
            "Testing another configuration than the one that holds needs the role admin.",
            remedy="Leave `config` out, or ask an administrator.",
        )
    live_test: LiveTest = request.app.state.live_test
    result = await try_configuration(
        services.configurations, caller, connector_id, given, live_test
    )
    return CheckAnswer(
        valid=result.valid,
        error=result.error,
        fields=[FieldAnswer(field=one.key, error=str(one)) for one in result.problems],
        items=[
            ItemAnswer(
                name=one.name,
                passed=one.passed,
                summary=one.summary,
                remedy=one.remedy,
                code=one.code,
            )
            for one in result.items
        ],
    )


def _expected(if_match: str | None) -> int | None:
    """The version that the sender has seen; -1, which is none, for an ETag that is not ours."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    return int(found[1]) if found else -1


def _version(one: Version) -> VersionAnswer:
    return VersionAnswer(
        version=one.version,
        created_at=one.created_at,
        created_by=one.created_by,
        reason=one.reason,
        restored_from=one.restored_from,
        config=as_json(one.shown()),
        difference=[DifferenceAnswer.model_validate(each.told()) for each in one.difference],
    )
