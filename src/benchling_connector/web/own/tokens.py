"""API tokens by HTTP, for administrators."""

from datetime import timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import Field, model_validator

from benchling_connector.domain.access import Caller, Role
from benchling_connector.platform import tokens
from benchling_connector.platform.documents import token_document
from benchling_connector.platform.tokens import LASTS
from benchling_connector.web.access import Served, allowed
from benchling_connector.web.own.models import Reason
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.shapes import Answer, Body, Time, problems

__all__ = ["router"]

Admin = Annotated[Caller, Depends(allowed(Role.ADMIN))]

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])


class TokenAnswer(Answer):
    """All that is known of a token but itself. `role` is null for a connector's own."""

    token_id: str
    name: str
    role: Role | None
    connector_id: str | None
    created_at: Time
    created_by: str
    expires_at: Time | None
    used_at: Time | None
    revoked_at: Time | None


class MadeToken(TokenAnswer):
    """A new one, with itself."""

    token: str


class TokensAnswer(Answer):
    """Newest first."""

    tokens: list[TokenAnswer]


class NewToken(Body):
    """A token to make: for people and scripts with a `role`, or a connector's own.

    `rotate` revokes the connector's tokens before it.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    role: Role | None = None
    connector_id: Annotated[str | None, Field(max_length=200)] = None
    expires_in_days: Annotated[
        int | None, Field(ge=1, le=3_650, description="Never, with null.")
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
async def list_tokens(services: Served, _: Admin) -> TokensAnswer:
    """All tokens, newest first, without the tokens themselves."""
    return TokensAnswer(tokens=[_answer(one) for one in await services.tokens.all()])


@router.post("", status_code=201, responses=problems(404))
async def create_token(services: Served, caller: Admin, body: NewToken) -> MadeToken:
    """Makes a token. It stands in this answer and nowhere else."""
    days = body.expires_in_days
    lasts = None if days is None else timedelta(days=days)
    if body.role is not None:
        made = await services.tokens.create(
            caller, body.name, body.role, lasts=lasts, reason=body.reason
        )
        return _made(made)
    if "expires_in_days" not in body.model_fields_set:
        lasts = None  # a connector works for years
    make = services.tokens.rotate if body.rotate else services.tokens.create_for_connector
    for_it = await make(caller, body.connector_id or "", body.name, lasts=lasts, reason=body.reason)
    if for_it is None:
        raise HttpProblem(404, "connector-unknown", "There is no such connector.")
    return _made(for_it)


@router.delete("/{token_id}", responses=problems(404))
async def revoke_token(services: Served, caller: Admin, token_id: str) -> TokenAnswer:
    """It works no more."""
    token = await services.tokens.revoke(caller, token_id)
    if token is None:
        raise HttpProblem(404, "token-unknown", "There is no such token.")
    return _answer(token)


def _answer(token: tokens.Token) -> TokenAnswer:
    return TokenAnswer.model_validate(token_document(token))


def _made(new: tokens.NewToken) -> MadeToken:
    return MadeToken.model_validate({"token": new.secret, **token_document(new.token)})
