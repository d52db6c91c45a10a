"""Who may do what by HTTP: the real app, on real databases."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Annotated

import httpx
import pytest
from fastapi import Depends

from benchling_connector.database.identity import connector_identity
from benchling_connector.domain.access import Caller, Role
from benchling_connector.web.access import allowed_or_itself
from benchling_connector.web.app import make_app
from benchling_connector.web.guard import LARGEST_BODY
from benchling_connector.web.settings import TrustedProxy, WebSettings
from tests.ledgers import NOON
from tests.people import PASSWORD, ROOT, People, untried

CREDENTIALS = {"name": "ann", "password": PASSWORD}


@asynccontextmanager
async def browsing(
    people: People,
    settings: WebSettings | None = None,
    url: str = "http://localhost",
    address: str = "10.0.0.1",
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at an address, with cookies of its own."""
    app = make_app(people.services, untried, settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        yield client


@pytest.fixture
async def client(people: People) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(people) as made:
        yield made


async def bearer(people: People, role: Role) -> dict[str, str]:
    made = await people.services.tokens.create(ROOT, f"a {role}", role)
    return {"Authorization": f"Bearer {made.secret}"}


async def signed_in(people: People, client: httpx.AsyncClient, role: Role) -> dict[str, str]:
    """Ann, signed in; the header that her changes need."""
    await people.services.accounts.create(ROOT, "ann", role, password=PASSWORD)
    answer = await client.post("/v1/session", json=CREDENTIALS)
    assert answer.status_code == 200
    return {"X-CSRF-Token": answer.json()["csrf"]}


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


# Who calls


async def test_nobody_gets_in_without_saying_who(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/accounts")

    assert code(answer) == (401, "not-signed-in")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_gets_in_with_its_role(people: People, client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/session", headers=await bearer(people, Role.OPERATOR))

    assert answer.status_code == 200
    assert answer.json() == {
        "name": "a operator",
        "way": "token",
        "role": "operator",
        "connectorId": None,
        "csrf": None,
        "expiresAt": None,
    }


@pytest.mark.parametrize("sent", ["Bearer wrong", "Bearer", "bearer bct_x", "Bearer \xff"])
async def test_a_token_that_does_not_hold_is_refused_and_audited(
    people: People, client: httpx.AsyncClient, sent: str
) -> None:
    answer = await client.get("/v1/session", headers={b"Authorization": sent.encode("latin-1")})

    assert code(answer) == (401, "not-signed-in")
    (record,) = await people.audit()
    assert (record.action, record.subject) == ("access.refused", "GET /v1/session")
    assert (record.origin, record.new) == ("10.0.0.1", '{"status":401}')


ADMIN_ONLY = [
    ("GET", "/v1/accounts"),
    ("POST", "/v1/accounts"),
    ("GET", "/v1/accounts/x"),
    ("PUT", "/v1/accounts/x/role"),
    ("PUT", "/v1/accounts/x/password"),
    ("PUT", "/v1/accounts/x/status"),
    ("GET", "/v1/tokens"),
    ("POST", "/v1/tokens"),
    ("DELETE", "/v1/tokens/x"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/audit/export"),
    ("GET", "/v1/audit/verify"),
]


@pytest.mark.parametrize(("method", "path"), ADMIN_ONLY)
async def test_an_operator_may_not_what_an_administrator_may(
    people: People, client: httpx.AsyncClient, method: str, path: str
) -> None:
    headers = await bearer(people, Role.OPERATOR)

    answer = await client.request(method, path, headers=headers, json={})

    assert code(answer) == (403, "not-allowed")


async def test_a_refusal_for_want_of_a_role_is_audited_with_who_it_was(
    people: People, client: httpx.AsyncClient
) -> None:
    await client.get("/v1/accounts/x", headers=await bearer(people, Role.VIEWER))

    record = (await people.audit())[-1]
    assert (record.actor, record.way) == ("a viewer", "token")
    assert (record.action, record.subject) == ("access.refused", "GET /v1/accounts/{account_id}")


async def test_a_scanner_cannot_flood_the_audit(people: People, client: httpx.AsyncClient) -> None:
    for number in range(50):
        await client.get("/v1/accounts", headers={"Authorization": f"Bearer {number}"})

    assert await people.actions() == ["access.refused"]
    await people.services.refusals.flush()
    assert '"more":49' in str((await people.audit())[-1].new)


async def test_a_connectors_token_may_do_nothing_of_people(
    people: People, client: httpx.AsyncClient
) -> None:
    await connector_identity(people.services.desk.engine, "c1", "lab", NOON, str)
    made = await people.services.tokens.create_for_connector(ROOT, "c1", "worker")
    assert made is not None
    headers = {"Authorization": f"Bearer {made.secret}"}

    for method, path in ADMIN_ONLY:
        answer = await client.request(method, path, headers=headers, json={})
        assert code(answer) == (403, "not-allowed")


async def test_a_connectors_token_may_touch_nothing_but_that_connector(people: People) -> None:
    for name in ("c1", "c2"):
        await connector_identity(people.services.desk.engine, name, name, NOON, str)
    made = await people.services.tokens.create_for_connector(ROOT, "c1", "worker")
    assert made is not None
    app = make_app(people.services, untried)

    @app.get("/its/{connector_id}")
    async def its(caller: Annotated[Caller, Depends(allowed_or_itself(Role.OPERATOR))]) -> str:
        return caller.name

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as client:
        itself = {"Authorization": f"Bearer {made.secret}"}
        assert (await client.get("/its/c1", headers=itself)).json() == "worker"
        assert code(await client.get("/its/c2", headers=itself)) == (403, "not-allowed")
        viewer = await bearer(people, Role.VIEWER)
        assert code(await client.get("/its/c1", headers=viewer)) == (403, "not-allowed")
        operator = await bearer(people, Role.OPERATOR)
        assert (await client.get("/its/c2", headers=operator)).json() == "a operator"


# Sessions


async def test_a_session_is_a_cookie_that_scripts_do_not_see(
    people: People, client: httpx.AsyncClient
) -> None:
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)

    answer = await client.post("/v1/session", json=CREDENTIALS)

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("benchling-session=")
    assert "; HttpOnly;" in cookie
    assert "Path=/" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert (await client.get("/v1/session")).json()["name"] == "ann"


async def test_with_tls_the_cookie_is_for_this_host_only(people: People) -> None:
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)
    public = WebSettings(public_url="https://connectors.example")

    async with browsing(people, public, "https://connectors.example") as client:
        answer = await client.post("/v1/session", json=CREDENTIALS)

        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-benchling-session=")
        assert "; Secure" in cookie
        assert answer.headers["strict-transport-security"]
        assert (await client.get("/v1/session")).status_code == 200


async def test_with_tls_the_cookie_goes_when_one_signs_out(people: People) -> None:
    settings = WebSettings(public_url="https://lab.example")
    async with browsing(people, settings, "https://lab.example") as client:
        headers = await signed_in(people, client, Role.VIEWER)
        answer = await client.delete("/v1/session", headers=headers)

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith('__Host-benchling-session=""')
    assert {"Max-Age=0", "Path=/", "Secure"} <= set(cookie.split("; "))


async def test_a_session_changes_nothing_without_its_csrf_token(
    people: People, client: httpx.AsyncClient
) -> None:
    right = await signed_in(people, client, Role.ADMIN)
    body = {"name": "bob", "role": "viewer"}

    for wrong in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x" + right["X-CSRF-Token"]}):
        answer = await client.post("/v1/accounts", json=body, headers=wrong)
        assert code(answer) == (403, "csrf-token-wrong")
    answer = await client.post("/v1/accounts", json=body, headers=right)
    assert answer.status_code == 201


async def test_who_signs_out_is_out(people: People, client: httpx.AsyncClient) -> None:
    headers = await signed_in(people, client, Role.VIEWER)
    secret = client.cookies["benchling-session"]

    answer = await client.delete("/v1/session", headers=headers)

    assert answer.status_code == 204
    assert "benchling-session" not in client.cookies
    client.cookies.set("benchling-session", secret)
    assert code(await client.get("/v1/session")) == (401, "not-signed-in")


async def test_a_session_of_one_browser_is_not_changed_by_a_page_of_another_origin(
    people: People, client: httpx.AsyncClient
) -> None:
    headers = await signed_in(people, client, Role.ADMIN)

    for more in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = await client.delete("/v1/session", headers={**headers, **more})
        assert code(answer) == (403, "origin-foreign")
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert (await client.delete("/v1/session", headers={**headers, **own})).status_code == 204


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    people: People, client: httpx.AsyncClient
) -> None:
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)

    wrong = await client.post("/v1/session", json={**CREDENTIALS, "password": "a wrong password"})
    unknown = await client.post("/v1/session", json={**CREDENTIALS, "name": "nobody"})

    assert code(wrong) == (401, "sign-in-failed")
    assert wrong.json() == unknown.json()


async def test_who_fails_too_often_is_told_when_to_come_again(
    people: People, client: httpx.AsyncClient
) -> None:
    for _ in range(6):
        answer = await client.post("/v1/session", json=CREDENTIALS)

    assert code(answer) == (429, "sign-in-delayed")
    assert answer.headers["retry-after"] == "1"


async def test_one_gives_oneself_another_password_by_knowing_the_old_one(
    people: People, client: httpx.AsyncClient
) -> None:
    headers = await signed_in(people, client, Role.VIEWER)
    path, new = "/v1/session/password", "another long one"

    wrong = {"current": "a wrong password", "new": new}
    weak = {"current": PASSWORD, "new": "short"}
    right = {"current": PASSWORD, "new": new}
    assert code(await client.put(path, json=right)) == (403, "csrf-token-wrong")
    assert code(await client.put(path, json=wrong, headers=headers)) == (401, "sign-in-failed")
    assert code(await client.put(path, json=weak, headers=headers)) == (422, "password-refused")
    assert (await client.put(path, json=right, headers=headers)).status_code == 204

    assert "benchling-session" not in client.cookies
    assert code(await client.post("/v1/session", json=CREDENTIALS)) == (401, "sign-in-failed")
    again = await client.post("/v1/session", json={"name": "ann", "password": new})
    assert again.status_code == 200
    record = next(one for one in await people.audit() if one.action == "account.password_set")
    assert (record.actor, record.way, record.subject) == ("ann", "session", "ann")


async def test_a_token_gives_nobody_another_password(
    people: People, client: httpx.AsyncClient
) -> None:
    headers = await bearer(people, Role.ADMIN)
    body = {"current": PASSWORD, "new": "another long one"}

    answer = await client.put("/v1/session/password", json=body, headers=headers)

    assert code(answer) == (404, "account-unknown")


async def test_a_link_signs_in_once_and_leads_to_the_console(
    people: People, client: httpx.AsyncClient
) -> None:
    path = f"/signin/link/{await people.services.sessions.make_link(ROOT)}"

    assert (await client.head(path)).status_code == 405
    answer = await client.get(path)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get("/v1/session")).json()["role"] == "admin"
    assert code(await client.get(path)) == (410, "link-over")


# A trusted proxy


def proxied(role_header: str | None = None) -> WebSettings:
    networks = (ip_network("10.0.0.0/24"),)
    return WebSettings(proxy=TrustedProxy("X-Forwarded-User", networks, role_header))


async def test_a_proxys_header_counts_for_nothing_unless_it_is_switched_on(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/v1/session", headers={"X-Forwarded-User": "ann"})

    assert code(answer) == (401, "not-signed-in")


async def test_a_trusted_proxy_says_who_calls(people: People) -> None:
    headers = {"X-Forwarded-User": "ann@lab", "X-Forwarded-For": "10.8.8.8, 192.0.2.7, 10.0.0.9"}
    async with browsing(people, proxied()) as client:
        answer = await client.get("/v1/session", headers=headers)
        refused = await client.get("/v1/accounts", headers=headers)

    told = answer.json()
    assert (told["name"], told["way"], told["role"]) == ("ann@lab", "proxy", "viewer")
    assert code(refused) == (403, "not-allowed")
    assert (await people.audit())[-1].origin == "192.0.2.7"


async def test_the_proxy_is_known_on_a_socket_of_both_versions(people: People) -> None:
    async with browsing(people, proxied(), address="::ffff:10.0.0.1") as client:
        answer = await client.get("/v1/session", headers={"X-Forwarded-User": "ann@lab"})

    assert answer.json()["name"] == "ann@lab"


async def test_what_the_proxy_puts_into_a_header_of_its_own_counts(people: People) -> None:
    headers = [
        ("X-Forwarded-User", "ann@lab"),
        ("X-Forwarded-For", "1.2.3.4"),  # as it was sent
        ("X-Forwarded-For", "192.0.2.7"),  # the proxy's own
    ]
    async with browsing(people, proxied()) as client:
        await client.get("/v1/accounts", headers=headers)

    assert (await people.audit())[-1].origin == "192.0.2.7"


@pytest.mark.parametrize(
    ("sent", "role"),
    [("admin", "admin"), (" Operator ", "operator"), ("root", "viewer"), ("", "viewer")],
)
async def test_a_trusted_proxy_may_say_as_what(people: People, sent: str, role: str) -> None:
    headers = {"X-Forwarded-User": "ann", "X-Forwarded-Role": sent}
    async with browsing(people, proxied("X-Forwarded-Role")) as client:
        answer = await client.get("/v1/session", headers=headers)

    assert answer.json()["role"] == role


async def test_from_another_address_the_header_is_refused_even_beside_a_token(
    people: People,
) -> None:
    headers = {**await bearer(people, Role.ADMIN), "X-Forwarded-User": "ann"}
    async with browsing(people, proxied(), address="10.0.1.1") as client:
        answer = await client.get("/v1/session", headers=headers)

    assert code(answer) == (403, "proxy-unknown")
    record = (await people.audit())[-1]
    assert (record.way, record.origin) == ("proxy", "10.0.1.1")


async def test_a_header_that_comes_twice_is_refused(people: People) -> None:
    headers = [("X-Forwarded-User", "ann"), ("X-Forwarded-User", "root")]
    async with browsing(people, proxied()) as client:
        answer = await client.get("/v1/session", headers=headers)

    assert code(answer) == (403, "proxy-unclear")


async def test_behind_the_proxy_a_role_without_a_name_is_refused(people: People) -> None:
    async with browsing(people, proxied("X-Forwarded-Role")) as client:
        answer = await client.get("/v1/session", headers={"X-Forwarded-Role": "admin"})

    assert code(answer) == (403, "proxy-unclear")


# Around every answer


async def test_every_answer_says_what_browsers_may_do_with_it(
    people: People, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fault(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(people.services.tokens, "all", fault)
    admin = await bearer(people, Role.ADMIN)
    for answer in (
        await client.get("/v1/session", headers=admin),
        await client.get("/v1/session"),
        await client.get("/nowhere"),
        await client.get("/v1/tokens", headers=admin),
        await client.post("/v1/session", content=b"x" * (LARGEST_BODY + 1)),
    ):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "secret" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "[", "127.0.0.2"])
async def test_on_loopback_only_its_own_names_are_heeded(people: People, host: str) -> None:
    settings = WebSettings(hosts=frozenset({"localhost", "127.0.0.1", "::1"}))
    async with browsing(people, settings) as client:
        for own in ("localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080"):
            assert (await client.get("/v1/session", headers={"Host": own})).status_code == 401
        answer = await client.get("/v1/session", headers={"Host": host})

    assert code(answer) == (421, "host-unknown")


async def test_a_body_may_be_large_but_not_too_large(client: httpx.AsyncClient) -> None:
    async def streamed(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 1_000):
            yield b" " * 1_000
        yield b" " * (size % 1_000)

    for content in (b" " * (LARGEST_BODY + 1), streamed(LARGEST_BODY + 1)):
        answer = await client.post("/v1/session", content=content)
        assert code(answer) == (413, "request-too-large")
    answer = await client.post(
        "/v1/session",
        content=streamed(LARGEST_BODY),
        headers={"Content-Type": "application/json"},
    )
    assert code(answer) == (422, "request-invalid")


# Accounts and tokens


async def test_an_account_is_made_changed_and_disabled_by_http(
    people: People, client: httpx.AsyncClient
) -> None:
    client.headers.update(await bearer(people, Role.ADMIN))
    body = {"name": "Ann", "role": "operator", "password": PASSWORD, "reason": "new here"}

    made = await client.post("/v1/accounts", json=body)
    path = f"/v1/accounts/{made.json()['accountId']}"
    role = await client.put(f"{path}/role", json={"role": "admin"})
    password = await client.put(f"{path}/password", json={"password": "another long one"})
    await client.post("/v1/accounts", json={"name": "bob", "role": "admin"})
    disabled = await client.put(f"{path}/status", json={"status": "DISABLED"})

    assert made.status_code == 201
    assert "password" not in str(made.json()).replace("hasPassword", "")
    assert [one.json()["status"] for one in (role, password, disabled)] == [
        "ENABLED",
        "ENABLED",
        "DISABLED",
    ]
    listed = (await client.get("/v1/accounts")).json()["accounts"]
    assert [one["name"] for one in listed] == ["ann", "bob"]
    assert (await client.get(path)).json() == listed[0]
    record = next(one for one in await people.audit() if one.action == "account.created")
    assert (record.actor, record.origin, record.reason) == ("a admin", "10.0.0.1", "new here")


async def test_what_is_wrong_with_an_account_is_told_by_field(
    people: People, client: httpx.AsyncClient
) -> None:
    client.headers.update(await bearer(people, Role.ADMIN))
    body = {"name": "ann", "role": "viewer"}

    weak = await client.post("/v1/accounts", json={**body, "password": "short"})
    odd = await client.post("/v1/accounts", json={**body, "name": "a b"})
    unknown = await client.post("/v1/accounts", json={**body, "admin": True})
    taken = [await client.post("/v1/accounts", json=body) for _ in range(2)][1]

    assert code(weak) == (422, "password-refused")
    assert [one["field"] for one in weak.json()["fields"]] == ["password"]
    assert code(odd) == (422, "account-name-invalid")
    assert [one["field"] for one in unknown.json()["fields"]] == ["admin"]
    assert code(taken) == (409, "account-name-taken")
    assert code(await client.get("/v1/accounts/nobody")) == (404, "account-unknown")


async def test_a_token_is_shown_once_listed_and_revoked(
    people: People, client: httpx.AsyncClient
) -> None:
    client.headers.update(await bearer(people, Role.ADMIN))

    made = await client.post("/v1/tokens", json={"name": "ci", "role": "viewer"})
    secret = made.json()["token"]
    listed = await client.get("/v1/tokens")
    mine = {"Authorization": f"Bearer {secret}"}
    before = await client.get("/v1/session", headers=mine)
    revoked = await client.delete(f"/v1/tokens/{made.json()['tokenId']}")
    after = await client.get("/v1/session", headers=mine)

    assert made.status_code == 201
    assert secret not in listed.text
    assert [before.status_code, after.status_code] == [200, 401]
    assert revoked.json()["revokedAt"] is not None


async def test_a_token_made_by_a_session_belongs_to_its_account(
    people: People, client: httpx.AsyncClient
) -> None:
    await people.services.accounts.create(ROOT, "bob", Role.ADMIN)
    headers = await signed_in(people, client, Role.ADMIN)
    body = {"name": "ci", "role": "viewer"}
    made = await client.post("/v1/tokens", json=body, headers=headers)

    await people.services.accounts.disable(ROOT, "ann")

    assert await people.services.tokens.caller(made.json()["token"], None) is None


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "x", "role": "viewer", "connectorId": "c1"},
        {"name": "x", "role": "root"},
        {"name": "", "role": "viewer"},
        {"name": "x", "role": "viewer", "rotate": True},
        {"name": "x", "role": "viewer", "expiresInDays": 0},
    ],
)
async def test_a_token_that_makes_no_sense_is_not_made(
    people: People, client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await client.post("/v1/tokens", json=body, headers=await bearer(people, Role.ADMIN))

    assert code(answer) == (422, "request-invalid")
    assert len(await people.services.tokens.all()) == 1


async def test_a_connectors_token_is_made_by_an_administrator(
    people: People, client: httpx.AsyncClient
) -> None:
    client.headers.update(await bearer(people, Role.ADMIN))
    await connector_identity(people.services.desk.engine, "c1", "lab", NOON, str)

    made = await client.post("/v1/tokens", json={"name": "w", "connectorId": "c1"})
    unknown = await client.post("/v1/tokens", json={"name": "w", "connectorId": "c2"})

    assert made.json()["expiresAt"] is None
    caller = await people.services.tokens.caller(made.json()["token"], None)
    assert caller is not None
    assert caller.connector_id == "c1"
    assert code(unknown) == (404, "connector-unknown")


# The audit


async def test_the_audit_is_listed_page_by_page(people: People, client: httpx.AsyncClient) -> None:
    client.headers.update(await bearer(people, Role.ADMIN))
    for name in ("a1", "a2", "a3"):
        await client.post("/v1/accounts", json={"name": name, "role": "viewer"})

    first = (await client.get("/v1/audit", params={"limit": 2, "action": "account.*"})).json()
    rest = (await client.get("/v1/audit", params={"before": first["next"]})).json()

    assert [one["subject"] for one in first["entries"]] == ["a3", "a2"]
    assert first["entries"][0]["new"]["name"] == "a3"
    assert [one["action"] for one in rest["entries"]] == ["account.created", "token.created"]
    assert rest["next"] is None


async def test_the_audit_is_exported_as_json_lines(
    people: People, client: httpx.AsyncClient
) -> None:
    client.headers.update(await bearer(people, Role.ADMIN))

    answer = await client.get("/v1/audit/export")

    assert answer.headers["content-type"] == "application/x-ndjson"
    (line,) = answer.text.splitlines()
    (record,) = await people.audit()
    assert json.loads(line)["hash"] == record.hash
    assert json.loads(line)["new"] == record.new


async def test_the_audit_is_verified_by_http(people: People, client: httpx.AsyncClient) -> None:
    client.headers.update(await bearer(people, Role.ADMIN))

    told = (await client.get("/v1/audit/verify")).json()
    against = await client.get("/v1/audit/verify", params={"head": told["head"]})
    other = await client.get("/v1/audit/verify", params={"head": f"1:{'0' * 64}"})
    wrong = await client.get("/v1/audit/verify", params={"head": "1"})

    assert (told["intact"], told["entries"], told["finding"]) == (True, 1, None)
    assert against.json()["intact"]
    assert (other.json()["intact"], other.json()["finding"]["number"]) == (False, 1)
    assert code(wrong) == (422, "request-invalid")


@pytest.mark.parametrize(
    "params",
    [{"actor": "a\0b"}, {"action": "\ud7ff%_\\"}, {"before": 2**53}, {"since": "2026-03-01"}],
)
async def test_odd_filters_are_no_fault(
    people: People, client: httpx.AsyncClient, params: dict[str, str | int]
) -> None:
    client.headers.update(await bearer(people, Role.ADMIN))

    assert (await client.get("/v1/audit", params=params)).status_code in (200, 422)
