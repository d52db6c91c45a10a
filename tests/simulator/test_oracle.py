"""The judge itself: it knows what Benchling's documents say, and refuses what they do not."""

from typing import Any

from tests.simulator.oracle import model_errors, model_properties

ENTRY: dict[str, Any] = {"id": "etr_1", "schema": None, "creator": {"id": "ent_1"}, "new": 1}


def test_accepts_nulls_where_the_model_says_nullable_beside_all_of() -> None:
    assert model_errors("Entry", {**ENTRY, "archiveRecord": None, "reviewRecord": None}) == []


def test_refuses_a_null_where_the_model_has_none() -> None:
    assert model_errors("Entry", {**ENTRY, "name": None})


def test_refuses_a_wrong_type_deep_inside() -> None:
    note = {"type": "text", "text": 7}
    assert model_errors("Entry", {**ENTRY, "days": [{"date": "2026-01-01", "notes": [note]}]})


def test_refuses_a_discriminator_that_no_model_has() -> None:
    note = {"type": "hologram"}
    assert model_errors("Entry", {**ENTRY, "days": [{"date": "2026-01-01", "notes": [note]}]})


def test_refuses_an_unknown_value_of_an_enumeration() -> None:
    assert model_errors("Request", {"id": "req_1", "requestStatus": "LOST"})


def test_refuses_an_unknown_property_where_the_model_is_closed() -> None:
    assert model_errors("Molecule", {"id": "mol_1", "novel": 1})
    assert model_errors("Entity", {"id": "mol_1", "entityType": "molecule", "novel": 1})


def test_a_closed_model_in_an_all_of_admits_the_properties_of_the_other_parts() -> None:
    assert model_errors("Entity", {"id": "mol_1", "entityType": "molecule"}) == []


def test_refuses_a_time_that_is_none() -> None:
    assert model_errors("Entry", {**ENTRY, "createdAt": "yesterday"})


def test_knows_the_properties_of_a_model_made_of_parts() -> None:
    assert {"displayId", "workflowTaskGroup", "executionType"} <= model_properties("WorkflowTask")
