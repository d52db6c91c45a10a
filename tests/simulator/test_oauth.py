"""Tokens: how an app gets them, how long they are good, what it hears when they are not."""

import base64
import json

import aiohttp
import pytest

from benchling_connector.simulator.answers import Answer, Call
from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET, Tenant
from tests.simulator.conftest import FAMILIES, Asker, Clock
from tests.simulator.oracle import answer_errors

PATH = "/api/v2/token"


def request(ask: Asker, body: str, authorization: str | None = None) -> Answer:
    return ask.api.answer(Call("POST", PATH, {}, authorization, body.encode()))


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def test_credentials_are_taken_from_the_form_or_from_basic(tenant: Tenant, ask: Asker) -> None:
    form = f"grant_type=client_credentials&client_id={tenant.client_id}"
    answers = [
        request(ask, f"{form}&client_secret={DEFAULT_CLIENT_SECRET}"),
        request(
            ask, "grant_type=client_credentials", basic(tenant.client_id, DEFAULT_CLIENT_SECRET)
        ),
    ]
    for answer in answers:
        document = json.loads(answer.body)
        assert answer_errors(PATH, answer.status, document, "post") == []
        assert document["expires_in"] == 900
        assert tenant.tokens.app_of(f"Bearer {document['access_token']}", tenant.clock())


def test_a_secret_with_signs_passes_by_basic_encoded_or_not(tenant: Tenant, ask: Asker) -> None:
    tenant.tokens.register("app:+%", "s+e/c=ret:%41")
    grant = "grant_type=client_credentials"
    assert request(ask, grant, basic("app%3A%2B%25", "s%2Be%2Fc%3Dret%3A%2541")).status == 200
    tenant.tokens.register("app", "s+e/c=ret")
    assert request(ask, grant, basic("app", "s+e/c=ret")).status == 200


@pytest.mark.parametrize(
    ("body", "authorization", "status", "kind"),
    [
        ("", None, 400, "invalid_request"),
        ("grant_type=password", None, 400, "unsupported_grant_type"),
        ("grant_type=client_credentials", None, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=a&client_secret=b", None, 401, "invalid_client"),
        ("grant_type=client_credentials", "Basic ???", 401, "invalid_client"),
        ("grant_type=client_credentials", basic("a", "b"), 401, "invalid_client"),
    ],
)
def test_a_bad_request_is_refused_with_a_nested_error(
    body: str, authorization: str | None, status: int, kind: str, ask: Asker
) -> None:
    answer = request(ask, body, authorization)
    document = json.loads(answer.body)
    assert (answer.status, document["error"]["type"]) == (status, kind)
    assert answer_errors(PATH, status, document, "post") == []


def test_a_token_is_good_until_its_lifetime_ends(tenant: Tenant, ask: Asker, clock: Clock) -> None:
    tenant.tokens.lifetime = 60
    ask.token = ask.new_token()
    clock.now += 59.9
    assert ask.get("/api/v2/projects").status == 200
    clock.now += 0.1
    answer = ask.get("/api/v2/projects")
    assert answer.status == 401
    assert json.loads(answer.body)["error"]["message"]


def test_revoked_tokens_are_good_for_nothing_and_new_ones_are_given(
    tenant: Tenant, ask: Asker
) -> None:
    tenant.tokens.revoke_all()
    assert ask.get("/api/v2/projects").status == 401
    ask.token = ask.new_token()
    assert ask.get("/api/v2/projects").status == 200


def test_a_changed_secret_leaves_tokens_and_refuses_the_old_secret(
    tenant: Tenant, ask: Asker
) -> None:
    tenant.tokens.register(tenant.client_id, "changed")
    assert ask.get("/api/v2/projects").status == 200
    assert ask.new_token() == ""
    assert ask.new_token("changed")


def test_no_endpoint_answers_without_a_good_token(tenant: Tenant, ask: Asker) -> None:
    ask.token = "stolen"
    paths = [family.path.replace("{id}", "x") for family in endpoints().families.values()]
    paths += [*endpoints().bulk, *endpoints().lists, *ask.api.directory, "/api/v2/events"]
    assert len(FAMILIES) < len(paths)
    assert {ask.get(path).status for path in paths} == {401}


async def test_http_takes_a_form_and_gives_a_token(
    tenant: Tenant, client: aiohttp.ClientSession
) -> None:
    form = {"grant_type": "client_credentials"}
    headers = {"Authorization": basic(tenant.client_id, DEFAULT_CLIENT_SECRET)}
    async with client.post(PATH, data=form, headers=headers) as response:
        document = await response.json()
    assert document["token_type"] == "Bearer"
    assert tenant.tokens.app_of(f"Bearer {document['access_token']}", tenant.clock())
