"""Commands to connectors, on both databases."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from benchling_connector.database.platform_tables import audit, commands
from benchling_connector.domain.commands import Action, CommandStatus
from benchling_connector.domain.errors import InvalidInput, NotFound, Refused
from benchling_connector.domain.lifecycle import Mode, Wish
from benchling_connector.domain.orders import Order, order
from benchling_connector.platform.once import once
from benchling_connector.platform.ordering import carry_out
from benchling_connector.platform.sending import command_secret
from tests.platforms import ANN, CONFIGURATION, SECRET, Platform

CHECK = Order("TetraScience.Connector.Benchling.RunCheck", {"deep": True})


async def test_a_command_waits_for_a_worker_or_is_pending_where_one_is(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.commands
    first = await service.create(ANN, made.connector_id, CHECK)
    await platform.worker(made.connector_id)
    second = await service.create(ANN, made.connector_id, CHECK)
    assert (first.status, second.status) == (CommandStatus.CREATED, CommandStatus.PENDING)
    assert await service.get(second.command_id) == second
    assert second.expires_at == platform.time() + timedelta(minutes=10)
    assert (await platform.audited())[1:] == ["command.sent", "command.sent"]


async def test_what_nobody_takes_in_time_has_expired(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.commands
    ends = platform.time() + timedelta(seconds=5)
    command = await service.create(ANN, made.connector_id, CHECK, expires_at=ends)
    platform.time.pass_by(seconds=5)
    assert (await service.get(command.command_id)).status is CommandStatus.EXPIRED
    assert (await service.list(is_open=True)).rows == ()
    with pytest.raises(InvalidInput, match="expiresAt"):
        await service.create(ANN, made.connector_id, CHECK, expires_at=ends)


async def test_a_start_by_command_changes_the_mode_and_is_one_command(platform: Platform) -> None:
    made = await platform.configured()
    service = platform.services.commands
    await service.create(ANN, made.connector_id, order(Action.START, None))
    view = await platform.services.registry.get(made.connector_id)
    assert view.mode is Mode.RUNNING
    actions = [one.action for one in (await service.list(made.connector_id)).rows]
    assert actions == [Action.START, Action.UPDATE_CONFIG]


async def test_a_command_that_the_mode_does_not_allow_is_refused(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.commands
    with pytest.raises(Refused) as refused:
        await service.create(ANN, made.connector_id, order(Action.START, None))
    assert refused.value.code == "connector-not-configured"
    await platform.services.registry.move(ANN, made.connector_id, Wish.DISABLE)
    with pytest.raises(Refused) as refused:
        await service.create(ANN, made.connector_id, CHECK)
    assert refused.value.code == "connector-disabled"
    assert (await service.list()).rows == ()


async def test_the_secrets_of_a_body_stand_encrypted_apart(platform: Platform) -> None:
    made = await platform.connector()
    sent = order(Action.TEST_CONFIG, {"config": CONFIGURATION})
    command = await platform.services.commands.create(ANN, made.connector_id, sent)
    plain = {key: value for key, value in CONFIGURATION.items() if key != "client_secret"}
    assert command.body == {"config": plain}
    async with platform.desk.reading() as connection:
        row = (await connection.execute(select(commands))).one()
    assert json.loads(row.body) == {"config": plain}
    name = command_secret(command.command_id)
    opened = platform.services.vault.unseal(row.secrets, made.connector_id, name)
    assert json.loads(opened) == {"client_secret": SECRET}


async def test_a_rejected_command_loses_its_secrets(platform: Platform) -> None:
    made = await platform.connector()
    sent = order(Action.TEST_CONFIG, {"config": CONFIGURATION})
    command = await platform.services.commands.create(ANN, made.connector_id, sent)
    for wish in (Wish.DISABLE, Wish.DELETE):
        await platform.services.registry.move(ANN, made.connector_id, wish)
    ended = await platform.services.commands.get(command.command_id)
    assert ended.status is CommandStatus.REJECTED
    async with platform.desk.reading() as connection:
        assert await connection.scalar(select(commands.c.secrets)) is None


async def test_a_log_level_holds_from_then_on(platform: Platform) -> None:
    made = await platform.connector()
    sent = order(Action.SET_LOG_LEVEL, {"level": "DEBUG"})
    await platform.services.commands.create(ANN, made.connector_id, sent)
    assert (await platform.services.registry.get(made.connector_id)).log_level == "debug"


async def test_an_update_with_a_configuration_saves_it_once(platform: Platform) -> None:
    made = await platform.connector()
    sent = order(Action.UPDATE_CONFIG, {"config": CONFIGURATION})
    services = platform.services
    for version in (1, 1):
        command = await carry_out(
            services.commands, services.configurations, ANN, made.connector_id, sent
        )
        assert command.body == {"version": version}
    whole = await services.configurations.content(made.connector_id, secrets=True)
    assert whole == CONFIGURATION


async def test_a_long_body_stands_in_the_command_and_not_in_the_audit(platform: Platform) -> None:
    made = await platform.connector()
    for length in (10, 10_000):
        body = Order(CHECK.action, "x" * length)
        command = await platform.services.commands.create(ANN, made.connector_id, body)
        assert command.body == "x" * length
    async with platform.desk.reading() as connection:
        query = select(audit.c.new).order_by(audit.c.number.desc()).limit(2)
        long, short = map(json.loads, await connection.scalars(query))
    assert (long["body"], short["body"]) == (None, "x" * 10)


async def test_a_key_finds_the_command_again(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.commands
    one = once(ANN, "k", "command", {})
    first = await service.create(ANN, made.connector_id, CHECK, one=one)
    assert await service.create(ANN, made.connector_id, CHECK, one=one) == first


async def test_pages_of_commands_give_each_once_newest_first(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.commands
    sent = [(await service.create(ANN, made.connector_id, CHECK)).command_id for _ in range(5)]
    found, cursor = [], None
    while True:
        page = await service.list(made.connector_id, limit=2, cursor=cursor)
        found += [one.command_id for one in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert found == sent[::-1]


async def test_waiting_ends_with_the_command_or_with_patience(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.commands
    command = await service.create(ANN, made.connector_id, CHECK)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            async with platform.desk.writing() as connection:
                await connection.execute(
                    update(commands).values(
                        status="SUCCESS", ended_at=platform.time(), answer='{"ok": true}'
                    )
                )

    ended = await service.wait(command.command_id, 10, pause)
    assert (ended.status, ended.answer) == (CommandStatus.SUCCESS, {"ok": True})
    assert len(pauses) == 3
    with pytest.raises(NotFound):
        await service.wait("none", 1, pause)
