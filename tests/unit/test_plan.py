"""A window becomes the fewest calls; a refused one is halved until bad IDs stand alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.plan import (
    SPLIT_STATUSES,
    UNAVAILABLE_STATUSES,
    Call,
    plan,
    single,
    split,
)

C = catalog()


def keys(family: str, count: int) -> list[ResourceKey]:
    return [ResourceKey(f"x_{n}", "family", family) for n in range(count)]


def test_a_resource_is_read_once_however_many_events_name_it() -> None:
    calls = plan(keys("entry", 3) * 5, C, 100)
    assert [len(call.keys) for call in calls] == [3]


def test_a_resource_alone_is_read_singly() -> None:
    (key,) = keys("entry", 1)
    (call,) = plan([key], C, 100)
    assert call == Call("single", "entry", "/api/v2/entries/x_0", (), (key,), "entry")


@pytest.mark.parametrize("name", sorted(n for n, f in C.families.items() if f.many))
def test_families_with_a_call_for_many_are_read_by_it(name) -> None:
    family = C.families[name]
    assert family.many is not None
    (call,) = plan(keys(name, 3), C, 100)
    assert (call.kind, call.family, call.path) == ("many", name, family.many.path)
    assert (call.keys, call.match_on) == (tuple(keys(name, 3)), "id")
    assert call.answer_key == family.many.answer_key
    assert dict(call.query)[family.many.ids_param] == "x_0,x_1,x_2"
    if family.many.kind == "list":
        assert dict(call.query)["archiveReason"] == "ANY_ARCHIVED_OR_NOT_ARCHIVED"


@pytest.mark.parametrize("name", sorted(n for n, f in C.families.items() if not f.many))
def test_families_without_one_are_read_singly(name) -> None:
    assert [call.kind for call in plan(keys(name, 3), C, 100)] == ["single"] * 3


def test_a_call_for_many_is_never_larger_than_asked_nor_than_documented() -> None:
    assert [len(c.keys) for c in plan(keys("entry", 25), C, 10)] == [10, 10, 5]
    assert [len(c.keys) for c in plan(keys("workflowTask", 150), C, 1000)] == [100, 50]
    assert all(call.kind == "single" for call in plan(keys("entry", 5), C, 1))


@pytest.mark.parametrize("odd", ["a,b", "a b", "ü", "a&b=c", "a/b"])
def test_an_id_that_would_change_a_list_is_read_singly_and_encoded(odd) -> None:
    calls = plan([*keys("entry", 2), ResourceKey(odd, "family", "entry")], C, 100)
    assert sorted(call.kind for call in calls) == ["many", "single"]
    (alone,) = (call for call in calls if call.kind == "single")
    assert alone.path.count("/") == 4
    assert alone.path.isascii()


def test_ids_of_every_kind_that_a_list_can_hold_are_read_together() -> None:
    named = [ResourceKey(i, "family", "entry") for i in ("etr_Az09", "a.b", "a:b", "a~b", "a-b")]
    (call,) = plan(named, C, 100)
    assert dict(call.query)["entryIds"] == "etr_Az09,a.b,a:b,a~b,a-b"


def test_three_answers_mean_no_such_resource_and_a_fourth_too_long_a_url() -> None:
    assert sorted(UNAVAILABLE_STATUSES) == [400, 403, 404]
    assert sorted(SPLIT_STATUSES) == [400, 403, 404, 414]


def test_what_cannot_be_read_makes_no_call() -> None:
    assert plan([ResourceKey("x", "none"), ResourceKey(None, "unnamed")], C, 100) == ()


def test_entities_without_api_url_are_read_by_registry() -> None:
    a, b, c = (
        ResourceKey(i, "registry", registry_id=r, entity_registry_id=e)
        for i, r, e in (("s1", "src_1", "P1"), ("s2", "src_1", "P2"), ("s3", "src/2", "P3"))
    )
    first, second = plan([a, b, c], C, 100)
    assert first == Call(
        kind="many",
        family="entity",
        path="/api/v2/registries/src_1/registered-entities:bulk-get",
        query=(("entityRegistryIds", "P1,P2"),),
        keys=(a, b),
        answer_key="entities",
        match_on="entityRegistryId",
    )
    assert second.path == "/api/v2/registries/src%2F2/registered-entities:bulk-get"
    assert split(first, C) == (single(a, C), single(b, C))
    assert split(second, C) == ()


def test_an_unknown_kind_of_entity_is_read_by_its_path() -> None:
    key = ResourceKey("p", "path", path="/api/v2/peptides/p")
    (call,) = plan([key], C, 100)
    assert call == Call("single", "entity", "/api/v2/peptides/p", (), (key,), None)
    assert split(call, C) == ()


families = st.sampled_from(sorted(C.families))


@given(st.lists(st.tuples(families, st.integers(0, 40)), max_size=60), st.integers(1, 12))
def test_every_resource_is_in_just_one_call_and_halving_ends_in_single_reads(
    named, bulk_size
) -> None:
    wanted = [ResourceKey(f"x_{n}", "family", family) for family, n in named]
    calls = plan(wanted, C, bulk_size)
    assert sorted(map(str, (k for call in calls for k in call.keys))) == sorted(
        map(str, set(wanted))
    )
    assert all(len(call.keys) <= bulk_size for call in calls)

    def leaves(call: Call) -> list[Call]:
        halves = split(call, C)
        return [leaf for half in halves for leaf in leaves(half)] if halves else [call]

    for call in calls:
        ends = leaves(call)
        assert all(end.kind == "single" for end in ends)
        assert [key for end in ends for key in end.keys] == list(call.keys)
