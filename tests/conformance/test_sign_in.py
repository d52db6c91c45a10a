"""Signing in with a password: who fails too often has to wait, and learns nothing."""

import asyncio

import pytest
from argon2 import PasswordHasher

from benchling_connector.domain.access import Role
from benchling_connector.platform.attempts import Delayed
from benchling_connector.platform.passwords import Passwords
from tests.people import PASSWORD, ROOT, People, people_on


@pytest.fixture
async def ann(people: People) -> People:
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)
    return people


async def fail(people: People, times: int, name: str = "ann", origin: str = "10.0.0.1") -> None:
    for _ in range(times):
        assert await people.services.sign_in.by_password(name, "a wrong password", origin) is None


async def wait_of(people: People, name: str = "ann", origin: str = "10.0.0.1") -> float:
    told = await people.services.sign_in.by_password(name, PASSWORD, origin)
    return told.seconds if isinstance(told, Delayed) else 0.0


async def test_after_five_failures_one_has_to_wait_twice_as_long_each_time(ann: People) -> None:
    await fail(ann, 5)
    waits = []
    for _ in range(4):
        waits.append(await wait_of(ann))
        ann.clock.move(seconds=waits[-1])
        await fail(ann, 1)

    assert waits == [1, 2, 4, 8]


async def test_who_signs_in_is_forgiven_and_the_address_is_not(ann: People) -> None:
    await fail(ann, 5)
    ann.clock.move(seconds=1)
    assert await wait_of(ann) == 0

    await fail(ann, 4, origin="10.0.0.2")
    assert await wait_of(ann, origin="10.0.0.3") == 0
    await fail(ann, 1, name="nobody")
    assert await wait_of(ann) == 2


async def test_the_wait_holds_from_any_address_for_the_name(ann: People) -> None:
    await fail(ann, 5)

    assert await wait_of(ann, origin="10.9.9.9") == 1


async def test_the_wait_holds_for_any_name_from_the_address(ann: People) -> None:
    for number in range(5):
        await fail(ann, 1, name=f"nobody-{number}")

    assert await wait_of(ann) == 1
    assert await wait_of(ann, origin="10.9.9.9") == 0


async def test_a_network_of_version_6_counts_as_one_address(ann: People) -> None:
    for number in range(5):
        await fail(ann, 1, name=f"nobody-{number}", origin=f"2001:db8::{number}")

    assert await wait_of(ann, origin="2001:db8::ffff:1") == 1
    assert await wait_of(ann, origin="2001:db8:0:1::1") == 0


async def test_a_name_waits_a_minute_at_most(ann: People) -> None:
    for number in range(20):
        ann.clock.move(seconds=60)
        await fail(ann, 1, origin=f"10.0.1.{number}")

    assert await wait_of(ann, origin="10.9.9.9") == 60


async def test_an_address_waits_a_quarter_of_an_hour_at_most(ann: People) -> None:
    for number in range(15):
        ann.clock.move(seconds=await wait_of(ann))
        await fail(ann, 1, name=f"nobody-{number}")

    assert await wait_of(ann) == 900


async def test_a_restart_forgives_nobody(ann: People) -> None:
    await fail(ann, 5)

    async with people_on(ann.url, ann.clock) as restarted:
        assert await wait_of(restarted) == 1


async def test_many_tries_at_once_are_no_way_around_the_wait(ann: People) -> None:
    tries = [
        ann.services.sign_in.by_password("ann", f"a wrong password {n}", "10.0.0.1")
        for n in range(20)
    ]

    told = await asyncio.gather(*tries)

    assert sum(one is None for one in told) == 5


async def test_the_answer_for_an_unknown_name_is_that_for_a_wrong_password(ann: People) -> None:
    for name in ("ann", "nobody", "no such name!", "\0"):
        told = await ann.services.sign_in.by_password(name, "a wrong password", f"from {name!r}")
        assert told is None


async def test_an_unknown_name_costs_a_hash_too(
    ann: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    verify = PasswordHasher.verify

    def counting(hasher: PasswordHasher, hashed: str, password: str) -> bool:
        made.append(password)
        return verify(hasher, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    sign_in = ann.services.sign_in
    await sign_in.by_password("ann", "wrong for ann", None)
    await sign_in.by_password("nobody", "wrong for nobody", None)

    assert made == ["wrong for ann", "wrong for nobody"]


async def test_failures_are_forgotten_after_an_hour(ann: People) -> None:
    await fail(ann, 5)
    ann.clock.move(hours=1)
    await fail(ann, 1)

    async with ann.services.desk.reading() as connection:
        count = await connection.exec_driver_sql("SELECT count(*) FROM sign_in_failures")
        assert count.scalar_one() == 2


async def test_a_hash_of_other_times_is_made_anew_when_its_owner_signs_in(ann: People) -> None:
    async def stored() -> str:
        async with ann.services.desk.reading() as connection:
            rows = await connection.exec_driver_sql("SELECT password_hash FROM accounts")
            return str(rows.scalar_one())

    before = await stored()
    harder = Passwords(PasswordHasher(time_cost=2, memory_cost=64))
    ann.services.sign_in._passwords = harder
    assert await wait_of(ann) == 0

    assert "m=32,t=1" in before
    assert "m=64,t=2" in await stored()
    assert await wait_of(ann) == 0


async def test_a_refusal_is_in_the_audit_without_what_may_be_a_password(ann: People) -> None:
    await fail(ann, 1)
    await fail(ann, 1, name="hunter2-secret", origin="10.0.0.2")

    refused = [one for one in await ann.audit() if one.action == "sign_in.refused"]
    assert [one.subject for one in refused] == ["ann", "unknown"]
    assert "hunter2" not in str(refused)


async def test_a_flood_of_refusals_is_counted_and_not_written_one_by_one(ann: People) -> None:
    for number in range(200):
        await fail(ann, 1, name=f"nobody-{number}", origin=f"10.1.0.{number}")
    ann.clock.move(minutes=1)
    await fail(ann, 1, name="nobody", origin="10.1.9.9")

    refused = [one for one in await ann.audit() if one.action == "sign_in.refused"]
    assert len(refused) < 30
    assert '"more":179' in str([one.new for one in refused])


async def test_who_has_to_wait_keeps_nobody_else_waiting(ann: People) -> None:
    if ann.is_sqlite:
        pytest.skip("A process has one connection to SQLite: there, everybody waits for it.")
    await fail(ann, 5)
    async with asyncio.timeout(30), ann.services.desk.exclusively():
        assert await wait_of(ann) == 1
