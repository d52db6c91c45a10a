"""The vendor's own generated client reads the tenant, and finds nothing it does not know."""

import asyncio
import importlib
from collections.abc import Iterator
from enum import Enum
from typing import Any

import attr
import pytest
from benchling_api_client.v2.auth.client_credentials_oauth2 import ClientCredentialsOAuth2
from benchling_api_client.v2.client import AuthenticatedClient
from benchling_api_client.v2.extensions import UnknownType as RootUnknownType
from benchling_api_client.v2.stable.extensions import UnknownType

from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET, Tenant
from tests.simulator.conftest import EVENT_TYPES, FAMILIES, Asker
from tests.simulator.test_list_events import NOT_LISTED

# The generated functions call httpx in a way that it is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:Setting per-request cookies:DeprecationWarning")

# Family to the client's module and the name of its parameter.
SINGLE = {
    "entity.dna_sequence": ("dna_sequences.get_dna_sequence", "dna_sequence_id"),
    "entity.rna_sequence": ("rna_sequences.get_rna_sequence", "rna_sequence_id"),
    "entity.aa_sequence": ("aa_sequences.get_aa_sequence", "aa_sequence_id"),
    "entity.custom_entity": ("custom_entities.get_custom_entity", "custom_entity_id"),
    "entity.mixture": ("mixtures.get_mixture", "mixture_id"),
    "entity.dna_oligo": ("dna_oligos.get_dna_oligo", "oligo_id"),
    "entity.rna_oligo": ("rna_oligos.get_rna_oligo", "oligo_id"),
    "entity.molecule": ("molecules.get_molecule", "molecule_id"),
    "entry": ("entries.get_entry", "entry_id"),
    "stageEntry": ("legacy_workflows.get_stage_entry", "stage_entry_id"),
    "request": ("legacy_requests.get_request", "request_id"),
    "assayRun": ("assay_runs.get_assay_run", "assay_run_id"),
    "assayResult": ("assay_results.get_assay_result", "assay_result_id"),
    "automationInputGenerator": (
        "lab_automation.get_automation_input_generator",
        "input_generator_id",
    ),
    "automationOutputProcessor": (
        "lab_automation.get_automation_output_processor",
        "output_processor_id",
    ),
    "automationFileTransform": ("lab_automation.get_lab_automation_transform", "transform_id"),
    "workflowTaskGroup": ("workflow_task_groups.get_workflow_task_group", "workflow_task_group_id"),
    "workflowTask": ("workflow_tasks.get_workflow_task", "workflow_task_id"),
    "workflowOutput": ("workflow_outputs.get_workflow_output", "workflow_output_id"),
    "worksheet": ("worksheets.get_worksheet_review_changes", "worksheet_id"),
}
BULK = {
    "/api/v2/dna-sequences:bulk-get": ("dna_sequences.bulk_get_dna_sequences", "dna_sequence_ids"),
    "/api/v2/rna-sequences:bulk-get": ("rna_sequences.bulk_get_rna_sequences", "rna_sequence_ids"),
    "/api/v2/aa-sequences:bulk-get": ("aa_sequences.bulk_get_aa_sequences", "aa_sequence_ids"),
    "/api/v2/custom-entities:bulk-get": (
        "custom_entities.bulk_get_custom_entities",
        "custom_entity_ids",
    ),
    "/api/v2/entries:bulk-get": ("entries.bulk_get_entries", "entry_ids"),
    "/api/v2/requests:bulk-get": ("legacy_requests.bulk_get_requests", "request_ids"),
    "/api/v2/assay-runs:bulk-get": ("assay_runs.bulk_get_assay_runs", "assay_run_ids"),
    "/api/v2/assay-results:bulk-get": ("assay_results.bulk_get_assay_results", "assay_result_ids"),
    "/api/v2/oligos:bulk-get": ("oligos.bulk_get_oligos", "oligo_ids"),
}
LISTS = {
    "entity.mixture": "mixtures.list_mixtures",
    "entity.dna_oligo": "dna_oligos.list_dna_oligos",
    "entity.rna_oligo": "rna_oligos.list_rna_oligos",
    "entity.molecule": "molecules.list_molecules",
    "entry": "entries.list_entries",
    "workflowTaskGroup": "workflow_task_groups.list_workflow_task_groups",
    "workflowTask": "workflow_tasks.list_workflow_tasks",
    "workflowOutput": "workflow_outputs.list_workflow_outputs",
}


class Vendor:
    """Calls the generated functions in a thread, as they block."""

    def __init__(self, server: TenantServer, token: str) -> None:
        self.clients = {
            stability: AuthenticatedClient(f"{server.url}/api/{version}", token=token)
            for stability, version in {"stable": "v2", "alpha": "v2-alpha"}.items()
        }

    async def call(self, module: str, stability: str = "stable", **arguments: Any) -> Any:
        found = importlib.import_module(f"benchling_api_client.v2.{stability}.api.{module}")
        client = self.clients[stability]
        response = await asyncio.to_thread(found.sync_detailed, client=client, **arguments)
        assert response.status_code == 200, response.content
        assert unknown(response.parsed) == []
        return response.parsed


def unknown(value: Any, path: str = "$") -> list[str]:
    """Where the client met a type or an enumeration's value that it does not know."""
    if isinstance(value, UnknownType | RootUnknownType):
        return [f"{path}: {value}"]
    if isinstance(value, Enum):
        return [] if getattr(value, "known", lambda: True)() else [f"{path}: {value}"]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in unknown(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for n, item in enumerate(value) for found in unknown(item, f"{path}[{n}]")]
    if attr.has(type(value)):
        names = [field.name for field in attr.fields(type(value))]
        return [hit for name in names for hit in unknown(getattr(value, name, None), name)]
    return []


@pytest.fixture
def vendor(server: TenantServer, ask: Asker) -> Iterator[Vendor]:
    made = Vendor(server, ask.token)
    yield made
    for client in made.clients.values():
        client.httpx_client.close()


async def test_what_the_client_does_not_know_would_be_found(tenant: Tenant, vendor: Vendor) -> None:
    notes = '[{"date":"2026-01-15","notes":[{"type":"hologram"}]}]'
    note = tenant.create("entry", changes={"days": notes})
    with pytest.raises(AssertionError, match="hologram"):
        await vendor.call("entries.get_entry", entry_id=note.id)
    status = tenant.create("request", changes={"requestStatus": '"LOST"'})
    with pytest.raises(AssertionError, match="_UNKNOWN"):
        await vendor.call("legacy_requests.get_request", request_id=status.id)


@pytest.mark.parametrize("family", FAMILIES)
async def test_reads_a_resource_of_every_family(
    family: str, tenant: Tenant, vendor: Vendor
) -> None:
    module, parameter = SINGLE[family]
    resource_id = next(iter(tenant.held(family)))
    stability = "alpha" if family == "stageEntry" else "stable"
    parsed = await vendor.call(module, stability, **{parameter: resource_id})
    wrapper = endpoints().families[family].wrapper
    assert (getattr(parsed, wrapper) if wrapper else parsed).id == resource_id


@pytest.mark.parametrize("path", list(endpoints().bulk))
async def test_reads_every_bulk_answer(path: str, tenant: Tenant, vendor: Vendor) -> None:
    module, parameter = BULK[path]
    families = endpoints().bulk[path].families
    ids = [resource_id for family in families for resource_id in tenant.held(family)]
    parsed = await vendor.call(module, **{parameter: ",".join(ids)})
    (items,) = [value for value in attr.asdict(parsed, recurse=False).values() if value]
    assert sorted(item.id for item in items) == sorted(ids)


@pytest.mark.parametrize("family", list(LISTS))
async def test_reads_lists_by_ids(family: str, tenant: Tenant, vendor: Vendor) -> None:
    ids = list(tenant.held(family))
    parsed = await vendor.call(
        LISTS[family], ids=",".join(ids), archive_reason="ANY_ARCHIVED_OR_NOT_ARCHIVED"
    )
    found = [value for value in attr.asdict(parsed, recurse=False).values() if value]
    (items,) = [value for value in found if isinstance(value, list)]
    assert sorted(item.id for item in items) == sorted(ids)


async def test_reads_events_of_every_type_that_it_knows(tenant: Tenant, vendor: Vendor) -> None:
    for event_type in EVENT_TYPES:
        if event_type not in NOT_LISTED:
            tenant.emit(event_type)
    parsed = await vendor.call("events.list_events", page_size=100)
    assert [event.id for event in parsed.events] == [event.id for event in tenant.events]


async def test_reads_registered_entities_of_all_kinds(tenant: Tenant, vendor: Vendor) -> None:
    parsed = await vendor.call(
        "registry.bulk_get_registered_entities",
        registry_id=tenant.content.registry.id,
        entity_registry_ids=",".join(tenant.registered),
    )
    assert {entity.id for entity in parsed.entities} == {
        resource_id for _, resource_id in tenant.registered.values()
    }


async def test_reads_the_app_users_and_projects(tenant: Tenant, vendor: Vendor) -> None:
    app = await vendor.call("apps.get_benchling_app_by_id", app_id=tenant.content.app.id)
    assert app.name == tenant.content.app.name
    users = await vendor.call("users.list_users")
    assert [user.name for user in users.users] == [p.name for p in tenant.content.people]
    projects = await vendor.call("projects.list_projects")
    assert len(projects.projects) == len(tenant.content.projects)


async def test_gets_a_token_by_its_own_means(server: TenantServer, tenant: Tenant) -> None:
    method = ClientCredentialsOAuth2(
        tenant.client_id, DEFAULT_CLIENT_SECRET, f"{server.url}/api/v2/token"
    )
    header = await asyncio.to_thread(method.get_authorization_header)
    assert tenant.tokens.app_of(header, tenant.clock()) == tenant.client_id
