"""Accounts by HTTP, for administrators."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.accounts import Account
from benchling_connector.platform.documents import account_document
from benchling_connector.web.access import Served, allowed
from benchling_connector.web.own.models import Body, Reason, fields_told
from benchling_connector.web.problems import HttpProblem

__all__ = ["router"]

Admin = Annotated[Caller, Depends(allowed(Role.ADMIN))]
Password = Annotated[str, Field(max_length=2_000, description="At least 12 characters.")]

router = APIRouter(
    prefix="/v1/accounts", tags=["accounts"], responses={401: {}, 403: {}, 404: {}, 409: {}}
)


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
async def listing(services: Served, _: Admin) -> dict[str, object]:
    """All accounts, by name."""
    return {"accounts": [account_document(one) for one in await services.accounts.all()]}


@router.post("", status_code=201)
async def create(services: Served, caller: Admin, body: NewAccount) -> dict[str, object]:
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
    return account_document(made)


@router.get("/{account_id}")
async def show(services: Served, _: Admin, account_id: str) -> dict[str, object]:
    """One account, by its ID or name."""
    return _found(await services.accounts.get(account_id))


@router.put("/{account_id}/role")
async def change_role(
    services: Served, caller: Admin, account_id: str, body: NewRole
) -> dict[str, object]:
    """Gives it another role; its sessions end."""
    found = await services.accounts.change_role(caller, account_id, body.role, body.reason)
    return _found(found)


@router.put("/{account_id}/password")
async def set_password(
    services: Served, caller: Admin, account_id: str, body: NewPassword
) -> dict[str, object]:
    """Gives it another password; its sessions end."""
    with fields_told():
        found = await services.accounts.set_password(caller, account_id, body.password, body.reason)
    return _found(found)


@router.put("/{account_id}/status")
async def change_status(
    services: Served, caller: Admin, account_id: str, body: NewStatus
) -> dict[str, object]:
    """Disables it: its sessions end, and its tokens work no more. Or enables it again."""
    change = services.accounts.disable if body.status == "DISABLED" else services.accounts.enable
    return _found(await change(caller, account_id, body.reason))


def _found(account: Account | None) -> dict[str, object]:
    if account is None:
        raise HttpProblem(404, "account-unknown", "There is no such account.")
    return account_document(account)
