"""Bodies that are no event are broken in the way they say, and odd ones are whole events."""

import json

import pytest

from benchling_connector.simulator.hostile import BROKEN, ODD
from benchling_connector.simulator.tenant import Tenant


def is_event(body: str) -> bool:
    try:
        detail = json.loads(body)["detail"]
        return bool(detail["id"] and detail["eventType"])
    except (ValueError, KeyError, TypeError):
        return False


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_body_is_no_event_and_was_never_one(name: str, tenant: Tenant) -> None:
    assert not is_event(BROKEN[name](tenant))
    assert tenant.events == []


@pytest.mark.parametrize("name", ODD)
def test_an_odd_body_is_an_event_that_benchling_logged(name: str, tenant: Tenant) -> None:
    body = ODD[name](tenant)
    assert is_event(body)
    assert json.loads(body)["detail"]["id"] == tenant.events[-1].id


@pytest.mark.parametrize("name", ["lone surrogate", "deeply nested"])
def test_an_odd_body_names_the_resource_that_can_be_read(name: str, tenant: Tenant) -> None:
    detail = json.loads(ODD[name](tenant))["detail"]
    assert detail["entry"]["id"] == tenant.events[-1].resource_id
    assert tenant.body("entry", detail["entry"]["id"])


def test_a_stray_webhook_has_the_shape_of_one(tenant: Tenant) -> None:
    webhook = json.loads(BROKEN["stray webhook"](tenant))
    assert {"channel", "tenantId", "message"} <= set(webhook)
    assert webhook["message"]["type"] == "v2.entry.created"


def test_sqs_takes_all_of_them(tenant: Tenant) -> None:
    for make in (*BROKEN.values(), *ODD.values()):
        body = make(tenant)
        # SQS refuses control characters and lone surrogates; escaped in JSON they pass.
        assert all(sign in "\t\n\r" or " " <= sign <= "\ud7ff" or sign >= "\ue000" for sign in body)
        assert len(body.encode()) < 256 * 1024
