"""Cursors lead back to where a listing stopped; free text goes into every database."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.domain.records import (
    BadCursorError,
    Decision,
    QuarantineRecord,
    Resolution,
    cursor_at,
    cursor_of,
    place_of,
    position_of,
    storable,
)
from tests.unit.samples import NOON

moments = st.integers(0, 1 << 54).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


def record(at: datetime, message_id: str, connector_id: str) -> QuarantineRecord:
    return QuarantineRecord(
        message_id, connector_id, "event-not-json", "", 1, 1, None, at, at, *[None] * 5
    )


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def test_a_cursor_leads_back_to_where_the_listing_stopped() -> None:
    assert position_of(cursor_at(NOON, 7)) == (NOON, 7)
    assert place_of(cursor_of(record(NOON, "m-1", "con-1"))) == (NOON, "m-1", "con-1")


@given(moments, st.integers(0, (1 << 63) - 1))
def test_a_cursor_stands_for_the_time_and_key_it_was_made_of(at, key) -> None:
    assert position_of(cursor_at(at, key)) == (at, key)


@given(moments, st.text(), st.text())
def test_a_cursor_of_the_quarantine_stands_for_its_row(at, message_id, connector_id) -> None:
    place = place_of(cursor_of(record(at, message_id, connector_id)))
    assert place == (at, storable(message_id), storable(connector_id))


@pytest.mark.parametrize("read", [position_of, place_of])
@pytest.mark.parametrize(
    "text",
    [b"", b"x", b"1", b"1:", b"1:2:3", b"1:-1", b"1:9223372036854775808", b"9" * 40 + b":1",
     b"[]", b"[1,2,3]", b'["a","b","c"]', b'[1,"a",2]', b'[1,2,"a"]', b"[" * 100_000, b"\xff:1",
     b'[1e400,"a","b"]'],
)  # fmt: skip
def test_what_no_listing_gave_out_is_no_cursor(read, text) -> None:
    with pytest.raises(BadCursorError):
        read(encoded(text))
    with pytest.raises(BadCursorError):
        read("\u00fc")


def test_a_cursor_tells_microseconds_apart() -> None:
    later = NOON + timedelta(microseconds=1)
    assert cursor_at(NOON, 1) != cursor_at(later, 1)


def test_a_decision_gives_the_reason_why_its_event_was_skipped() -> None:
    retried = Decision("m", "con-1", Resolution.RETRIED, "ann", successor="m2")
    assert retried.reason == "retried: sent to the queue again as message m2"
    discarded = Decision("m", "con-1", Resolution.DISCARDED, "ann", because="a test")
    assert discarded.reason == "discarded: a test (ann)"


def test_text_is_stored_without_what_databases_refuse() -> None:
    assert storable("a\0b\ud800c\u00fc") == "a\ufffdb?c\u00fc"
