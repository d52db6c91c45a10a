"""The tenant's state: what follows from the seed, what changes, what it refuses."""

import json
import re

import pytest

from benchling_connector.simulator.content import make_content
from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.identity import short_id, uuid_text
from benchling_connector.simulator.tenant import Tenant, UnknownResourceError
from tests.simulator.conftest import FAMILIES, Clock

PREFIXES = {
    "entity.dna_sequence": "seq_",
    "entity.rna_oligo": "seq_",
    "entity.aa_sequence": "prtn_",
    "entity.custom_entity": "bfi_",
    "entity.mixture": "mxt_",
    "entity.molecule": "mol_",
    "entry": "etr_",
    "stageEntry": "stgentr_",
    "request": "req_",
    "automationInputGenerator": "aif_",
    "automationOutputProcessor": "aop_",
    "workflowTaskGroup": "prs_",
    "workflowTask": "wftask_",
    "workflowOutput": "wfout_",
    "worksheet": "wks_",
}


def everything(tenant: Tenant) -> dict[str, bytes]:
    return {
        resource_id: tenant.body(family, resource_id)
        for family in FAMILIES
        for resource_id in tenant.held(family)
    }


def test_the_same_seed_gives_the_same_tenant_and_another_seed_another(clock: Clock) -> None:
    first, second = (Tenant(4, resources=200, clock=clock) for _ in range(2))
    other = Tenant(5, resources=200, clock=clock)
    assert everything(first) == everything(second)
    assert not set(everything(first)) & set(everything(other))
    events = [
        [event.envelope() for event, _ in zip(tenant.activity(), range(80), strict=False)]
        for tenant in (first, second)
    ]
    assert events[0] == events[1]


def test_what_is_there_at_the_start_does_not_depend_on_the_clock() -> None:
    assert everything(Tenant(resources=40, clock=Clock(2e9))) == everything(Tenant(resources=40))


@pytest.mark.parametrize("family", FAMILIES)
def test_ids_have_benchlings_shape(family: str, tenant: Tenant) -> None:
    prefix = PREFIXES.get(family)
    shape = r"[0-9A-Za-z]{8}"
    if family in {"assayRun", "assayResult"}:
        prefix, shape = "", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    for resource_id in tenant.held(family):
        assert re.fullmatch((prefix if prefix is not None else r"[a-z]+_") + shape, resource_id)


def test_ids_do_not_collide() -> None:
    assert len({short_id("seq_", 3, n) for n in range(20_000)}) == 20_000
    assert len({uuid_text("assayRun", 3, n) for n in range(2_000)}) == 2_000


def test_ids_of_a_prefix_that_families_share_are_of_one_series(clock: Clock) -> None:
    tenant = Tenant(clock=clock)
    families = ["entity.dna_sequence", "entity.rna_sequence", "entity.dna_oligo"]
    made = [tenant.create(family).id for _ in range(50) for family in families]
    assert len(set(made)) == 150


def test_resources_can_be_filled_up_to_a_size(clock: Clock) -> None:
    tenant = Tenant(resources=len(FAMILIES), resource_bytes=5_000, clock=clock)
    for resource_id, body in everything(tenant).items():
        assert 5_000 <= len(body) < 6_500, resource_id
        json.loads(body)


def test_every_state_is_later_than_the_one_before_though_the_clock_stands(clock: Clock) -> None:
    tenant = Tenant(clock=clock)
    entry = tenant.create("entry")
    times = [entry.modified, *(tenant.update("entry", entry.id).modified for _ in range(3))]
    assert times == sorted(set(times))


def test_a_schema_can_be_chosen_by_name_or_id(tenant: Tenant) -> None:
    by_name = tenant.create("entry", schema="Purification Run")
    assert by_name.schema is not None
    assert tenant.create("entry", schema=by_name.schema.id).schema == by_name.schema
    assert json.loads(tenant.body("entry", by_name.id))["schema"]["name"] == "Purification Run"


def test_some_entries_have_no_schema(clock: Clock) -> None:
    tenant = Tenant(clock=clock)
    schemas = [tenant.create("entry").schema for _ in range(14)]
    assert schemas.count(None) == 2


def test_what_does_not_exist_can_not_be_read_changed_or_told_of(tenant: Tenant) -> None:
    for refused in (tenant.body, tenant.update, tenant.archive, tenant.unarchive):
        with pytest.raises(UnknownResourceError):
            refused("entry", "etr_nobody")
    with pytest.raises(UnknownResourceError):
        tenant.emit("v2.entry.created", "etr_nobody")


def test_only_families_with_an_archive_record_can_be_archived(tenant: Tenant) -> None:
    for family in FAMILIES:
        resource_id = next(iter(tenant.held(family)))
        has_record = "archiveRecord" in json.loads(tenant.body(family, resource_id))
        assert endpoints().families[family].archivable == has_record
    with pytest.raises(ValueError, match="cannot be archived"):
        tenant.archive("worksheet", next(iter(tenant.held("worksheet"))))


def test_given_bytes_are_archived_in_their_own_text(tenant: Tenant) -> None:
    tenant.override("entry", "etr_1", b'{"id": "etr_1","n":0.10,"archiveRecord":null}')
    tenant.archive("entry", "etr_1", "Retired")
    assert tenant.body("entry", "etr_1") == (
        b'{"id":"etr_1","n":0.10,"archiveRecord":{"reason":"Retired"}}'
    )


def test_the_company_its_hosts_and_its_addresses_exist_nowhere(tenant: Tenant) -> None:
    for body in everything(tenant).values():
        for host in re.findall(r"https?://([^/\"]+)", body.decode()):
            assert host.endswith(".example")
    content = make_content(1)
    assert len({person.id for person in content.people}) == len(content.people)
    assert len({schema.id for of in content.schemas.values() for schema in of}) == sum(
        len(of) for family, of in content.schemas.items() if family != "workflowTaskGroup"
    )
