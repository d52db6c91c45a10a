"""A message body becomes an event, or is rejected with a reason; nothing else can happen."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import Event, Rejected, ResourceKey, Schema, decode
from benchling_connector.domain.problems import PROBLEMS
from tests.fuzz.decoder import check
from tests.unit.samples import body, detail, envelope, event


def rejected(text: str) -> str:
    found = decode(text, catalog())
    assert isinstance(found, Rejected), found
    assert found.code in PROBLEMS
    assert found.reason.startswith(found.code)
    return found.code


@pytest.mark.parametrize("event_type", sorted(catalog().event_types))
def test_every_known_type_leads_to_its_resource(event_type) -> None:
    known = catalog().event_types[event_type]
    found = event(
        event_type=event_type,
        key=known.payload_key,
        resource={"id": "x_1", "apiURL": "https://acme.benchling.com/api/v2/molecules/x_1"},
    )
    family = "entity.molecule" if known.family == "entity.*" else known.family
    assert found.resource == ResourceKey("x_1", "family", family)
    assert found.resource_type == event_type.split(".")[1]


@pytest.mark.parametrize(("path", "family"), sorted(catalog().entity_families().items()))
def test_the_path_of_api_url_tells_the_kind_of_entity(path, family) -> None:
    url = f"https://acme.benchling.com{path}/seq_1"
    found = event(event_type="v2.entity.registered", key="entity", resource=entity(url))
    assert found.resource == ResourceKey("seq_1", "family", family)


def entity(url: object, **more: object) -> dict[str, object]:
    return {"id": "seq_1", "apiURL": url, **more}


def test_a_kind_of_entity_nobody_knows_yet_is_read_by_its_path_alone() -> None:
    url = "https://evil.example.com/api/v2/peptides/seq_1?redirect=1"
    found = event(event_type="v2.entity.registered", key="entity", resource=entity(url))
    assert found.resource == ResourceKey("seq_1", "path", path="/api/v2/peptides/seq_1")


@pytest.mark.parametrize(
    "url",
    ["", None, 7, "https://h/api/v2/assay-runs/seq_1/automation-output-processors", "http://[",
     "https://h/api/v2/dna-sequences/other", "https://h/api/v2/../../seq_1", "/evil/v2/x/seq_1"],
)  # fmt: skip
def test_an_entity_without_a_usable_path_is_read_by_its_registry(url) -> None:
    more = {"registryId": "src_1", "entityRegistryId": "PRO-1"}
    found = event(
        event_type="v2.entity.registered", key="entity", resource=entity(url, **more)
    ).resource
    assert (found.way, found.registry_id, found.entity_registry_id) == (
        "registry", "src_1", "PRO-1",
    )  # fmt: skip
    assert (
        event(event_type="v2.entity.registered", key="entity", resource=entity(url)).resource.way
        == "unnamed"
    )


def test_an_unknown_type_keeps_its_resource_id_and_is_not_read() -> None:
    found = event(event_type="v2.teleport.started", key="teleport", resource={"id": "tp_1"})
    assert found.resource == ResourceKey("tp_1", "none")
    assert not found.resource.readable
    stray_key = event(event_type="v2.teleport.started", key="beam", resource={"id": "tp_1"})
    assert stray_key.resource.id == "tp_1"


@pytest.mark.parametrize("resource_id", [".", "..", "...", None, 7, ""])
def test_an_id_that_is_no_name_is_never_put_into_a_path(resource_id) -> None:
    found = event(resource={"id": resource_id}).resource
    assert found.way == "unnamed"
    assert not found.readable


def test_the_schema_is_the_details_own_else_the_resources_else_none() -> None:
    own = {"id": "ts_1", "name": "Run"}
    other = {"id": "ts_2", "name": "Other"}
    assert event(schema=own, resource={"id": "e", "schema": other}).schema == Schema("ts_1", "Run")
    assert event(resource={"id": "e", "schema": other}).schema == Schema("ts_2", "Other")
    group = {"id": "prs_1", "workflowTaskSchema": other, "schema": own}
    found = event(
        event_type="v2.workflowTaskGroup.created", key="workflowTaskGroup", resource=group
    )
    assert found.schema_id == "ts_2"
    assert event().schema is None
    assert event(schema={"id": "ts_1", "name": None}).schema == Schema("ts_1", None)
    assert event(schema={"id": "ts_1", "name": "a\x00b"}).schema == Schema("ts_1", None)
    assert event(schema="ts_1").schema is None


def test_the_envelope_is_kept_as_the_text_it_came_as() -> None:
    event_text = (
        '{"id":"evt_1", "eventType":"v2.entry.created","n":1.10,"n":12345678901234567890123}'
    )
    text = f'\n {{"detail" :{event_text}}} '
    found = decode("\ufeff" + text, catalog())
    assert isinstance(found, Event)
    assert found.envelope.decode() == text.strip()
    assert found.created_at is None
    assert found.bridged_at is None


def test_a_second_delivery_has_the_same_digest_and_other_content_has_not() -> None:
    first = event()
    shuffled = dict(reversed(detail().items()))
    again = decode(body(shuffled, id="another", time="2026-03-02T00:00:00Z"), catalog())
    assert isinstance(again, Event)
    assert again.digest == first.digest
    assert event(resource={"id": "etr_1", "name": "x"}).digest != first.digest


def test_times_are_understood_whatever_their_zone_and_never_cost_an_event() -> None:
    assert (
        event(createdAt="2026-03-01T13:00:00+02:00").created_at
        == event(createdAt="2026-03-01T11:00:00").created_at
    )
    for odd in ("soon", 12, None, "0001-01-01T00:00:00+23:00"):
        assert event(createdAt=odd).created_at is None


def test_a_lone_surrogate_or_deep_nesting_makes_an_event_awkward_and_no_more() -> None:
    text = body().replace('"deprecated"', r'"odd": "\ud800", "deprecated"')
    found = decode(text, catalog())
    assert isinstance(found, Event)
    assert found.awkward
    schema = {"id": "ts_1", "name": "Run", "more": {"of": "it"}}
    nested = body(detail(resource={"id": "etr_7", "schema": schema}))
    found = decode(nested.replace('"deprecated"', r'"odd": "\ud800", "deprecated"'), catalog())
    assert isinstance(found, Event)
    assert (found.resource.id, found.schema) == ("etr_7", Schema("ts_1", "Run"))
    deep = body().replace('"deprecated"', '"odd": ' + "[" * 50_000 + "]" * 50_000 + ', "x"')
    found = decode(deep, catalog())
    assert isinstance(found, Event)
    assert found.awkward
    assert not event().awkward


@pytest.mark.parametrize("number", ["1E400", "-1e999", "9" * 5000, "[[1.8e308]]"])
def test_a_number_that_strict_readers_refuse_makes_an_event_awkward(number) -> None:
    inside = body().replace('"deprecated": false', f'"deprecated": {number}')
    beside = body().replace('"version": "0"', f'"version": {number}')
    for text in (inside, beside):
        found = decode(text, catalog())
        assert isinstance(found, Event)
        assert found.awkward
        assert number in found.envelope.decode()
    again = decode(inside.replace("us-east-1", "eu-west-1"), catalog())
    assert isinstance(again, Event)
    assert again.digest == decoded(inside).digest
    assert decoded(beside).digest == event().digest


def decoded(text: str) -> Event:
    found = decode(text, catalog())
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\ud800", "event-not-text"),
        ("", "event-not-json"),
        ("not JSON", "event-not-json"),
        (body()[:-1], "event-not-json"),
        ("[]", "event-not-an-object"),
        ("12", "event-not-an-object"),
        ("null", "event-not-an-object"),
        (r'["\ud800"]', "event-not-an-object"),
        (r'"\ud800"', "event-not-an-object"),
        ("{}", "event-without-detail"),
        (json.dumps(envelope(None) | {"detail": None}), "event-without-detail"),
        (json.dumps(envelope(None) | {"detail": "x"}), "event-without-detail"),
        (json.dumps(envelope(None) | {"detail": [1]}), "event-without-detail"),
        ('{"message": {"type": "v2.entry.created"}, "channel": "events"}', "event-webhook"),
        ('{"message": "hello"}', "event-without-detail"),
        (body(detail(event_id="")), "event-without-id"),
        (body({"eventType": "v2.entry.created"}), "event-without-id"),
        (body(detail() | {"id": 5}), "event-without-id"),
        (body(detail(event_type="")), "event-without-type"),
        (body(detail(event_type="entry")), "event-without-type"),
        (body(detail(event_type="v2.")), "event-without-type"),
        (body(detail() | {"eventType": ["v2.entry.created"]}), "event-without-type"),
        (body(detail(event_id="e" * 201)), "event-bad-identifier"),
        (body(detail(event_id="e\n1")), "event-bad-identifier"),
        (body(detail(event_id="e\ud8001")), "event-bad-identifier"),
        (body(detail(event_type="v2." + "ü" * 100)), "event-bad-identifier"),
        (body(detail(schema={"id": "\x00"})), "event-bad-identifier"),
        (body(detail(resource={"id": "x" * 201})), "event-bad-identifier"),
    ],
)
def test_what_is_no_benchling_event_is_rejected_with_its_reason(text, code) -> None:
    assert rejected(text) == code


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "detail", "eventType", "schema", "x"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_keys_makes_no_other_event(value, random) -> None:
    def shuffled(of: Any) -> Any:
        if isinstance(of, dict):
            keys = random.sample(list(of), len(of))
            return {key: shuffled(of[key]) for key in keys}
        return [shuffled(one) for one in of] if isinstance(of, list) else of

    whole = detail(resource={**value, "id": "etr_1"})
    text = body(whole).replace("NaN", "0").replace("Infinity", "1")
    again = json.dumps(shuffled(json.loads(text)), indent=1)
    assert decoded(again).digest == decoded(text).digest


@given(st.binary(max_size=200))
def test_no_bytes_are_too_much(data) -> None:
    check(data)


@given(
    json_values,
    st.sampled_from(["detail", "id", "eventType", "schema", "entry", "createdAt", "entity"]),
    st.integers(0, 400),
    st.text(max_size=5),
)
def test_nothing_that_is_done_to_an_event_breaks_a_promise(value, key, at, piece) -> None:
    whole = json.dumps(envelope(detail() | {key: value}))
    for text in (whole, whole[:at] + piece + whole[at:], whole[:at] + whole[at + len(piece) :]):
        check(text.encode("utf-8", "surrogatepass"))


@given(json_values, st.sampled_from(["detail", "id", "eventType", "schema", "entry", "createdAt"]))
def test_no_shape_of_any_field_is_too_much(value, key) -> None:
    texts = [
        json.dumps(value),
        json.dumps({key: value}),
        body(detail() | {key: value}),
        body(detail(event_type="v2.entity.registered", key="entity", resource={key: value})),
    ]
    for text in texts:
        assert isinstance(decode(text, catalog()), Event | Rejected)


@given(st.text())
def test_no_text_is_too_much(text) -> None:
    assert isinstance(decode(text, catalog()), Event | Rejected)
