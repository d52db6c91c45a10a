"""RAW files: valid, grouped, cut, at their paths, with every value as the server wrote it."""

import hashlib
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.domain.answer import Answer, Fetched, resources, unavailable, unread
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import Event, ResourceKey, decode
from benchling_connector.domain.plan import plan, single
from benchling_connector.domain.rawfile import (
    Enriched,
    Origin,
    RawFile,
    compose,
    draft,
    moment,
    path_of,
)
from tests.unit.samples import NOON, body, detail, event

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/raw-file.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
ORIGIN = Origin("https://acme.benchling.com", "con-1", "benchling", "0.1.0")
FILE_ID = "0b6c4a3e-8e4c-4a8e-9a57-2f0a3f6f9b11"


def fetched(resource: bytes = b'{"id":"etr_1"}') -> Fetched:
    return Fetched("fetched", 200, "/api/v2/entries/etr_1", NOON, resource, None)


def files(enriched: list[Enriched], events_per_file: int = 10) -> list[RawFile]:
    return [compose(part, FILE_ID, NOON, ORIGIN) for part in draft(enriched, events_per_file)]


def document(file: RawFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.body)
    VALIDATOR.validate(found)
    return found


def test_a_file_is_what_its_schema_says() -> None:
    (file,) = files([Enriched(event(schema={"id": "ts_1", "name": "Entry"}), fetched())])
    found = document(file)
    assert found["fileId"] == FILE_ID
    assert found["createdAt"] == "2026-03-01T12:00:00.000000Z"
    assert found["benchlingUrl"] == "https://acme.benchling.com"
    assert found["connector"] == {"id": "con-1", "name": "benchling", "version": "0.1.0"}
    assert (found["resourceType"], found["eventCount"]) == ("entry", 1)
    assert found["schema"] == {"id": "ts_1", "name": "Entry"}
    (entry,) = found["resources"]
    assert entry["fetch"] == {
        "status": "fetched",
        "httpStatus": 200,
        "path": "/api/v2/entries/etr_1",
        "fetchedAt": "2026-03-01T12:00:00.000000Z",
        "error": None,
    }
    assert file.sha256 == hashlib.sha256(file.body).hexdigest()
    assert file.path == f"resource_type=entry/schema_id=ts_1/date=2026-03-01/{FILE_ID}.json"
    assert (file.file_id, file.created_at) == (FILE_ID, NOON)
    assert (file.resource_type, file.schema_id) == ("entry", "ts_1")


def test_a_resource_that_cannot_be_read_is_null_with_status_and_error() -> None:
    call = single(event().resource, catalog())
    refused = unavailable(call, Answer(404, b' {"error":{"message":"gone","n":1.0}} ', NOON))
    (file,) = files([Enriched(event(), refused)])
    assert b'{"error":{"message":"gone","n":1.0}}' in file.body
    (entry,) = document(file)["resources"]
    assert (entry["resource"], entry["fetch"]["httpStatus"]) == (None, 404)
    plain = unavailable(call, Answer(403, b"no \xff", NOON))
    (file,) = files([Enriched(event(), plain)])
    assert document(file)["resources"][0]["fetch"]["error"] == "no \ufffd"


def test_an_unknown_type_is_stored_without_a_resource() -> None:
    odd = event(event_type="v2.teleport.started", key="teleport", resource={"id": "tp_1"})
    (file,) = files([Enriched(odd, unread(odd.resource))])
    (entry,) = document(file)["resources"]
    assert entry["fetch"]["status"] == "unsupported"
    assert entry["id"] == "tp_1"


def test_events_without_a_resource_id_stand_together() -> None:
    nameless = [event(f"evt_{n}", resource={"name": "x"}) for n in range(3)]
    (file,) = files([Enriched(e, unread(e.resource)) for e in nameless])
    (entry,) = document(file)["resources"]
    assert (entry["id"], len(entry["events"])) == (None, 3)
    assert entry["fetch"]["status"] == "unavailable"


def test_grouping_is_by_type_and_schema_order_by_resource_and_time() -> None:
    def one(name: str, resource: str, schema: str | None, at: str) -> Enriched:
        found = event(
            name,
            resource={"id": resource},
            schema={"id": schema, "name": None} if schema else None,
            createdAt=f"2026-03-01T{at}:00Z",
        )
        return Enriched(found, fetched(b'{"id":"%s"}' % resource.encode()))

    mixed = [
        one("e5", "b", "ts_1", "10:00"),
        one("e1", "a", "ts_1", "11:00"),
        one("e2", "a", "ts_1", "09:00"),
        one("e3", "a", None, "09:00"),
        one("e4", "c", "ts_2", "09:00"),
    ]
    found = {file.schema_id: document(file) for file in files(mixed)}
    assert set(found) == {"ts_1", "ts_2", None}
    assert found[None]["schema"] is None
    order = [
        (entry["id"], [e["detail"]["id"] for e in entry["events"]])
        for entry in found["ts_1"]["resources"]
    ]
    assert order == [("a", ["e2", "e1"]), ("b", ["e5"])]


def test_a_resources_events_are_cut_apart_by_nothing_but_a_full_file() -> None:
    mixed = [
        ("e1", "B", "09:00"),
        ("e2", "A", "11:00"),
        ("e3", None, "12:00"),
        ("e4", "A", "08:00"),
    ]
    found = files(
        [
            Enriched(
                event(name, resource={"id": of} if of else {}, createdAt=f"2026-03-01T{at}:00Z"),
                fetched(),
            )
            for name, of, at in mixed
        ],
        3,
    )
    assert [[i.event.id for i in file.content] for file in found] == [["e3", "e4", "e2"], ["e1"]]


def test_an_event_without_a_time_stands_behind_those_with_one() -> None:
    (file,) = files([Enriched(event(n, createdAt=at), fetched()) for n, at in (
        ("e1", None), ("e2", "2026-03-01T09:00:00Z"), ("e3", "2026-03-01T08:00:00Z"),
    )])  # fmt: skip
    assert [item.event.id for item in file.content] == ["e3", "e2", "e1"]


@given(st.integers(1, 45), st.integers(1, 12))
def test_no_file_holds_more_than_ten_events_nor_more_than_asked(count, size) -> None:
    many = [event(f"evt_{n}", resource={"id": f"etr_{n % 7}"}) for n in range(count)]
    found = files([Enriched(e, fetched()) for e in many], size)
    assert all(1 <= len(file.content) <= min(size, 10) for file in found)
    names = [
        e["detail"]["id"]
        for file in found
        for r in document(file)["resources"]
        for e in r["events"]
    ]
    assert sorted(names) == sorted(e.id for e in many)
    assert len(found) == -(-count // min(size, 10))


def test_an_id_stands_for_one_reading_in_a_file() -> None:
    known, unknown = event("e1"), event("e2", event_type="v2.entry.teleported")
    found = files([Enriched(known, fetched()), Enriched(unknown, unread(unknown.resource))])
    statuses = [r["fetch"]["status"] for file in found for r in document(file)["resources"]]
    assert sorted(statuses) == ["fetched", "unsupported"]
    assert len(found) == 2


def test_awkward_texts_get_files_of_their_own() -> None:
    text = body(detail("e2")).replace('"deprecated"', r'"odd": "\udfff", "deprecated"')
    odd = decode(text, catalog())
    assert isinstance(odd, Event)
    found = files([Enriched(e, fetched()) for e in (event("e1"), odd, event("e3"))])
    assert [[i.event.id for i in file.content] for file in found] == [["e1"], ["e2"], ["e3"]]
    assert json.loads(found[1].body)["resources"][0]["events"][0] == json.loads(text)


def test_a_number_out_of_range_makes_no_file_hard_to_read_but_its_own() -> None:
    text = body(detail("e2"), account="BIG").replace('"BIG"', "1E400")
    odd = decode(text, catalog())
    assert isinstance(odd, Event)
    found = files([Enriched(e, fetched()) for e in (event("e1"), odd, event("e3"))])
    assert [[i.event.id for i in file.content] for file in found] == [["e1"], ["e2"], ["e3"]]
    for file in (found[0], found[2]):
        assert msgspec.json.decode(file.body) == document(file)


@pytest.mark.parametrize(
    ("value", "part"),
    [("ts_1", "ts_1"), ("a/b", "a%2Fb"), ("ü", "%C3%BC"), ("..", "%2E."), ("a~b c", "a%7Eb%20c"),
     ("%", "%25"), (".x", "%2Ex"), ("A-Z.9", "A-Z.9"), (None, "none")],
)  # fmt: skip
def test_path_parts_are_percent_encoded(value, part) -> None:
    assert path_of("entry", value, NOON, "f") == (
        f"resource_type=entry/schema_id={part}/date=2026-03-01/f.json"
    )


def test_moments_are_written_in_utc() -> None:
    at = datetime.fromisoformat("2026-03-01T01:00:00.5+02:00")
    assert moment(at) == "2026-02-28T23:00:00.500000Z"
    assert moment(at.astimezone(UTC)) == moment(at)


def test_moments_are_written_in_utc_wherever_the_machine_stands(monkeypatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert moment(NOON) == "2026-03-01T12:00:00.000000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_schemas_name_is_taken_from_an_event_without_a_time_if_no_other_has_one() -> None:
    schema = {"id": "ts", "name": "Old"}
    timeless = event("e1", schema=schema, createdAt=None)
    dated = event("e2", schema={"id": "ts", "name": "New"})
    nameless = event("e3", schema={"id": "ts", "name": None})
    for items, name in (([timeless, dated], "New"), ([timeless, nameless], "Old")):
        (file,) = files([Enriched(e, fetched()) for e in items])
        assert document(file)["schema"]["name"] == name


def test_the_newest_name_of_a_schema_is_the_one_in_the_file() -> None:
    def named(event_id: str, name: str | None, hour: int) -> Enriched:
        at = f"2026-03-01T{hour:02}:00:00Z"
        return Enriched(event(event_id, schema={"id": "ts", "name": name}, createdAt=at), fetched())

    (file,) = files([named("e1", "New", 11), named("e2", "Old", 9), named("e3", None, 12)])
    assert document(file)["schema"]["name"] == "New"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.from_regex(r"2026-0[1-9]-1[0-9]T10:00:00\.[0-9]{1,9}(\+00:00|Z)", fullmatch=True),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=25,
)
whole_numbers = st.sampled_from(["1.0", "0.10", "1e-07", "-0", "12345678901234567890123", "1E400"])


def exact(text: bytes) -> object:
    """JSON with every number as the digits that were written."""
    return json.loads(text, parse_float=lambda digits: digits, parse_int=lambda digits: digits)


@given(
    st.dictionaries(st.text(), json_values, max_size=6), whole_numbers, st.sampled_from([None, 2])
)
def test_any_value_a_tenant_may_answer_comes_out_equal(value, digits, indent) -> None:
    resource = json.dumps({**value, "id": "etr_1", "n": "DIGITS"}, indent=indent)
    text = resource.replace('"DIGITS"', digits).encode()
    key = ResourceKey("etr_1", "family", "entry")
    other = ResourceKey("etr_2", "family", "entry")
    alone, (many,) = single(key, catalog()), plan([key, other], catalog(), 100)
    answers = [
        (alone, b'{"entry": ' + text + b"}"),
        (alone, text),
        (many, b'{"entries" : [' + text + b' , {"id":"etr_2"}], "nextToken": null}'),
    ]
    for call, answer in answers:
        found = resources(call, Answer(200, answer, NOON))
        (file,) = files([Enriched(event(), found[key])])
        assert text in file.body
        got = exact(file.body)["resources"][0]["resource"]  # type: ignore[index]
        assert got == exact(text)


@given(st.dictionaries(st.text(), json_values, max_size=6), whole_numbers)
def test_any_event_comes_out_as_it_went_in(value, digits) -> None:
    text = body(detail(key="entry", resource={**value, "id": "etr_1"}), extra="DIGITS")
    text = text.replace('"DIGITS"', digits)
    found = decode(text, catalog())
    assert isinstance(found, Event)
    (file,) = files([Enriched(found, fetched())])
    assert text.encode() in file.body
    got = exact(file.body)["resources"][0]["events"][0]  # type: ignore[index]
    assert got == exact(text.encode())
