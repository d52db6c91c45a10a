"""API tokens by HTTP, for administrators."""

from datetime import timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import Field, model_validator

from benchling_connector.domain.access import Caller, Role
from benchling_connector.platform.documents import token_document
from benchling_connector.platform.tokens import LASTS
from benchling_connector.web.access import Served, allowed
from benchling_connector.web.own.models import Body, Reason
from benchling_connector.web.problems import HttpProblem

__all__ = ["router"]

Admin = Annotated[Caller, Depends(allowed(Role.ADMIN))]

router = APIRouter(prefix="/v1/tokens", tags=["tokens"], responses={401: {}, 403: {}, 404: {}})


class NewToken(Body):
    """A token to make: for people and scripts with a `role`, or a connector's own.

    `rotate` revokes the connector's tokens before it.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    role: Role | None = None
    connector_id: Annotated[str | None, Field(alias="connectorId", max_length=200)] = None
    expires_in_days: Annotated[
        int | None,
        Field(alias="expiresInDays", ge=1, le=3_650, description="Never, with null."),
    ] = LASTS.days
    rotate: bool = False
    reason: Reason = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.role is None) == (self.connector_id is None):
            raise ValueError("name a role, or a connectorId")
        if self.rotate and self.connector_id is None:
            raise ValueError("only the tokens of a connector are rotated")
        return self


@router.get("")
async def listing(services: Served, _: Admin) -> dict[str, object]:
    """All tokens, newest first, without the tokens themselves."""
    return {"tokens": [token_document(one) for one in await services.tokens.all()]}


@router.post("", status_code=201)
async def create(services: Served, caller: Admin, body: NewToken) -> dict[str, object]:
    """Makes a token. It stands in this answer and nowhere else."""
    tokens, days = services.tokens, body.expires_in_days
    lasts = None if days is None else timedelta(days=days)
    if body.role is not None:
        made = await tokens.create(caller, body.name, body.role, lasts=lasts, reason=body.reason)
        return {"token": made.secret, **token_document(made.token)}
    if "expires_in_days" not in body.model_fields_set:
        lasts = None  # a connector works for years
    make = tokens.rotate if body.rotate else tokens.create_for_connector
    for_it = await make(caller, body.connector_id or "", body.name, lasts=lasts, reason=body.reason)
    if for_it is None:
        raise HttpProblem(404, "connector-unknown", "There is no such connector.")
    return {"token": for_it.secret, **token_document(for_it.token)}


@router.delete("/{token_id}")
async def revoke(services: Served, caller: Admin, token_id: str) -> dict[str, object]:
    """It works no more."""
    token = await services.tokens.revoke(caller, token_id)
    if token is None:
        raise HttpProblem(404, "token-unknown", "There is no such token.")
    return token_document(token)
