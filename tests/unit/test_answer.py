"""Benchling's answers: unwrapped where they are wrapped, and refused where they are not JSON."""

import pytest

from benchling_connector.domain.answer import (
    Answer,
    Fetched,
    UnexpectedAnswerError,
    left_out,
    resources,
    unavailable,
    unread,
)
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.plan import plan, single
from tests.unit.samples import NOON

ENTRY = ResourceKey("etr_1", "family", "entry")
SECOND = ResourceKey("etr_2", "family", "entry")
(MANY,) = plan([ENTRY, SECOND], catalog(), 100)


def read(body: bytes, key: ResourceKey = ENTRY) -> Fetched:
    return resources(single(key, catalog()), Answer(200, body, NOON))[key]


def test_a_wrapped_answer_is_unwrapped_and_a_bare_one_left_alone() -> None:
    assert read(b'{"entry": {"id":"etr_1", "x": 1.0}}').resource == b'{"id":"etr_1", "x": 1.0}'
    assert read(b' {"id":"etr_1"}\n').resource == b'{"id":"etr_1"}'
    both = b'{"entry": {"id":"etr_1"}, "also": 1}'
    assert read(both).resource == both
    sheet = ResourceKey("wks_1", "family", "worksheet")
    assert read(b'{"worksheet":{"id":"wks_1"}}', sheet).resource == b'{"id":"wks_1"}'
    run = ResourceKey("r", "family", "assayRun")
    assert read(b'{"entry":{"id":"r"}}', run).resource == b'{"entry":{"id":"r"}}'


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b'{"a":', b'{"entry": 5}', b'{"a":"\xff"}']
)
def test_what_is_no_resource_is_refused(body) -> None:
    with pytest.raises(UnexpectedAnswerError):
        read(body)


def test_a_call_for_many_gives_each_by_its_id_whatever_the_order() -> None:
    body = rb'{"entries":[{"x":1,"id":"etr_2"},{"id":"etr_1"},{"id":"etr_9"},7,{"n":1}]}'
    found = resources(MANY, Answer(200, body, NOON))
    assert {key.id: f.resource for key, f in found.items()} == {
        "etr_1": b'{"id":"etr_1"}',
        "etr_2": b'{"x":1,"id":"etr_2"}',
    }
    assert {f.path for f in found.values()} == {"/api/v2/entries:bulk-get"}


def test_one_awkward_resource_does_not_cost_its_neighbours() -> None:
    body = rb'{"entries":[{"id":"etr_1","odd":"\ud800"},5,{"id":"etr_2"}]}'
    found = resources(MANY, Answer(200, body, NOON))
    assert (found[ENTRY].awkward, found[SECOND].awkward) == (True, False)
    assert found[ENTRY].resource == rb'{"id":"etr_1","odd":"\ud800"}'


@pytest.mark.parametrize("number", [b"1E400", b"-1e999", b"9" * 5000, b"[[1.8e308]]"])
def test_a_number_that_strict_readers_refuse_makes_a_resource_awkward_and_no_more(number) -> None:
    odd = b'{"id":"etr_1","n":' + number + b"}"
    body = b'{"entries":[' + odd + b',{"id":"etr_2","n":1.10}]}'
    found = resources(MANY, Answer(200, body, NOON))
    assert (found[ENTRY].awkward, found[SECOND].awkward) == (True, False)
    assert found[ENTRY].resource == odd
    alone = read(b'{"entry":' + odd + b"}")
    assert alone.awkward
    assert alone.resource == odd
    refused = unavailable(single(ENTRY, catalog()), Answer(404, odd, NOON))
    assert refused.awkward
    assert refused.error == odd


@pytest.mark.parametrize("body", [b"{}", b'{"entries":{}}', b"<html>", b'{"entries":[}'])
def test_a_call_for_many_without_its_array_is_refused(body) -> None:
    with pytest.raises(UnexpectedAnswerError):
        resources(MANY, Answer(200, body, NOON))


def test_entities_read_by_registry_are_known_by_their_registry_id() -> None:
    key = ResourceKey("seq_1", "registry", registry_id="src_1", entity_registry_id="P1")
    call = single(key, catalog())
    body = b'{"entities":[{"id":"seq_1","entityRegistryId":"P1"}]}'
    assert resources(call, Answer(200, body, NOON))[key].resource == body[13:-2]
    assert left_out(call, Answer(200, b'{"entities":[]}', NOON)).status == "unavailable"


def test_the_reason_is_there_just_where_the_resource_is_not() -> None:
    assert read(b'{"id":"etr_1"}').reason is None
    refused = unavailable(single(ENTRY, catalog()), Answer(403, b"{}", NOON))
    assert "403" in (refused.reason or "")
    assert "unsupported" in (unread(ResourceKey("x", "none")).reason or "")
    assert "does not name" in (unread(ResourceKey(None, "unnamed")).reason or "")


def test_an_error_body_keeps_its_bytes_and_text_is_cut_to_size() -> None:
    call = single(ENTRY, catalog())
    assert unavailable(call, Answer(400, b'{"n": 1.0}', NOON)).error == b'{"n": 1.0}'
    long = unavailable(call, Answer(400, b"x" * 10_000, NOON)).error or b""
    assert len(long) == 4096 + 2
