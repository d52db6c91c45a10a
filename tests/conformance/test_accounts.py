"""Accounts: who may be one, with which password, and who may not go."""

import asyncio

import pytest

from benchling_connector.domain.access import Role
from benchling_connector.domain.errors import Refused
from benchling_connector.platform.accounts import Identity
from benchling_connector.platform.attempts import Delayed
from tests.people import PASSWORD, ROOT, People, people_on


async def refusal(attempt: object) -> str:
    with pytest.raises(Refused) as refused:
        await attempt  # type: ignore[misc]
    return refused.value.code


async def test_a_new_account_signs_in_with_its_password(people: People) -> None:
    made = await people.services.accounts.create(ROOT, "Ann", Role.OPERATOR, password=PASSWORD)

    opened = await people.services.sign_in.by_password("ann", PASSWORD, "10.0.0.1")

    assert (made.name, made.role, made.has_password) == ("ann", Role.OPERATOR, True)
    assert opened is not None
    assert not isinstance(opened, Delayed)
    assert (opened.caller.name, opened.caller.role) == ("ann", Role.OPERATOR)


async def test_no_name_is_given_twice_whatever_its_capitals(people: People) -> None:
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER)

    again = people.services.accounts.create(ROOT, "ANN", Role.ADMIN)

    assert await refusal(again) == "account-name-taken"


@pytest.mark.parametrize("name", ["", " ", "a b", "a\0", "x" * 101, "-ann", "a/b", "\ud800"])
async def test_an_odd_name_is_refused(people: People, name: str) -> None:
    made = people.services.accounts.create(ROOT, name, Role.VIEWER)

    assert await refusal(made) == "account-name-invalid"


async def test_a_weak_password_is_refused_and_nothing_is_made(people: People) -> None:
    made = people.services.accounts.create(ROOT, "ann", Role.VIEWER, password="short")

    assert await refusal(made) == "password-refused"
    assert await people.services.accounts.all() == ()
    assert await people.audit() == []


async def test_the_password_is_nowhere_in_the_database_or_the_audit(people: People) -> None:
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)
    await people.services.accounts.set_password(ROOT, "ann", PASSWORD + "!")

    assert PASSWORD not in str(await people.audit())
    async with people.services.desk.reading() as connection:
        rows = await connection.exec_driver_sql("SELECT * FROM accounts")
        told = str(rows.all())
    assert PASSWORD not in told
    assert "$argon2id$" in told


async def test_another_password_holds_at_once_and_ends_all_sessions(people: People) -> None:
    services = people.services
    await services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)
    opened = await services.sign_in.by_password("ann", PASSWORD, None)
    assert opened is not None
    assert not isinstance(opened, Delayed)

    await services.accounts.set_password(ROOT, "ann", "another long one")

    assert await services.sessions.find(opened.secret, None) is None
    assert await services.sign_in.by_password("ann", PASSWORD, None) is None
    assert await services.sign_in.by_password("ann", "another long one", None) is not None


async def test_a_disabled_account_cannot_sign_in_until_it_is_enabled(people: People) -> None:
    services = people.services
    await services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)
    opened = await services.sign_in.by_password("ann", PASSWORD, None)
    assert opened is not None
    assert not isinstance(opened, Delayed)

    await services.accounts.disable(ROOT, "ann")

    assert await services.sessions.find(opened.secret, None) is None
    assert await services.sign_in.by_password("ann", PASSWORD, None) is None
    await services.accounts.enable(ROOT, "ann")
    assert await services.sign_in.by_password("ann", PASSWORD, None) is not None


async def test_the_last_administrator_can_neither_be_disabled_nor_demoted(people: People) -> None:
    accounts = people.services.accounts
    await accounts.create(ROOT, "ann", Role.ADMIN)
    await accounts.create(ROOT, "bob", Role.ADMIN)
    await accounts.disable(ROOT, "bob")

    assert await refusal(accounts.disable(ROOT, "ann")) == "account-last-admin"
    assert await refusal(accounts.change_role(ROOT, "ann", Role.OPERATOR)) == "account-last-admin"
    ann = await accounts.get("ann")
    assert ann is not None
    assert (ann.role, ann.disabled_at) == (Role.ADMIN, None)


async def test_of_two_administrators_who_go_at_once_one_stays(people: People) -> None:
    for name in ("ann", "bob"):
        await people.services.accounts.create(ROOT, name, Role.ADMIN)

    async with people_on(people.url) as other:
        outcomes = await asyncio.gather(
            people.services.accounts.disable(ROOT, "ann"),
            other.services.accounts.change_role(ROOT, "bob", Role.VIEWER),
            return_exceptions=True,
        )

    assert sum(isinstance(one, Refused) for one in outcomes) == 1


async def test_what_is_unknown_is_none(people: People) -> None:
    accounts = people.services.accounts
    assert await accounts.get("nobody") is None
    assert await accounts.disable(ROOT, "no\0body") is None
    assert await accounts.change_role(ROOT, "\ud800", Role.ADMIN) is None


async def test_every_change_is_in_the_audit_with_what_was_and_what_is(people: People) -> None:
    accounts = people.services.accounts
    await accounts.create(ROOT, "ann", Role.ADMIN, password=PASSWORD)
    await accounts.create(ROOT, "bob", Role.ADMIN, reason="on call")
    await accounts.change_role(ROOT, "bob", Role.VIEWER, "off call")
    await accounts.set_password(ROOT, "bob", PASSWORD)
    await accounts.disable(ROOT, "bob")
    await accounts.enable(ROOT, "bob")

    records = await people.audit()
    assert [one.action for one in records] == [
        "account.created",
        "account.created",
        "account.role_changed",
        "account.password_set",
        "account.disabled",
        "account.enabled",
    ]
    changed = records[2]
    assert (changed.actor, changed.way, changed.subject) == ("root@lab", "cli", "bob")
    assert (changed.old, changed.new) == ('{"role":"admin"}', '{"role":"viewer"}')
    assert changed.reason == "off call"


async def test_what_changes_nothing_is_no_deed(people: People) -> None:
    accounts = people.services.accounts
    await accounts.create(ROOT, "ann", Role.VIEWER)
    await accounts.change_role(ROOT, "ann", Role.VIEWER)
    await accounts.enable(ROOT, "ann")
    await accounts.disable(ROOT, "ann")
    await accounts.disable(ROOT, "ann")

    assert await people.actions() == ["account.created", "account.disabled"]


def identity(role: Role = Role.VIEWER, name: str = "ann", subject: str = "s1") -> Identity:
    return Identity("https://issuer.example", subject, name, "ann@lab.example", role)


async def test_who_comes_from_an_issuer_gets_an_account_once(people: People) -> None:
    accounts = people.services.accounts
    first = await accounts.of_identity(ROOT, identity())
    renamed = await accounts.of_identity(ROOT, identity(name="anna"))

    assert first.account_id == renamed.account_id
    assert [one.name for one in await accounts.all()] == ["ann"]


async def test_an_issuer_gives_nobody_the_account_of_another_by_a_name(people: People) -> None:
    accounts = people.services.accounts
    mine = await accounts.create(ROOT, "ann", Role.ADMIN, password=PASSWORD)

    theirs = await accounts.of_identity(ROOT, identity())

    assert theirs.account_id != mine.account_id
    assert (theirs.name, theirs.role) == ("ann-2", Role.VIEWER)


async def test_the_role_follows_the_issuer(people: People) -> None:
    accounts = people.services.accounts
    await accounts.of_identity(ROOT, identity(Role.VIEWER))

    assert (await accounts.of_identity(ROOT, identity(Role.OPERATOR))).role is Role.OPERATOR


async def test_a_disabled_account_does_not_come_back_through_its_issuer(people: People) -> None:
    await people.services.accounts.of_identity(ROOT, identity())
    await people.services.accounts.disable(ROOT, "ann")

    assert await people.services.sign_in.by_identity(identity(Role.ADMIN), None) is None
