"""Accounts by HTTP, for administrators."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.accounts import Account
from benchling_connector.platform.documents import account_document
from benchling_connector.web.access import Served, allowed
from benchling_connector.web.own.models import Reason, fields_told
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.shapes import Answer, Body, Time, problems

__all__ = ["router"]

Admin = Annotated[Caller, Depends(allowed(Role.ADMIN))]
Password = Annotated[str, Field(max_length=2_000, description="At least 12 characters.")]

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])


class AccountAnswer(Answer):
    """Somebody who may sign in. `issuer`: where they do, if elsewhere."""

    account_id: str
    name: str
    email: str | None
    role: Role
    status: Literal["ENABLED", "DISABLED"]
    has_password: bool
    issuer: str | None
    created_at: Time
    created_by: str
    signed_in_at: Time | None
    disabled_at: Time | None


class AccountsAnswer(Answer):
    """By name."""

    accounts: list[AccountAnswer]


class NewAccount(Body):
    """An account to make; without a password, for somebody who signs in elsewhere."""

    name: Annotated[str, Field(max_length=200)]
    role: Role
    password: Password | None = None
    email: Annotated[str | None, Field(max_length=254)] = None
    reason: Reason = None


class NewRole(Body):
    """Another role."""

    role: Role
    reason: Reason = None


class NewPassword(Body):
    """Another password."""

    password: Password
    reason: Reason = None


class NewStatus(Body):
    """Whether it may sign in."""

    status: Literal["ENABLED", "DISABLED"]
    reason: Reason = None


@router.get("")
async def list_accounts(services: Served, _: Admin) -> AccountsAnswer:
    """All accounts, by name."""
    return AccountsAnswer(accounts=[_answer(one) for one in await services.accounts.all()])


@router.post("", status_code=201, responses=problems(409))
async def create_account(services: Served, caller: Admin, body: NewAccount) -> AccountAnswer:
    """Makes an account."""
    with fields_told():
        made = await services.accounts.create(
            caller,
            body.name,
            body.role,
            password=body.password,
            email=body.email,
            reason=body.reason,
        )
    return _answer(made)


@router.get("/{account_id}", responses=problems(404))
async def read_account(services: Served, _: Admin, account_id: str) -> AccountAnswer:
    """One account, by its ID or name."""
    return _found(await services.accounts.get(account_id))


@router.put("/{account_id}/role", responses=problems(404, 409))
async def change_account_role(
    services: Served, caller: Admin, account_id: str, body: NewRole
) -> AccountAnswer:
    """Gives it another role; its sessions end."""
    found = await services.accounts.change_role(caller, account_id, body.role, body.reason)
    return _found(found)


@router.put("/{account_id}/password", responses=problems(404))
async def set_account_password(
    services: Served, caller: Admin, account_id: str, body: NewPassword
) -> AccountAnswer:
    """Gives it another password; its sessions end."""
    with fields_told():
        found = await services.accounts.set_password(caller, account_id, body.password, body.reason)
    return _found(found)


@router.put("/{account_id}/status", responses=problems(404, 409))
async def change_account_status(
    services: Served, caller: Admin, account_id: str, body: NewStatus
) -> AccountAnswer:
    """Disables it: its sessions end, and its tokens work no more. Or enables it again."""
    change = services.accounts.disable if body.status == "DISABLED" else services.accounts.enable
    return _found(await change(caller, account_id, body.reason))


def _found(account: Account | None) -> AccountAnswer:
    if account is None:
        raise HttpProblem(404, "account-unknown", "There is no such account.")
    return _answer(account)


def _answer(account: Account) -> AccountAnswer:
    return AccountAnswer.model_validate(account_document(account))
