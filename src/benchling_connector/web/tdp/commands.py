"""Commands by HTTP: sent, found, listed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field, JsonValue

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.commands import Action, Command, CommandStatus
from benchling_connector.domain.orders import order
from benchling_connector.platform.once import once
from benchling_connector.platform.ordering import carry_out
from benchling_connector.web.access import Served, allowed
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.shapes import Answer, AwareTime, Body, Json, Time, problems
from benchling_connector.web.tdp.connectors import IdempotencyKey

__all__ = ["router"]

router = APIRouter(prefix="/v1/commands", tags=["commands"])


class CommandBody(Body):
    """A command to be sent. Custom actions are `TetraScience.Connector.<Name>.<Action>`."""

    target_id: str = Field(max_length=200, description="The connector's ID.")
    action: str = Field(max_length=200, examples=[Action.START])
    body: Json = None
    expires_at: AwareTime | None = Field(
        None, description="Not carried out after it; else ten minutes from now."
    )


class CommandAnswer(Answer):
    """A command. Secrets of its body are left out; `responseBody` is what the worker answered."""

    command_id: str
    target_id: str
    action: str
    body: JsonValue
    status: CommandStatus
    response_body: JsonValue
    created_at: Time
    created_by: str
    expires_at: Time
    worker_id: str | None
    started_at: Time | None
    ended_at: Time | None
    job_id: str | None


class CommandsAnswer(Answer):
    """Commands, newest first, and the `cursor` of those after them."""

    commands: list[CommandAnswer]
    next: str | None


@router.post("", status_code=201, responses=problems(404, 409))
async def create_command(
    body: CommandBody,
    services: Served,
    caller: Annotated[Caller, Depends(allowed(Role.OPERATOR))],
    idempotency_key: IdempotencyKey = None,
) -> CommandAnswer:
    """Sends a command: PENDING if a worker is there to take it, else CREATED.

    One that brings a configuration takes an administrator.
    """
    wanted = order(body.action, body.body)
    if wanted.config is not None and not (caller.role and caller.role.covers(Role.ADMIN)):
        raise HttpProblem(
            403,
            "not-allowed",
            "A command that brings a configuration needs the role admin.",
            remedy="Leave `config` out of its body, or ask an administrator.",
        )
    one = once(caller, idempotency_key, "command", body.model_dump(mode="json"))
    command = await carry_out(
        services.commands,
        services.configurations,
        caller,
        body.target_id,
        wanted,
        expires_at=body.expires_at,
        one=one,
    )
    return _answer(command)


@router.get("")
async def list_commands(
    services: Served,
    _: Annotated[Caller, Depends(allowed(Role.VIEWER))],
    target_id: Annotated[str | None, Query(alias="targetId", max_length=200)] = None,
    is_open: Annotated[bool, Query(alias="open", description="Those that have not ended.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> CommandsAnswer:
    """Commands of all connectors or of one."""
    page = await services.commands.list(target_id, is_open=is_open, limit=limit, cursor=cursor)
    return CommandsAnswer(commands=[_answer(one) for one in page.rows], next=page.next)


@router.get("/{command_id}", responses=problems(404))
async def get_command(
    command_id: str, services: Served, _: Annotated[Caller, Depends(allowed(Role.VIEWER))]
) -> CommandAnswer:
    """One command, with its answer once it has one."""
    return _answer(await services.commands.get(command_id))


def _answer(command: Command) -> CommandAnswer:
    return CommandAnswer.model_validate(
        {
            "command_id": command.command_id,
            "target_id": command.connector_id,
            "action": command.action,
            "body": command.body,
            "status": command.status,
            "response_body": command.answer,
            "created_at": command.created_at,
            "created_by": command.created_by,
            "expires_at": command.expires_at,
            "worker_id": command.worker_id,
            "started_at": command.started_at,
            "ended_at": command.ended_at,
            "job_id": command.job_id,
        }
    )
