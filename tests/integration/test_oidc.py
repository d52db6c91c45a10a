"""Signing in at a real OpenID Connect issuer, through a real server and a browser's cookies."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn

from benchling_connector.domain.access import roles_of
from benchling_connector.web.app import make_app
from benchling_connector.web.settings import OidcSettings, WebSettings
from tests.oidc import CLIENT_ID, CLIENT_SECRET, Issuer, running_issuer
from tests.people import ROOT, People, untried

# Of the provider, about itself.
pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")

ROLES = roles_of("boss=admin, lab=operator")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as made:
        yield made


@asynccontextmanager
async def served(people: People, settings: WebSettings) -> AsyncIterator[str]:
    """The platform on a port of loopback: its URL."""
    app = make_app(people.services, untried, settings)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started:
                await asyncio.sleep(0)
            yield f"http://localhost:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


def settings_for(issuer: Issuer) -> WebSettings:
    return WebSettings(oidc=OidcSettings(issuer.url, CLIENT_ID, CLIENT_SECRET, "groups", ROLES))


@pytest.fixture
async def url(people: People, issuer: Issuer) -> AsyncIterator[str]:
    async with served(people, settings_for(issuer)) as made:
        yield made


@pytest.fixture
async def browser(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url) as made:
        yield made


async def callback_of(browser: httpx.AsyncClient, subject: str) -> str:
    """Where the issuer sends somebody back to."""
    begun = await browser.get("/signin/oidc")
    assert begun.status_code == 302
    agreed = await browser.post(begun.headers["location"], data={"sub": subject})
    assert agreed.status_code == 302
    return str(agreed.headers["location"])


async def sign_in(browser: httpx.AsyncClient, subject: str) -> httpx.Response:
    return await browser.get(await callback_of(browser, subject))


async def refused(browser: httpx.AsyncClient, answer: httpx.Response, code: str) -> None:
    assert answer.json()["code"] == code
    assert (await browser.get("/v1/session")).status_code == 401


async def test_somebody_signs_in_at_the_issuer_and_gets_an_account_and_a_role(
    people: People, issuer: Issuer, browser: httpx.AsyncClient
) -> None:
    answer = await sign_in(browser, "s-ann")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    told = (await browser.get("/v1/session")).json()
    assert (told["name"], told["way"], told["role"]) == ("ann", "session", "admin")
    (account,) = await people.services.accounts.all()
    assert (account.name, account.issuer, account.has_password) == ("ann", issuer.url, False)
    assert await people.actions() == ["account.created", "session.opened"]


async def test_the_issuer_is_given_what_proves_that_we_began(
    issuer: Issuer, browser: httpx.AsyncClient
) -> None:
    begun = await browser.get("/signin/oidc")
    query = parse_qs(urlsplit(begun.headers["location"]).query)

    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["nonce"][0]) >= 20
    assert len(query["state"][0]) >= 20
    assert (await sign_in(browser, "s-ann")).status_code == 303
    assert issuer.verified == 1


async def test_who_comes_again_has_the_same_account(
    people: People, browser: httpx.AsyncClient
) -> None:
    for _ in range(2):
        assert (await sign_in(browser, "s-bob")).status_code == 303

    (account,) = await people.services.accounts.all()
    assert (account.name, account.role) == ("bob@lab.example", "operator")


async def test_who_is_in_no_group_with_a_role_does_not_get_in(
    people: People, browser: httpx.AsyncClient
) -> None:
    await refused(browser, await sign_in(browser, "s-eve"), "no-role")

    assert await people.services.accounts.all() == ()
    assert await people.actions() == ["sign_in.refused"]


async def test_who_is_disabled_does_not_get_in(people: People, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "s-bob")
    await people.services.accounts.disable(ROOT, "bob@lab.example")

    await refused(browser, await sign_in(browser, "s-bob"), "account-disabled")


async def test_who_says_no_at_the_issuer_is_not_signed_in(browser: httpx.AsyncClient) -> None:
    begun = await browser.get("/signin/oidc")
    denied = await browser.post(begun.headers["location"], data={"action": "deny"})

    await refused(browser, await browser.get(denied.headers["location"]), "sign-in-failed")


# Against somebody in between


async def test_what_another_browser_began_is_refused(url: str, browser: httpx.AsyncClient) -> None:
    callback = await callback_of(browser, "s-ann")

    async with httpx.AsyncClient(base_url=url) as victim:
        await refused(victim, await victim.get(callback), "sign-in-failed")


async def test_another_state_is_refused(browser: httpx.AsyncClient) -> None:
    callback = await callback_of(browser, "s-ann")

    await refused(browser, await browser.get(callback[:-1] + "~"), "sign-in-failed")


async def test_a_cookie_that_we_did_not_sign_is_refused(browser: httpx.AsyncClient) -> None:
    callback = await callback_of(browser, "s-ann")
    cookie = browser.cookies["benchling-oidc"]
    browser.cookies.clear()
    browser.cookies.set("benchling-oidc", cookie[:-3] + "abc", domain="localhost.local")

    await refused(browser, await browser.get(callback), "sign-in-failed")


async def test_coming_back_a_second_time_is_refused(browser: httpx.AsyncClient) -> None:
    callback = await callback_of(browser, "s-ann")
    assert (await browser.get(callback)).status_code == 303
    browser.cookies.clear()

    await refused(browser, await browser.get(callback), "sign-in-failed")


async def test_a_code_that_was_caught_is_worth_nothing_without_its_verifier(
    issuer: Issuer, browser: httpx.AsyncClient
) -> None:
    callback = await callback_of(browser, "s-ann")
    issuer.challenge = "somebody else's"

    await refused(browser, await browser.get(callback), "sign-in-failed")
    assert issuer.verified == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another client"},
        {"aud": ["another client", "a third"], "azp": CLIENT_ID},
        {"iss": "https://another.example"},
        {"exp": 1_000_000_000},
        {"azp": "another client"},
    ],
)
async def test_an_id_token_that_was_not_made_for_this_sign_in_is_refused(
    issuer: Issuer, browser: httpx.AsyncClient, claims: dict[str, object]
) -> None:
    issuer.claims = claims

    await refused(browser, await sign_in(browser, "s-ann"), "sign-in-failed")


@pytest.mark.parametrize("left_out", ["nonce", "aud", "iss", "exp", "sub", "id_token"])
async def test_an_id_token_without_what_ties_it_to_us_is_refused(
    issuer: Issuer, browser: httpx.AsyncClient, left_out: str
) -> None:
    issuer.left_out = frozenset({left_out})

    await refused(browser, await sign_in(browser, "s-ann"), "sign-in-failed")


async def test_an_unsigned_id_token_is_refused_whatever_the_issuer_offers(
    issuer: Issuer, browser: httpx.AsyncClient
) -> None:
    issuer.unsigned = True
    issuer.document = {"id_token_signing_alg_values_supported": ["none", "RS256"]}

    await refused(browser, await sign_in(browser, "s-ann"), "sign-in-failed")


async def test_an_id_token_signed_with_another_key_is_refused(
    issuer: Issuer, browser: httpx.AsyncClient
) -> None:
    issuer.foreign_key = True

    await refused(browser, await sign_in(browser, "s-ann"), "sign-in-failed")


async def test_an_issuer_that_calls_itself_otherwise_is_not_gone_to(
    issuer: Issuer, browser: httpx.AsyncClient
) -> None:
    issuer.document = {"issuer": "https://another.example"}

    answer = await browser.get("/signin/oidc")

    assert (answer.status_code, answer.json()["code"]) == (502, "issuer-failing")


async def test_an_issuer_that_fails_is_told_and_works_again_later(
    issuer: Issuer, browser: httpx.AsyncClient
) -> None:
    issuer.failing = True
    answer = await browser.get("/signin/oidc")
    assert (answer.status_code, answer.json()["code"]) == (502, "issuer-failing")

    issuer.failing = False
    assert (await sign_in(browser, "s-ann")).status_code == 303


async def test_an_issuer_that_is_not_there_is_told(people: People, issuer: Issuer) -> None:
    settings = settings_for(issuer)
    assert settings.oidc is not None
    nowhere = replace(settings, oidc=replace(settings.oidc, issuer="http://localhost:1"))
    async with served(people, nowhere) as url, httpx.AsyncClient(base_url=url) as browser:
        answer = await browser.get("/signin/oidc")

    assert (answer.status_code, answer.json()["code"]) == (502, "issuer-failing")


async def test_without_an_issuer_there_is_no_such_page(people: People) -> None:
    async with served(people, WebSettings()) as url, httpx.AsyncClient(base_url=url) as browser:
        assert (await browser.get("/signin/oidc")).status_code == 404
