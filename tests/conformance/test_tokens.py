"""API tokens: good for as long as they are meant to be, and for nothing else."""

import asyncio
from datetime import timedelta

from benchling_connector.database.identity import connector_identity
from benchling_connector.domain.access import Caller, Role, Way
from tests.ledgers import NOON
from tests.people import PASSWORD, ROOT, People


async def test_a_token_comes_in_with_its_name_and_role(people: People) -> None:
    made = await people.services.tokens.create(ROOT, "ci", Role.OPERATOR)

    caller = await people.services.tokens.caller(made.secret, "10.0.0.1")

    assert caller == Caller("ci", Way.TOKEN, Role.OPERATOR, "10.0.0.1")


async def test_the_token_itself_is_nowhere_in_the_database(people: People) -> None:
    made = await people.services.tokens.create(ROOT, "ci", Role.OPERATOR)

    async with people.services.desk.reading() as connection:
        for name in ("tokens", "audit"):
            rows = await connection.exec_driver_sql(f"SELECT * FROM {name}")
            assert made.secret not in str(rows.all())


async def test_a_token_ends_after_90_days(people: People) -> None:
    made = await people.services.tokens.create(ROOT, "ci", Role.VIEWER)

    people.clock.move(days=89, hours=23)
    assert await people.services.tokens.caller(made.secret, None) is not None
    people.clock.move(hours=1)
    assert await people.services.tokens.caller(made.secret, None) is None


async def test_a_token_that_never_ends_does_not(people: People) -> None:
    made = await people.services.tokens.create(ROOT, "ci", Role.VIEWER, lasts=None)

    people.clock.move(days=10_000)
    assert await people.services.tokens.caller(made.secret, None) is not None


async def test_a_revoked_token_works_no_more(people: People) -> None:
    made = await people.services.tokens.create(ROOT, "ci", Role.VIEWER)

    revoked = await people.services.tokens.revoke(ROOT, made.token.token_id, "leaked")

    assert revoked is not None
    assert revoked.revoked_at == NOON
    assert await people.services.tokens.caller(made.secret, None) is None
    assert (await people.audit())[-1].reason == "leaked"


async def test_what_was_never_a_token_is_none(people: People) -> None:
    assert await people.services.tokens.caller("", None) is None
    assert await people.services.tokens.caller("bct_\ud800\0", None) is None
    assert await people.services.tokens.revoke(ROOT, "no\0such") is None


async def test_the_last_use_is_seen_to_the_minute(people: People) -> None:
    made = await people.services.tokens.create(ROOT, "ci", Role.VIEWER)
    people.clock.move(hours=1)
    await people.services.tokens.caller(made.secret, None)
    people.clock.move(seconds=30)
    await people.services.tokens.caller(made.secret, None)

    (token,) = await people.services.tokens.all()
    assert token.used_at == NOON + timedelta(hours=1)


async def test_a_disabled_accounts_tokens_do_not_work(people: People) -> None:
    account = await people.services.accounts.create(ROOT, "ann", Role.OPERATOR, password=PASSWORD)
    ann = Caller("ann", Way.SESSION, Role.OPERATOR, account_id=account.account_id)
    made = await people.services.tokens.create(ann, "ann's script", Role.OPERATOR)

    await people.services.accounts.disable(ROOT, "ann")
    assert await people.services.tokens.caller(made.secret, None) is None

    await people.services.accounts.enable(ROOT, "ann")
    assert await people.services.tokens.caller(made.secret, None) is not None


async def test_a_token_may_do_no_more_than_the_account_it_was_made_by(people: People) -> None:
    account = await people.services.accounts.create(ROOT, "ann", Role.ADMIN)
    await people.services.accounts.create(ROOT, "bob", Role.ADMIN)
    ann = Caller("ann", Way.SESSION, Role.ADMIN, account_id=account.account_id)
    made = await people.services.tokens.create(ann, "script", Role.ADMIN)

    await people.services.accounts.change_role(ROOT, "ann", Role.VIEWER)

    caller = await people.services.tokens.caller(made.secret, None)
    assert caller is not None
    assert caller.role is Role.VIEWER


async def a_connector(people: People) -> str:
    made = await connector_identity(people.services.desk.engine, "c1", "lab", NOON, str)
    return made.connector_id


async def test_a_connectors_token_is_that_connector_and_nobody_else(people: People) -> None:
    made = await people.services.tokens.create_for_connector(ROOT, await a_connector(people), "w")
    assert made is not None

    caller = await people.services.tokens.caller(made.secret, None)

    assert caller == Caller("w", Way.CONNECTOR, None, None, "c1")


async def test_rotating_revokes_the_connectors_tokens_before_it(people: People) -> None:
    await a_connector(people)
    old = await people.services.tokens.create_for_connector(ROOT, "c1", "w")
    other = await people.services.tokens.create(ROOT, "ci", Role.VIEWER)

    new = await people.services.tokens.rotate(ROOT, "c1", "w")

    assert old is not None
    assert new is not None
    assert await people.services.tokens.caller(old.secret, None) is None
    assert await people.services.tokens.caller(new.secret, None) is not None
    assert await people.services.tokens.caller(other.secret, None) is not None
    assert (await people.actions())[-1] == "token.rotated"


async def test_of_tokens_that_are_rotated_at_once_one_is_left(people: People) -> None:
    await a_connector(people)
    tokens = people.services.tokens
    await asyncio.gather(*(tokens.rotate(ROOT, "c1", f"w{number}") for number in range(6)))

    assert [one.revoked_at for one in await tokens.all()].count(None) == 1


async def test_there_are_no_tokens_of_a_connector_that_there_is_not(people: People) -> None:
    assert await people.services.tokens.create_for_connector(ROOT, "c\0", "w") is None
    assert await people.services.tokens.rotate(ROOT, "unknown", "w") is None
