"""Hostile bodies: the same from the same seed, of every sort, each from an event of its own."""

import json
from random import Random

import pytest

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.mutations import (
    LARGEST_BODY,
    WRONG,
    hostile,
    mutation,
    sqs_takes,
    wrong_shapes,
)
from benchling_connector.simulator.tenant import Tenant


def test_the_same_seed_makes_the_same_bodies_and_another_makes_others() -> None:
    def made(seed: int) -> list[str]:
        tenant = Tenant(seed=5, clock=lambda: 1_780_000_000.25)
        return [one.body for one in hostile(tenant, 400, seed)]

    assert made(1) == made(1)
    assert len(made(1)) == 400
    assert made(1) != made(2)


def test_every_field_comes_in_every_wrong_shape(tenant: Tenant) -> None:
    envelope = tenant.emit("v2.entry.created").envelope().decode()
    names = {one.name for one in wrong_shapes(envelope)}
    document = json.loads(envelope)
    fields = [
        *document,
        *(f"detail.{key}" for key in document["detail"]),
        *(f"detail.entry.{key}" for key in document["detail"]["entry"]),
    ]
    assert names >= {f"{field}: {wrong}" for field in fields for wrong in (*WRONG, "missing")}
    assert names >= {f"{field}: doubled with null" for field in fields}


def test_a_wrong_shape_is_wrong_in_one_field_only(tenant: Tenant) -> None:
    envelope = tenant.emit("v2.entry.created").envelope().decode()
    shapes = {one.name: one.body for one in wrong_shapes(envelope)}
    document = json.loads(envelope)
    event_id = document["detail"].pop("id")
    missing = json.loads(shapes["detail.id: missing"])
    assert missing == document
    pairs = json.loads(shapes["detail.id: doubled with null"], object_pairs_hook=list)
    twins = [value for key, value in dict(pairs)["detail"] if key == "id"]
    assert twins == [None, event_id]


def test_most_sorts_are_there_whatever_the_seed(tenant: Tenant) -> None:
    made = hostile(tenant, 1_000, 9)
    names = {one.name for one in made}
    assert {"megabyte", "mutation", "reused", "not JSON", "base64"} <= names
    assert any(len(one.body.encode(errors="replace")) >= LARGEST_BODY - 10 for one in made)
    refused = [one for one in made if not sqs_takes(one.body)]
    assert 10 <= len(refused) <= 100


def test_both_of_a_pair_are_events_under_one_id_with_different_content(tenant: Tenant) -> None:
    reused = [one.body for one in hostile(tenant, 600, 4) if one.name == "reused"]
    details = [json.loads(body)["detail"] for body in reused]
    for first, second in zip(details[::2], details[1::2], strict=True):
        assert first["id"] == second["id"]
        assert first != second


def test_a_mutation_changes_little(tenant: Tenant) -> None:
    random = Random(3)
    text = tenant.emit(next(iter(catalog().event_types))).envelope().decode()
    made = [mutation(text, random) for _ in range(500)]
    assert sum(one != text for one in made) > 450
    assert min(map(len, made)) < len(text) / 10


@pytest.mark.parametrize(
    ("body", "taken"),
    [("", False), ("x", True), ("a\x00", False), ("\ud800", False), ("\t\n\r\x7f", True),
     ("\uffff", False), ("x" * LARGEST_BODY, True), ("x" * (LARGEST_BODY + 1), False),
     ("é" * (LARGEST_BODY // 2 + 1), False), ("\U0001f9ec", True)],
)  # fmt: skip
def test_what_sqs_takes(body: str, taken: bool) -> None:
    assert sqs_takes(body) is taken
