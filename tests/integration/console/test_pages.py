"""The console's routes without a browser: who is led where, what is refused, what is said."""

import re

import httpx
import pytest

from benchling_connector.domain.access import Role
from benchling_connector.domain.lifecycle import Mode, Wish
from benchling_connector.web.settings import OidcSettings, WebSettings
from tests.integration.console.sending import connector, csrf_of, sign_in, submit
from tests.integration.test_access import browsing
from tests.people import PASSWORD, ROOT, People

# Signing in and out


@pytest.mark.parametrize("path", ["/connectors", "/connectors/x?edit=true"])
async def test_who_is_not_signed_in_is_led_to_the_form_and_back(
    people: People, client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)
    form = await client.get(answer.headers["location"])
    there = re.search(r'name="next" value="([^"]+)"', form.text)
    assert there is not None
    signed = await client.post(
        "/signin", data={"name": "ann", "password": PASSWORD, "next": there[1]}
    )

    assert (answer.status_code, signed.status_code) == (303, 303)
    assert signed.headers["location"] == path


async def test_a_program_without_a_token_gets_a_problem_and_no_form(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/connectors", headers={"Accept": "application/json"})

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "there",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb", "evil", "/ä", "/a b"],
)
async def test_signing_in_leads_to_no_other_host(
    people: People, client: httpx.AsyncClient, there: str
) -> None:
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)
    form = {"name": "ann", "password": PASSWORD, "next": there}
    answer = await client.post("/signin", data=form)

    assert (answer.status_code, answer.headers["location"]) == (303, "/connectors")


async def test_a_wrong_password_says_so_on_the_form_and_keeps_the_name(
    people: People, client: httpx.AsyncClient
) -> None:
    await people.services.accounts.create(ROOT, "ann", Role.VIEWER, password=PASSWORD)
    answer = await client.post("/signin", data={"name": "ann", "password": "not this one"})

    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert 'value="ann"' in answer.text
    assert "not this one" not in answer.text
    assert "benchling-session" not in answer.headers.get("set-cookie", "")


async def test_who_failed_too_often_is_told_how_long_to_wait(
    people: People, client: httpx.AsyncClient
) -> None:
    for _ in range(6):
        answer = await client.post("/signin", data={"name": "ann", "password": "wrong"})

    assert answer.status_code == 429
    assert f"Try again in {answer.headers['retry-after']} s." in answer.text


async def test_the_one_time_link_lands_signed_in_on_a_page(
    people: People, client: httpx.AsyncClient
) -> None:
    secret = await people.services.sessions.make_link(ROOT)
    answer = await client.get(f"/signin/link/{secret}", follow_redirects=True)

    assert (answer.status_code, answer.url.path) == (200, "/connectors")
    assert "Sign out" in answer.text


async def test_a_link_that_is_over_says_so_on_a_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/signin/link/x")

    assert answer.status_code == 410
    assert answer.headers["content-type"].startswith("text/html")
    assert "console link" in answer.text


async def test_the_issuer_is_offered_only_where_there_is_one(people: People) -> None:
    oidc = OidcSettings("https://id.example", "x", None, "groups", {})
    async with browsing(people) as without, browsing(people, WebSettings(oidc=oidc)) as with_one:
        pages = [(await one.get("/signin")).text for one in (without, with_one)]

    assert ["/signin/oidc" in page for page in pages] == [False, True]


async def test_signing_out_ends_the_session(people: People, client: httpx.AsyncClient) -> None:
    await sign_in(people, client, Role.VIEWER)
    kept = dict(client.cookies)
    answer = await submit(client, "/connectors", "/signout")
    client.cookies.update(kept)

    assert answer.headers["location"] == "/signin"
    assert (await client.get("/connectors")).status_code == 303


@pytest.mark.parametrize("path", ["/signout", "/connectors", "/connectors/x/status"])
@pytest.mark.parametrize("csrf", [{}, {"csrf": "wrong"}])
async def test_a_form_without_its_token_is_refused(
    people: People, client: httpx.AsyncClient, path: str, csrf: dict[str, str]
) -> None:
    await sign_in(people, client, Role.ADMIN)
    answer = await client.post(path, data={"name": "x", "wish": "start", **csrf})

    assert answer.status_code == 403
    assert "csrf-token-wrong" in answer.text
    assert (await people.services.registry.list()).rows == ()


async def test_a_form_of_another_origin_is_refused(
    people: People, client: httpx.AsyncClient
) -> None:
    await people.services.accounts.create(ROOT, "ann", Role.ADMIN, password=PASSWORD)
    form = {"name": "ann", "password": PASSWORD}
    answer = await client.post("/signin", data=form, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403


# Who may


ACTIONS = [
    (Role.VIEWER, "/connectors"),
    (Role.VIEWER, "/connectors/{id}"),
    (Role.VIEWER, "/connectors/{id}/status"),
    (Role.OPERATOR, "/connectors"),
    (Role.OPERATOR, "/connectors/{id}"),
]


@pytest.mark.parametrize(("role", "path"), ACTIONS)
async def test_what_a_role_does_not_cover_is_a_403_page_and_changes_nothing(
    people: People, client: httpx.AsyncClient, role: Role, path: str
) -> None:
    made = await connector(people)
    await sign_in(people, client, role)
    form = {"name": "other", "connectorType": "benchling", "hostType": "local", "wish": "disable"}
    path = path.format(id=made.connector_id)
    answer = await submit(client, "/connectors", path, **form)

    assert answer.status_code == 403
    assert "Ask an administrator" in answer.text
    assert "Sign out" in answer.text
    assert (await people.services.registry.list()).rows == (made,)


@pytest.mark.parametrize("edit", ["", "?edit=true"])
async def test_a_viewer_sees_no_form_but_that_which_signs_out(
    people: People, client: httpx.AsyncClient, edit: str
) -> None:
    made = await connector(people)
    await sign_in(people, client, Role.VIEWER)
    for path in ("/connectors", f"/connectors/{made.connector_id}{edit}"):
        page = (await client.get(path)).text
        actions = set(re.findall(r'<form method="post" action="([^"]+)"', page))
        assert actions == {"/signout", "/preferences"}


async def test_a_connectors_own_token_opens_no_page(
    people: People, client: httpx.AsyncClient
) -> None:
    made = await connector(people)
    token = await people.services.tokens.create_for_connector(ROOT, made.connector_id, "its own")
    assert token is not None
    headers = {"Authorization": f"Bearer {token.secret}"}
    answer = await client.get(f"/connectors/{made.connector_id}", headers=headers)

    assert answer.status_code == 403


# Connectors


async def test_the_list_is_searched_and_filtered_and_its_tiles_count(
    people: People, client: httpx.AsyncClient
) -> None:
    one, two = await connector(people, "North"), await connector(people, "South")
    await people.services.registry.move(ROOT, two.connector_id, Wish.DISABLE)
    await sign_in(people, client, Role.VIEWER)

    async def shown(query: str) -> set[str]:
        page = (await client.get(f"/connectors{query}")).text
        return set(re.findall(r'id="row-([^"]+)"', page))

    assert await shown("") == {one.connector_id, two.connector_id}
    assert await shown("?search=NOR") == {one.connector_id}
    assert await shown("?filter=disabled") == {two.connector_id}
    assert await shown("?health=N/A&search=") == {one.connector_id, two.connector_id}
    assert await shown("?health=CRITICAL") == set()
    assert (await client.get("/connectors?filter=broken")).status_code == 422


async def test_creating_ends_on_the_connectors_page_and_says_so_once(
    people: People, client: httpx.AsyncClient
) -> None:
    await sign_in(people, client, Role.ADMIN)
    form = {"name": "Lab <1>", "connectorType": "benchling", "hostType": "local"}
    answer = await submit(client, "/connectors", "/connectors", **form)
    page = await client.get(answer.headers["location"])
    again = await client.get(answer.headers["location"])

    (made,) = (await people.services.registry.list()).rows
    assert answer.headers["location"] == f"/connectors/{made.connector_id}"
    assert "Lab &lt;1&gt;" in page.text
    assert "<1>" not in page.text
    assert ["The connector is there." in one.text for one in (page, again)] == [True, False]


async def test_a_form_that_is_sent_twice_creates_one_connector(
    people: People, client: httpx.AsyncClient
) -> None:
    await sign_in(people, client, Role.ADMIN)
    page = await client.get("/connectors")
    form = {"csrf": csrf_of(page), "key": "k1", "name": "lab", "connectorType": "benchling"}
    form["hostType"] = "local"
    answers = [await client.post("/connectors", data=form) for _ in range(2)]

    assert len((await people.services.registry.list()).rows) == 1
    assert answers[0].headers["location"] == answers[1].headers["location"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"name": ""}, "Name is empty."), ({"hostType": "moon"}, "Host is none of the choices.")],
)
async def test_what_is_wrong_with_a_new_connector_stands_at_its_field(
    people: People, client: httpx.AsyncClient, wrong: dict[str, str], said: str
) -> None:
    await sign_in(people, client, Role.ADMIN)
    form = {"name": "lab", "connectorType": "benchling", "hostType": "local", "description": "Kept"}
    answer = await submit(client, "/connectors", "/connectors", **form | wrong)

    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Kept"' in answer.text


async def test_the_form_edits_what_is_otherwise_and_leaves_the_rest(
    people: People, client: httpx.AsyncClient
) -> None:
    made = await connector(
        people, labels=(("site", "Basel"),), metadata={"a=b": "c"}, tags=("one", "two")
    )
    await sign_in(people, client, Role.ADMIN)
    path = f"/connectors/{made.connector_id}"
    form = {
        "name": "lab",
        "description": "Two\r\nlines",
        "version": "",
        "hostType": "standalone",
        "labels": "site = Basel\r\nteam = assay, 2",
        "metadata": "a=b = c",
        "tags": "one\r\nthree",
    }
    answer = await submit(client, f"{path}?edit=true", path, **form)
    then = await people.services.registry.get(made.connector_id)

    assert answer.headers["location"] == path
    assert (then.description, then.host, then.tags) == (
        "Two\nlines",
        "standalone",
        ("one", "three"),
    )
    assert [(one.name, one.value) for one in then.labels] == [
        ("site", "Basel"),
        ("team", "assay, 2"),
    ]
    assert then.metadata == made.metadata


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("labels", "no sign", "line 1 has no `=`."),
        ("labels", "a = ß", "Labels 0.value is empty or has other characters"),
        ("name", " ", "Name is empty."),
        ("tags", "ß", "Tags 0 is empty or has other characters"),
    ],
)
async def test_what_is_wrong_with_an_edit_stands_at_its_field_and_changes_nothing(
    people: People, client: httpx.AsyncClient, field: str, text: str, said: str
) -> None:
    made = await connector(people)
    await sign_in(people, client, Role.ADMIN)
    path = f"/connectors/{made.connector_id}"
    answer = await submit(client, path, path, **{field: text, "description": "typed"})

    assert answer.status_code == 422
    assert said in answer.text
    assert "typed" in answer.text
    assert await people.services.registry.get(made.connector_id) == made


async def test_an_operator_disables_and_enables_with_who_it_was_in_the_audit(
    people: People, client: httpx.AsyncClient
) -> None:
    made = await connector(people)
    await sign_in(people, client, Role.OPERATOR)
    path = f"/connectors/{made.connector_id}"
    off = await submit(client, path, f"{path}/status", wish="disable")
    disabled = await people.services.registry.get(made.connector_id)
    page = await client.get(path)
    await submit(client, path, f"{path}/status", wish="enable")

    assert off.headers["location"] == path
    assert disabled.mode is Mode.DISABLED
    assert "No worker runs." in page.text
    assert 'value="enable"' in page.text
    assert 'value="disable"' not in page.text
    deeds = [one for one in await people.audit() if one.action.startswith("connector.")]
    assert {(one.action, one.actor) for one in deeds} >= {
        ("connector.disabled", "operator"),
        ("connector.enabled", "operator"),
    }


async def test_a_wish_that_is_refused_is_said_with_its_remedy(
    people: People, client: httpx.AsyncClient
) -> None:
    made = await connector(people)
    await sign_in(people, client, Role.OPERATOR)
    path = f"/connectors/{made.connector_id}"
    answer = await submit(client, path, f"{path}/status", wish="start")
    page = await client.get(answer.headers["location"])

    assert 'class="said problem" role="alert"' in page.text
    assert "Started." not in page.text


async def test_a_message_planted_in_the_cookie_is_not_said(
    people: People, client: httpx.AsyncClient
) -> None:
    await sign_in(people, client, Role.VIEWER)
    client.cookies.set("benchling-said", "Call 555 and read your password out")
    page = await client.get("/connectors")

    assert "555" not in page.text
    assert 'class="said' not in page.text


# Errors, twins, headers


async def test_what_is_not_there_is_a_404_page_in_the_layout(
    people: People, client: httpx.AsyncClient
) -> None:
    await sign_in(people, client, Role.VIEWER)
    for path in ("/nothing", "/connectors/nobody"):
        page = await client.get(path)
        assert page.status_code == 404
        assert 'aria-label="Console"' in page.text
        assert "Sign out" in page.text


async def test_a_fault_of_our_own_is_a_500_page_that_tells_no_details(
    people: People, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(people, client, Role.VIEWER)

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(type(people.services.registry), "list", broken)
    page = await client.get("/connectors")

    assert page.status_code == 500
    assert page.headers["content-type"].startswith("text/html")
    assert "the log says what" in page.text
    assert "a secret" not in page.text


async def test_the_api_answers_problems_as_json_even_to_a_browser(
    people: People, client: httpx.AsyncClient
) -> None:
    await sign_in(people, client, Role.VIEWER)
    answer = await client.get("/v1/data-acquisition/connectors/nobody")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("page", ["/connectors?search=lab&filter=offline", "/connectors/{id}"])
async def test_a_page_names_its_twin_and_its_url_leads_there(
    people: People, client: httpx.AsyncClient, page: str
) -> None:
    made = await connector(people)
    await sign_in(people, client, Role.VIEWER)
    page = page.format(id=made.connector_id)
    shown = await client.get(page)
    twin = re.search(r'rel="alternate" type="application/json" href="([^"]+)"', shown.text)
    assert twin is not None
    data = await client.get(page, headers={"Accept": "application/json"}, follow_redirects=True)

    assert data.status_code == 200
    assert data.url.raw_path.decode() == twin[1].replace("&amp;", "&")
    assert made.connector_id in data.text


@pytest.mark.parametrize("path", ["/signin", "/connectors", "/nothing", "/connectors/{id}"])
async def test_every_page_is_kept_by_nobody_and_may_load_only_our_own(
    people: People, client: httpx.AsyncClient, path: str
) -> None:
    made = await connector(people)
    if path != "/signin":
        await sign_in(people, client, Role.ADMIN)
    answer = await client.get(path.format(id=made.connector_id))
    policy = answer.headers["content-security-policy"]

    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    inline = r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:"
    assert re.search(inline, answer.text) is None


async def test_what_a_page_brings_is_kept_for_ever_under_a_url_that_names_its_bytes(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/signin")
    found = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(found) >= 5
    for url in found:
        answer = await client.get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        again = await client.get(url, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/static/0/console.css", "/static/x/%2e%2e/app.py", "/static/0/vendor/README"]
)
async def test_no_other_file_is_given_out(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


# Switches


@pytest.mark.parametrize(
    ("form", "html"),
    [({"theme": "dark"}, 'data-theme="dark"'), ({"times": "local"}, 'data-times="local"')],
)
async def test_a_switch_is_in_the_first_byte_of_the_next_page(
    client: httpx.AsyncClient, form: dict[str, str], html: str
) -> None:
    before = await client.get("/signin")
    answer = await client.post("/preferences", data={**form, "back": "/signin?next=/connectors"})
    after = await client.get(answer.headers["location"])

    assert answer.headers["location"] == "/signin?next=/connectors"
    assert [html in one.text for one in (before, after)] == [False, True]


async def test_a_switch_takes_only_what_it_knows(client: httpx.AsyncClient) -> None:
    answer = await client.post("/preferences", data={"theme": '"><script>', "back": "//x"})

    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"theme=%FF", "application/x-www-form-urlencoded", 400),
        ("theme=ä".encode(), "application/x-www-form-urlencoded", 400),
        (b"&a=1" * 501, "application/x-www-form-urlencoded", 400),
    ],
)
async def test_what_is_no_form_of_ours_is_refused(
    client: httpx.AsyncClient, content: bytes, media_type: str, status: int
) -> None:
    headers = {"Content-Type": media_type}
    answer = await client.post("/preferences", content=content, headers=headers)

    assert answer.status_code == status
