"""Sessions and one-time links: how long they hold, and that they are guessed by nobody."""

import asyncio
from datetime import timedelta

from benchling_connector.domain.access import Role
from benchling_connector.platform.attempts import Delayed
from benchling_connector.platform.sessions import Opened
from tests.people import PASSWORD, ROOT, People, people_on


async def signed_in(people: People, name: str = "ann", role: Role = Role.OPERATOR) -> Opened:
    await people.services.accounts.create(ROOT, name, role, password=PASSWORD)
    opened = await people.services.sign_in.by_password(name, PASSWORD, "10.0.0.1")
    assert opened is not None
    assert not isinstance(opened, Delayed)
    return opened


async def test_a_session_knows_who_signed_in_and_its_csrf_token(people: People) -> None:
    opened = await signed_in(people)

    found = await people.services.sessions.find(opened.secret, "10.0.0.2")

    assert found is not None
    assert (found.caller.name, found.caller.role) == ("ann", Role.OPERATOR)
    assert found.caller.origin == "10.0.0.2"
    assert found.csrf == opened.csrf
    assert opened.csrf != opened.secret


async def test_a_session_ends_after_8_hours_in_which_it_was_not_used(people: People) -> None:
    opened = await signed_in(people)

    people.clock.move(hours=7, minutes=59)
    assert await people.services.sessions.find(opened.secret, None) is not None
    people.clock.move(hours=7, minutes=59)
    assert await people.services.sessions.find(opened.secret, None) is not None
    people.clock.move(hours=8)
    assert await people.services.sessions.find(opened.secret, None) is None


async def test_a_session_ends_after_7_days_however_much_it_is_used(people: People) -> None:
    opened = await signed_in(people)
    for _ in range(27):
        people.clock.move(hours=6)
        assert await people.services.sessions.find(opened.secret, None) is not None

    people.clock.move(hours=6)
    assert await people.services.sessions.find(opened.secret, None) is None


async def test_a_session_that_was_signed_out_is_over(people: People) -> None:
    opened = await signed_in(people)

    await people.services.sessions.end(opened.secret, opened.caller)

    assert await people.services.sessions.find(opened.secret, None) is None
    assert (await people.actions())[-1] == "session.ended"


async def test_another_role_ends_the_sessions(people: People) -> None:
    opened = await signed_in(people)

    await people.services.accounts.change_role(ROOT, "ann", Role.VIEWER)

    assert await people.services.sessions.find(opened.secret, None) is None


async def test_the_cookies_secret_is_nowhere_in_the_database(people: People) -> None:
    opened = await signed_in(people)

    async with people.services.desk.reading() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM sessions")).all()
    assert len(rows) == 1
    assert opened.secret not in str(rows)


async def test_sessions_that_are_over_do_not_stay_in_the_database(people: People) -> None:
    await signed_in(people)
    people.clock.move(days=8)
    await signed_in(people, "bob")

    async with people.services.desk.reading() as connection:
        rows = await connection.exec_driver_sql("SELECT name FROM sessions")
        assert list(rows.scalars()) == ["bob"]


async def test_a_link_signs_an_administrator_in_once(people: People) -> None:
    secret = await people.services.sessions.make_link(ROOT)

    first = await people.services.sessions.open_by_link(secret, "10.0.0.1")
    second = await people.services.sessions.open_by_link(secret, "10.0.0.1")

    assert first is not None
    assert (first.caller.name, first.caller.role) == ("root@lab", Role.ADMIN)
    assert await people.services.sessions.find(first.secret, None) is not None
    assert second is None


async def test_of_many_who_come_with_one_link_at_once_one_gets_in(people: People) -> None:
    secret = await people.services.sessions.make_link(ROOT)

    async with people_on(people.url) as other:
        opened = await asyncio.gather(
            *(one.services.sessions.open_by_link(secret, None) for one in (people, other) * 4)
        )

    assert sum(one is not None for one in opened) == 1


async def test_a_link_is_over_after_15_minutes(people: People) -> None:
    secret = await people.services.sessions.make_link(ROOT)

    people.clock.at += timedelta(minutes=15)
    assert await people.services.sessions.open_by_link(secret, None) is None


async def test_there_is_a_first_link_until_somebody_has_an_account(people: People) -> None:
    assert await people.services.sessions.make_first_link(ROOT) is not None

    await people.services.accounts.create(ROOT, "ann", Role.ADMIN)
    assert await people.services.sessions.make_first_link(ROOT) is None


async def test_signing_in_by_each_way_is_in_the_audit(people: People) -> None:
    await signed_in(people)
    await people.services.sessions.open_by_link(
        await people.services.sessions.make_link(ROOT), "10.0.0.1"
    )

    opened = [one for one in await people.audit() if one.action == "session.opened"]
    assert [one.new for one in opened] == [
        '{"by":"password","role":"operator"}',
        '{"by":"link","role":"admin"}',
    ]
