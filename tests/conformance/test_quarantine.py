"""The quarantine's promises, kept in memory, in SQLite and in PostgreSQL alike."""

import asyncio

import pytest

from benchling_connector.adapters.ledger import open_quarantine
from benchling_connector.domain.errors import InvalidConfiguration
from benchling_connector.domain.event import Rejected
from benchling_connector.domain.records import (
    BadCursorError,
    Decision,
    EventFilter,
    EventState,
    QuarantineFilter,
    QuarantineGroup,
    QuarantineRecord,
    Resolution,
    cursor_at,
)
from benchling_connector.ports import Quarantine, StrayMessage
from tests.ledger_homes import Home, SqlHome
from tests.ledgers import a_stray, at


def stray(message_id: str, code: str = "event-not-json", body: bytes = b"not JSON") -> StrayMessage:
    return StrayMessage(message_id, body, Rejected(code, "No event."), at(-10), at(1), 3)


def discarded(message_id: str, because: str = "a test", connector_id: str = "c1") -> Decision:
    return Decision(message_id, connector_id, Resolution.DISCARDED, "ann@lab", because=because)


def retried(message_id: str, successor: str = "m-new") -> Decision:
    return Decision(message_id, "c1", Resolution.RETRIED, "ann@lab", successor=successor)


async def fill(home: Home, connector_id: str = "c1") -> None:
    """Four messages, quarantined one second after the other; two for the same reason."""
    ledger = await home.ledger("w1", connector_id)
    codes = ["event-not-json", "event-not-json", "event-without-id", "event-webhook"]
    for number, code in enumerate(codes):
        await ledger.quarantine([stray(f"m-{number}", code)], at(number))


async def the_message(quarantine: Quarantine, message_id: str) -> QuarantineRecord:
    record = await quarantine.message(message_id)
    assert record is not None
    return record


async def test_a_message_in_quarantine_is_known_with_all_that_came_with_it(home: Home) -> None:
    await (await home.ledger()).quarantine([a_stray("m-1", b"\xff\0ab", received=1)], at(2))

    record = await the_message(home.quarantine(), "m-1")

    assert record == QuarantineRecord(
        message_id="m-1",
        connector_id="c1",
        code="event-not-json",
        sentence="The message body is not JSON.",
        size=4,
        receive_count=3,
        sent_at=at(-10),
        received_at=at(1),
        quarantined_at=at(2),
        resolution=None,
        resolved_at=None,
        resolved_by=None,
        resolved_because=None,
        successor=None,
        body=b"\xff\0ab",
    )


async def test_listings_leave_the_bodies_out_and_know_their_size(home: Home) -> None:
    ledger = await home.ledger()
    await ledger.quarantine([stray("m-1", body="é\N{DNA DOUBLE HELIX}".encode())], at(0))

    (record,) = (await home.quarantine().messages(QuarantineFilter())).rows

    assert (record.body, record.size) == (None, 6)


QUERIES = [
    (QuarantineFilter(), ["m-3", "m-2", "m-0"]),
    (QuarantineFilter(resolved=True), ["m-3", "m-2", "m-1", "m-0"]),
    (QuarantineFilter(code="event-not-json"), ["m-0"]),
    (QuarantineFilter(code="event-not-*", resolved=True), ["m-1", "m-0"]),
    (QuarantineFilter(code="event-w*"), ["m-3", "m-2"]),
    (QuarantineFilter(code="EVENT-W*"), []),
    (QuarantineFilter(code="event_not_json"), []),
    (QuarantineFilter(code="\udc80"), []),
    (QuarantineFilter(since=at(2)), ["m-3", "m-2"]),
    (QuarantineFilter(since=at(0), until=at(2)), ["m-0"]),
    (QuarantineFilter(code="*-not-*", until=at(2), resolved=True), ["m-1", "m-0"]),
]


async def test_messages_are_listed_by_reason_and_time_newest_first(home: Home) -> None:
    await fill(home)
    await home.quarantine().resolve([discarded("m-1")], at(9))

    for which, wanted in QUERIES:
        page = await home.quarantine().messages(which)
        assert [record.message_id for record in page.rows] == wanted, which
        assert page.next is None


async def test_pages_follow_each_other_without_gap_or_double_while_messages_are_resolved(
    home: Home,
) -> None:
    for connector_id, worker in (("c1", "w1"), ("c2", "w2")):
        ledger = await home.ledger(worker, connector_id)
        # At one moment, and under the same IDs: neither alone tells where a page ended.
        await ledger.quarantine([stray(f"m-{number}") for number in range(5)], at(0))
    quarantine = home.quarantine()
    whole = (await quarantine.messages(QuarantineFilter())).rows
    seen: list[QuarantineRecord] = []
    cursor = None

    for expected in (3, 3, 3, 1):
        page = await quarantine.messages(QuarantineFilter(), 3, cursor)
        assert len(page.rows) == expected
        seen += page.rows
        cursor = page.next
        await quarantine.resolve(
            [discarded(one.message_id, connector_id=one.connector_id) for one in page.rows], at(9)
        )

    assert cursor is None
    assert tuple(seen) == whole
    assert len({(one.message_id, one.connector_id) for one in whole}) == 10


NO_CURSORS = ["", "x", "MTI", cursor_at(at(0), 1), "WzEsMiwzXQ", "eyJhIjoxfQ", "\udc80", "ü"]


async def test_what_is_no_cursor_of_the_quarantine_is_refused(home: Home) -> None:
    for cursor in NO_CURSORS:
        with pytest.raises(BadCursorError):
            await home.quarantine().messages(QuarantineFilter(), 1, cursor)


async def test_groups_tell_reason_number_span_and_newest_message(home: Home) -> None:
    await fill(home)

    assert list(await home.quarantine().groups(QuarantineFilter())) == [
        QuarantineGroup("event-not-json", 2, at(0), at(1), "m-1"),
        QuarantineGroup("event-webhook", 1, at(3), at(3), "m-3"),
        QuarantineGroup("event-without-id", 1, at(2), at(2), "m-2"),
    ]


async def test_groups_are_of_what_the_filter_names(home: Home) -> None:
    await fill(home)
    await home.quarantine().resolve([discarded("m-1")], at(9))

    unresolved, everything, none = [
        await home.quarantine().groups(which)
        for which in (
            QuarantineFilter(until=at(2)),
            QuarantineFilter(until=at(2), resolved=True),
            QuarantineFilter(code="x"),
        )
    ]

    assert list(unresolved) == [QuarantineGroup("event-not-json", 1, at(0), at(0), "m-0")]
    assert list(everything) == [QuarantineGroup("event-not-json", 2, at(0), at(1), "m-1")]
    assert list(none) == []


async def test_a_retried_message_is_resolved_and_its_event_skipped_with_the_successor(
    home: Home,
) -> None:
    await fill(home)

    assert await home.quarantine().resolve([retried("m-2", "m-77")], at(9)) == frozenset()

    record = await the_message(home.quarantine(), "m-2")
    assert (record.resolution, record.resolved_at) == (Resolution.RETRIED, at(9))
    assert (record.resolved_by, record.resolved_because) == ("ann@lab", None)
    assert record.successor == "m-77"
    event = await home.reader().event("m-2")
    assert event is not None
    assert event.state is EventState.SKIPPED
    assert event.reason == "retried: sent to the queue again as message m-77"


async def test_a_discarded_message_keeps_its_bytes_with_who_when_and_why(home: Home) -> None:
    await fill(home)

    await home.quarantine().resolve([discarded("m-2", "sent by hand")], at(9))

    record = await the_message(home.quarantine(), "m-2")
    assert (record.resolution, record.resolved_at) == (Resolution.DISCARDED, at(9))
    assert (record.resolved_by, record.resolved_because) == ("ann@lab", "sent by hand")
    assert (record.successor, record.body) == (None, b"not JSON")
    assert await home.reader().body("m-2") == b"not JSON"
    event = await home.reader().event("m-2")
    assert event is not None
    assert (event.state, event.reason) == (
        EventState.SKIPPED,
        "discarded: sent by hand (ann@lab)",
    )


async def test_only_the_messages_that_are_named_are_resolved(home: Home) -> None:
    await fill(home, "c1")
    await fill(home, "c2")

    await home.quarantine().resolve([discarded("m-0"), retried("m-1")], at(9))

    left = (await home.quarantine().messages(QuarantineFilter())).rows
    assert {(one.connector_id, one.message_id) for one in left} == {
        ("c1", "m-2"),
        ("c1", "m-3"),
        *(("c2", f"m-{number}") for number in range(4)),
    }
    states = [one.state for one in (await home.reader().events(EventFilter())).rows]
    assert states.count(EventState.QUARANTINED) == 6


async def test_what_was_resolved_before_or_is_unknown_is_given_back_and_unchanged(
    home: Home,
) -> None:
    await fill(home)
    await home.quarantine().resolve([discarded("m-0", "first")], at(9))
    again, unknown = discarded("m-0", "second"), retried("m-9")

    refused = await home.quarantine().resolve([again, discarded("m-1"), unknown], at(10))

    assert refused == {again, unknown}
    assert (await the_message(home.quarantine(), "m-0")).resolved_because == "first"
    assert (await the_message(home.quarantine(), "m-1")).resolution is Resolution.DISCARDED
    event = await home.reader().event("m-0")
    assert event is not None
    assert event.reason == "discarded: first (ann@lab)"


async def test_of_two_people_who_decide_at_once_one_has_decided(home: Home) -> None:
    ledger = await home.ledger()
    await ledger.quarantine([stray(f"m-{number}") for number in range(20)], at(0))
    ours = [discarded(f"m-{number}", "ours") for number in range(20)]
    theirs = [discarded(f"m-{number}", "theirs") for number in reversed(range(20))]

    refused = await asyncio.gather(
        home.quarantine().resolve(ours, at(9)), home.quarantine().resolve(theirs, at(9))
    )

    assert len(refused[0]) + len(refused[1]) == 20
    records = (await home.quarantine().messages(QuarantineFilter(resolved=True))).rows
    for record in records:
        loser = [
            one.because for some in refused for one in some if one.message_id == record.message_id
        ]
        assert record.resolved_because not in loser


async def test_no_decisions_are_no_work(home: Home) -> None:
    assert await home.quarantine().resolve([], at(0)) == frozenset()


async def test_a_reason_for_discarding_may_hold_any_text(home: Home) -> None:
    await fill(home)

    await home.quarantine().resolve([discarded("m-0", "ü \0 \udc80")], at(9))

    record = await the_message(home.quarantine(), "m-0")
    assert record.resolved_because == "ü \N{REPLACEMENT CHARACTER} ?"


async def test_a_resolved_message_that_the_queue_brings_again_stays_resolved(home: Home) -> None:
    await fill(home)
    await home.quarantine().resolve([retried("m-0")], at(9))

    await (await home.ledger()).quarantine([stray("m-0")], at(10))

    assert (await the_message(home.quarantine(), "m-0")).resolution is Resolution.RETRIED
    event = await home.reader().event("m-0")
    assert event is not None
    assert event.state is EventState.SKIPPED


async def test_the_quarantine_of_one_connector_knows_nothing_of_anothers(home: Home) -> None:
    await fill(home, "c1")

    assert await home.quarantine("c2").message("m-0") is None
    assert (await home.quarantine("c2").messages(QuarantineFilter())).rows == ()
    assert list(await home.quarantine("c2").groups(QuarantineFilter())) == []
    assert await home.quarantine("c1").message("m-0") is not None
    assert await home.quarantine().message("unknown\0") is None


async def test_it_opens_for_the_connector_that_a_worker_of_that_configuration_would_be(
    home: Home,
) -> None:
    if not isinstance(home, SqlHome):
        pytest.skip("memory has no database to open")
    await fill(home, "c1")
    await fill(home, "c2")

    async with open_quarantine(home.url, "c2", connector_name="x", to_decide=True) as opened:
        assert await opened.resolve([discarded("m-0", connector_id="c2")], at(9)) == frozenset()
        assert (await the_message(opened, "m-0")).connector_id == "c2"
    async with open_quarantine(home.url, connector_name="benchling") as opened:
        assert (await the_message(opened, "m-0")).connector_id == "c1"  # the older of two
    for unknown in ("c3", None):
        with pytest.raises(InvalidConfiguration, match="knows no connector"):
            async with open_quarantine(home.url, unknown, connector_name="x"):
                pass
