"""Lists of resources: pages, archived ones, bounds of a call."""

import pytest

from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import Asker, Clock

ANY = "ANY_ARCHIVED_OR_NOT_ARCHIVED"
ARCHIVING = [path for path, listing in endpoints().lists.items() if listing.archive_filter]


def ids(answer: dict[str, list[dict[str, str]]], key: str) -> list[str]:
    return [item["id"] for item in answer[key]]


@pytest.mark.parametrize("path", ARCHIVING)
def test_archived_ones_are_hidden_unless_asked_for(path: str, tenant: Tenant, ask: Asker) -> None:
    listing = endpoints().lists[path]
    key, held = listing.answer_key, list(tenant.held(listing.family))
    tenant.archive(listing.family, held[0], "Retired")
    query = {"ids": ",".join(held)} if listing.takes_ids else {}
    assert sorted(ids(ask.json(path, **query), key)) == sorted(held[1:])
    answers = {
        reason: sorted(ids(ask.json(path, archiveReason=reason, **query), key))
        for reason in (ANY, "ANY_ARCHIVED", "NOT_ARCHIVED", "Retired", "Made in error")
    }
    assert answers == {
        ANY: sorted(held),
        "ANY_ARCHIVED": held[:1],
        "NOT_ARCHIVED": sorted(held[1:]),
        "Retired": held[:1],
        "Made in error": [],
    }
    tenant.unarchive(listing.family, held[0])
    assert sorted(ids(ask.json(path, **query), key)) == sorted(held)


def test_archived_ones_are_still_read_singly_and_in_bulk_with_their_record(
    tenant: Tenant, ask: Asker
) -> None:
    entry = next(iter(tenant.held("entry")))
    tenant.archive("entry", entry, "Retired")
    single = ask.json(f"/api/v2/entries/{entry}")["entry"]
    bulk = ask.json("/api/v2/entries:bulk-get", entryIds=entry)["entries"][0]
    assert single == bulk
    assert single["archiveRecord"] == {"reason": "Retired"}


def test_a_list_by_ids_is_paged_as_any_list(tenant: Tenant, ask: Asker) -> None:
    made = [tenant.create("workflowTask").id for _ in range(60)]
    first = ask.json("/api/v2/workflow-tasks", ids=",".join(made))
    second = ask.json("/api/v2/workflow-tasks", ids=",".join(made), nextToken=first["nextToken"])
    assert (len(first["workflowTasks"]), second["nextToken"]) == (50, "")
    assert sorted(ids(first, "workflowTasks") + ids(second, "workflowTasks")) == sorted(made)
    whole = ask.json("/api/v2/workflow-tasks", ids=",".join(made), pageSize="100")
    assert sorted(ids(whole, "workflowTasks")) == sorted(made)


def test_a_token_of_another_list_is_refused(tenant: Tenant, ask: Asker) -> None:
    token = ask.json("/api/v2/entries", pageSize="1")["nextToken"]
    assert ask.get("/api/v2/molecules", nextToken=token).status == 400


def test_the_latest_changes_come_first_and_can_be_asked_for_by_time(
    tenant: Tenant, ask: Asker, clock: Clock
) -> None:
    held = list(tenant.held("entry"))
    clock.now += 5
    tenant.update("entry", held[1])
    answer = ask.json("/api/v2/entries")
    assert ids(answer, "entries")[0] == held[1]
    since = answer["entries"][0]["modifiedAt"]
    assert ids(ask.json("/api/v2/entries", modifiedAt=f">= {since}"), "entries") == [held[1]]
    assert ids(ask.json("/api/v2/entries", modifiedAt=f"> {since}"), "entries") == []
    assert held[1] not in ids(ask.json("/api/v2/entries", modifiedAt=f"<{since}"), "entries")


def test_lists_of_requests_and_runs_want_a_schema(tenant: Tenant, ask: Asker) -> None:
    assert ask.get("/api/v2/requests").status == 400
    assert ask.get("/api/v2/assay-runs").status == 400
    request = next(iter(tenant.held("request").values()))
    assert request.schema is not None
    answer = ask.json("/api/v2/requests", schemaId=request.schema.id)
    assert request.id in ids(answer, "requests")


def test_answers_do_not_come_in_the_order_of_the_ids(tenant: Tenant, ask: Asker) -> None:
    made = sorted((tenant.create("entry").id for _ in range(9)), reverse=True)
    answer = ask.json("/api/v2/entries:bulk-get", entryIds=",".join(made))
    assert ids(answer, "entries") == made[::-1]


def test_a_call_with_too_many_ids_is_refused(tenant: Tenant, ask: Asker) -> None:
    results = [tenant.create("assayResult").id for _ in range(201)]
    path = "/api/v2/assay-results:bulk-get"
    assert ask.get(path, assayResultIds=",".join(results)).status == 400
    assert ask.get(path, assayResultIds=",".join(results[:200])).status == 200
    tenant.behaviour.max_ids = {"entry": 2, "workflowTask": 2}
    entries = ",".join(tenant.held("entry"))
    assert ask.get("/api/v2/entries:bulk-get", entryIds=entries).status == 400
    tasks = ",".join(tenant.held("workflowTask"))
    assert ask.get("/api/v2/workflow-tasks", ids=tasks).status == 400


def test_a_bulk_call_without_ids_is_refused(ask: Asker) -> None:
    for path, bulk in endpoints().bulk.items():
        assert ask.get(path).status == 400
        assert ask.get(path, **{bulk.ids_param: " , "}).status == 400
