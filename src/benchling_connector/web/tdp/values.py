"""A connector's key-value store by HTTP, as the vendor's SDK uses it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, JsonValue

from benchling_connector.domain.access import Caller, Role
from benchling_connector.platform.values import NewValue, Value
from benchling_connector.web.access import Served, allowed_or_itself
from benchling_connector.web.shapes import Answer, Body, Json, Time, problems

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/data-acquisition/connectors/{connector_id}/data",
    tags=["data"],
    responses=problems(404),
)

Keys = Annotated[str, Query(max_length=10_000, description="Separated by commas.")]


class ValueBody(Body):
    """What is to be kept under a key; encrypted if it is secure."""

    key: str = Field(min_length=1, max_length=512)
    value: Json
    secure: bool = False


class ValuesBody(Body):
    """What is to be kept."""

    values: list[ValueBody] = Field(max_length=1000)


class ValueAnswer(Answer):
    """What is kept. A secure value is given to the connector itself, and to nobody else."""

    key: str
    value: JsonValue = None
    secure: bool
    created_at: Time
    updated_at: Time


class ValuesAnswer(Answer):
    """What is kept."""

    values: list[ValueAnswer]


@router.get("", response_model_exclude_unset=True)
async def get_data(
    connector_id: str,
    services: Served,
    caller: Annotated[Caller, Depends(allowed_or_itself(Role.VIEWER))],
    response: Response,
    keys: Keys | None = None,
    use_object_notation: Annotated[
        bool,
        Query(alias="useObjectNotation", description="`a.b` is the field `b` of what `a` holds."),
    ] = False,
) -> ValuesAnswer:
    """What is kept under some keys, or all; keys that there are not are left out."""
    response.headers["Cache-Control"] = "no-store"
    names = None if keys is None else [key for key in keys.split(",") if key]
    heads = names
    if names is not None and use_object_notation:
        heads = [name.partition(".")[0] for name in names]
    itself = caller.connector_id == connector_id
    found = await services.values.get(connector_id, heads, secure=itself)
    if names is None or not use_object_notation:
        return ValuesAnswer(values=[_answer(one, itself=itself) for one in found])
    by_key = {one.key: one for one in found}
    answers = []
    for name in names:
        head, _, path = name.partition(".")
        whole = by_key.get(head)
        inside = None if whole is None else _inside(whole, name, path)
        if inside is not None:
            answers.append(_answer(inside, itself=itself))
    return ValuesAnswer(values=answers)


@router.put("", response_model_exclude_unset=True)
async def save_data(
    connector_id: str,
    body: ValuesBody,
    services: Served,
    caller: Annotated[Caller, Depends(allowed_or_itself(Role.ADMIN))],
) -> ValuesAnswer:
    """Keeps values, each under its key."""
    values = [NewValue(one.key, one.value, one.secure) for one in body.values]
    await services.values.save(caller, connector_id, values)
    itself = caller.connector_id == connector_id
    keys = [one.key for one in values]
    found = await services.values.get(connector_id, keys, secure=itself)
    return ValuesAnswer(values=[_answer(one, itself=itself) for one in found])


@router.delete("", status_code=204)
async def delete_data(
    connector_id: str,
    services: Served,
    caller: Annotated[Caller, Depends(allowed_or_itself(Role.ADMIN))],
    keys: Keys,
) -> None:
    """Forgets what is kept under some keys."""
    await services.values.delete(caller, connector_id, [key for key in keys.split(",") if key])


def _answer(one: Value, *, itself: bool) -> ValueAnswer:
    known: dict[str, object] = {
        "key": one.key,
        "secure": one.secure,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }
    if itself or not one.secure:
        known["value"] = one.value
    return ValueAnswer.model_validate(known)


def _inside(whole: Value, name: str, path: str) -> Value | None:
    """The field of a value that a path of dots leads to; None if it leads nowhere."""
    value = whole.value
    for part in path.split(".") if path else ():
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return Value(name, value, whole.secure, whole.created_at, whole.updated_at)
