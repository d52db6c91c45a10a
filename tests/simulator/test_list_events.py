"""`GET /api/v2/events`: bare events, in the order of processing, by pages."""

import json

from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import EVENT_TYPES, Asker, Clock
from tests.simulator.oracle import answer_errors

PATH = "/api/v2/events"
# Two types that the models know and the list's discriminator does not, and one in neither.
NOT_LISTED = {
    "v2-alpha.stageEntry.updated.fields",
    "v2-alpha.stageEntry.updated.reviewRecord",
    "v2.request.updated.status",
}


def ids(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [event["id"] for event in answer["events"]]


def test_a_page_is_as_documented_and_holds_the_bare_details(tenant: Tenant, ask: Asker) -> None:
    details = [json.loads(tenant.emit(t).detail()) for t in EVENT_TYPES if t not in NOT_LISTED]
    answer = ask.json(PATH, pageSize="100")
    assert answer_errors(PATH, 200, answer) == []
    assert answer["events"] == details
    assert answer["nextToken"] == ""


def test_pages_continue_until_an_empty_token(tenant: Tenant, ask: Asker) -> None:
    made = [tenant.emit("v2.entry.created").id for _ in range(7)]
    seen: list[str] = []
    token = None
    for _ in range(3):
        page = ask.json(PATH, pageSize="3", **({"nextToken": token} if token else {}))
        seen += ids(page)
        token = page["nextToken"]
    assert seen == made
    assert token == ""


def test_a_token_that_was_encoded_once_more_is_refused(tenant: Tenant, ask: Asker) -> None:
    for _ in range(3):
        tenant.emit("v2.entry.created")
    token = ask.json(PATH, pageSize="2")["nextToken"]
    assert "+" in token
    assert "=" in token
    assert ask.get(PATH, nextToken=token.replace("+", "%2B")).status == 400
    assert ask.get(PATH, nextToken=token.replace("+", " ")).status == 400


def test_polling_gives_a_token_for_ever_and_new_events_by_it(tenant: Tenant, ask: Asker) -> None:
    tenant.emit("v2.entry.created")
    token = ask.json(PATH, poll="true")["nextToken"]
    empty = ask.json(PATH, poll="true", nextToken=token)
    assert ids(empty) == []
    event = tenant.emit("v2.entry.created")
    assert ids(ask.json(PATH, poll="true", nextToken=empty["nextToken"])) == [event.id]


def test_starts_after_an_event_and_refuses_one_it_does_not_know(tenant: Tenant, ask: Asker) -> None:
    made = [tenant.emit("v2.entry.created").id for _ in range(3)]
    assert ids(ask.json(PATH, startingAfter=made[0])) == made[1:]
    assert ask.get(PATH, startingAfter="evt_nobody").status == 400


def test_filters_by_type(tenant: Tenant, ask: Asker) -> None:
    for event_type in ("v2.entry.created", "v2.request.created", "v2.assayRun.created"):
        tenant.emit(event_type)
    answer = ask.json(PATH, eventTypes="v2.entry.created,v2.assayRun.created")
    kinds = [event["eventType"] for event in answer["events"]]
    assert kinds == ["v2.entry.created", "v2.assayRun.created"]


def test_keeps_the_order_of_processing_when_creation_times_are_not_in_order(
    tenant: Tenant, clock: Clock, ask: Asker
) -> None:
    now = int(clock.now * 1_000_000)
    late = tenant.emit("v2.entry.created", at=now)
    early = tenant.emit("v2.entry.created", at=now - 60_000_000)
    assert ids(ask.json(PATH)) == [late.id, early.id]


def test_filters_by_creation_time_and_forgets_after_fourteen_days(
    tenant: Tenant, clock: Clock, ask: Asker
) -> None:
    old = tenant.emit("v2.entry.created")
    clock.now += 13 * 86_400
    ask.token = ask.new_token()
    new = tenant.emit("v2.entry.created")
    assert ids(ask.json(PATH)) == [old.id, new.id]
    since = json.loads(new.detail())["createdAt"]
    assert ids(ask.json(PATH, **{"createdAt.gte": since})) == [new.id]
    clock.now += 2 * 86_400
    ask.token = ask.new_token()
    assert ids(ask.json(PATH)) == [new.id]


def test_refuses_page_sizes_and_times_that_are_none(ask: Asker) -> None:
    assert ask.get(PATH, pageSize="101").status == 400
    assert ask.get(PATH, pageSize="many").status == 400
    assert ask.get(PATH, **{"createdAt.gte": "yesterday"}).status == 400


def test_an_event_that_is_not_to_be_logged_is_not_listed(tenant: Tenant, ask: Asker) -> None:
    tenant.emit("v2.entry.created", log=False)
    assert ids(ask.json(PATH)) == []
