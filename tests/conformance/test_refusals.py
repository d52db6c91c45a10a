"""Refusals in the audit: nobody floods it, and every one of them is counted."""

import json

import pytest

from benchling_connector.domain.access import Caller, Way
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import TransientError
from tests.people import People

REFUSED = Deed(Caller("anonymous", Way.TOKEN, None, "10.0.0.1"), "access.refused", subject="GET /")


async def counted(people: People) -> list[object]:
    """What each entry tells of those like the first."""
    return [json.loads(one.new)["more"] if one.new else None for one in await people.audit()]


async def refuse(people: People, times: int) -> None:
    for _ in range(times):
        await people.services.refusals.note(REFUSED)


async def test_a_count_is_written_when_its_minute_is_over(people: People) -> None:
    await refuse(people, 5)
    people.clock.move(seconds=59)
    await people.services.refusals.write_due()
    assert await counted(people) == [None]

    people.clock.move(seconds=1)
    for _ in range(2):
        await people.services.refusals.write_due()
    assert await counted(people) == [None, 4]

    await refuse(people, 2)
    await people.services.refusals.flush()
    assert await counted(people) == [None, 4, None, 1]


async def test_a_count_outlasts_an_outage_of_the_database(people: People) -> None:
    await refuse(people, 5)
    people.clock.move(minutes=1)
    await people.run("ALTER TABLE audit_head RENAME TO away")
    with pytest.raises(TransientError):
        await people.services.refusals.write_due()
    await people.run("ALTER TABLE away RENAME TO audit_head")
    await people.services.refusals.write_due()
    assert await counted(people) == [None, 4]
