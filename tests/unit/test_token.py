import asyncio
import json
import traceback
from collections.abc import Mapping
from itertools import pairwise

import pytest
from multidict import CIMultiDict

from benchling_connector.adapters.benchling.token import (
    TOKEN_REQUEST,
    Token,
    TokenKeeper,
    read_token,
)
from benchling_connector.adapters.benchling.transport import Outgoing, Reply
from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError

REFUSAL = b'{"error": {"message": "No.", "type": "invalid_client", "userMessage": "No."}}'
PAGE = b"<!DOCTYPE html><html><title>Welcome</title></html>"
REQUEST = Outgoing("GET", "/api/v2/entries/etr_1", "entry", "single")


class Office:
    """Answers requests for tokens as it is told, after a second each."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.asked = 0
        self.life = 900.0
        self.refusal: tuple[int, str, bytes] | None = None
        self.error: ConnectorError | None = None

    async def ask(self) -> Reply:
        self.asked += 1
        await self.clock.sleep(1)
        if self.error is not None:
            raise self.error
        if self.refusal is not None:
            return reply(*self.refusal)
        return granted(f"token-{self.asked}", self.life)


def reply(status: int, media_type: str, body: bytes) -> Reply:
    headers: Mapping[str, str] = CIMultiDict({"content-type": media_type})
    return Reply(status, headers, body, VirtualClock().now())


def granted(secret: str, life: object = 900) -> Reply:
    body = json.dumps({"access_token": secret, "token_type": "Bearer", "expires_in": life})
    return reply(200, "application/json", body.encode())


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def office(clock: VirtualClock) -> Office:
    return Office(clock)


@pytest.fixture
def keeper(clock: VirtualClock, office: Office) -> TokenKeeper:
    return TokenKeeper(office.ask, clock, lambda: 1.0)


async def refused(clock: VirtualClock, keeper: TokenKeeper) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        await clock.run(keeper.valid())
    return caught.value


async def test_a_hundred_callers_make_one_request(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    async def hundred() -> list[Token]:
        return await asyncio.gather(*(keeper.valid() for _ in range(100)))

    tokens = await clock.run(hundred())
    assert {token.header for token in tokens} == {"Bearer token-1"}
    assert office.asked == 1


async def test_a_caller_that_gives_up_takes_the_request_from_nobody(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    first, second = (asyncio.create_task(keeper.valid()) for _ in range(2))
    await clock.run_until_idle()
    first.cancel()
    await clock.advance(2)
    assert (await second).header == "Bearer token-1"
    assert first.cancelled()
    assert office.asked == 1


@pytest.mark.parametrize(
    ("life", "renewed_after"), [(900, 720), (3600, 2880), (100, 50), (200, 140), (10, 8), (2, 1.6)]
)
async def test_a_token_is_renewed_before_it_ends_while_the_old_one_still_serves(
    clock: VirtualClock, office: Office, keeper: TokenKeeper, life: float, renewed_after: float
) -> None:
    office.life = life
    await clock.run(keeper.valid())
    await clock.advance(max(renewed_after - 1.1, 0))  # the answer took a second
    assert (await keeper.valid()).header == "Bearer token-1"
    assert office.asked == 1
    await clock.advance(0.2)
    assert (await keeper.valid()).header == "Bearer token-1"
    await clock.advance(1)
    assert (await keeper.valid()).header == "Bearer token-2"
    assert office.asked == 2


async def test_a_token_that_has_ended_is_never_given_out(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    office.life = 100
    await clock.run(keeper.valid())
    await clock.advance(99)
    assert keeper.usable() is None
    assert (await clock.run(keeper.valid())).header == "Bearer token-2"


async def test_a_renewal_that_fails_leaves_the_token_to_its_end(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    await clock.run(keeper.valid())
    office.error = TransientError("benchling-unreachable")
    await clock.advance(750)
    for _ in range(100):
        assert (await keeper.valid()).header == "Bearer token-1"
    await clock.advance(1)
    assert (await keeper.valid()).header == "Bearer token-1"
    assert office.asked == 2
    await clock.advance(200)
    assert (await refused(clock, keeper)).code == "benchling-unreachable"


async def test_a_dropped_token_is_replaced_once_however_many_drop_it(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    old = await clock.run(keeper.valid())
    keeper.drop(old)
    new = await clock.run(keeper.valid())
    keeper.drop(old)  # somebody whose request was slower
    assert await clock.run(keeper.valid()) is new
    assert office.asked == 2


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_refused_credentials_are_a_matter_of_configuration(
    clock: VirtualClock, office: Office, keeper: TokenKeeper, status: int
) -> None:
    office.refusal = (status, "application/json", REFUSAL)
    error = await refused(clock, keeper)
    assert isinstance(error, ConfigurationError)
    assert error.code == "benchling-credentials-refused"
    assert str(status) in error.sentence


async def test_refused_credentials_are_not_asked_about_again_and_again(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    office.refusal = (401, "application/json", REFUSAL)
    asked_at: list[float] = []
    while clock.monotonic() < 600:
        before = office.asked
        error = await refused(clock, keeper)
        assert error.code == "benchling-credentials-refused"
        if office.asked > before:
            asked_at.append(clock.monotonic())
        await clock.advance(0.5)
    gaps = [later - earlier for earlier, later in pairwise(asked_at)]
    assert gaps == sorted(gaps)
    assert gaps[0] < 5
    assert 20 <= gaps[-1] < 22  # the longest pause, and the second of the answer


async def test_signing_in_waits_until_it_may_ask_again_instead_of_repeating_an_old_error(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    office.refusal = (401, "application/json", REFUSAL)
    await refused(clock, keeper)
    office.refusal = None
    began = clock.monotonic()
    await clock.run(keeper.settled())
    assert clock.monotonic() - began == pytest.approx(2)
    assert (await clock.run(keeper.valid())).header == "Bearer token-2"
    await clock.run(keeper.settled())
    assert clock.monotonic() - began == pytest.approx(3)


async def test_a_refusal_is_remembered_until_there_is_a_token_again(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    assert not keeper.refused
    office.refusal = (401, "application/json", REFUSAL)
    await refused(clock, keeper)
    assert keeper.refused
    office.refusal, office.error = None, TransientError("benchling-unreachable")
    await clock.run(keeper.settled())
    await refused(clock, keeper)
    assert keeper.refused
    office.error = None
    await clock.run(keeper.settled())
    await clock.run(keeper.valid())
    assert not keeper.refused


async def test_mended_credentials_are_taken_when_the_time_has_come(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    office.refusal = (401, "application/json", REFUSAL)
    await refused(clock, keeper)
    office.refusal = None
    assert (await refused(clock, keeper)).code == "benchling-credentials-refused"
    await clock.advance(3)
    assert (await clock.run(keeper.valid())).header == "Bearer token-2"


async def test_tokens_that_the_api_rejects_are_not_asked_for_again_and_again(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    for _ in range(3):
        token = await clock.run(keeper.valid())
        error = keeper.reject(token, REQUEST)
        assert error.code == "benchling-credentials-refused"
        assert "GET /api/v2/entries/etr_1" in error.sentence
        keeper.reject(token, REQUEST)  # the crowd that used the same one
        asked = office.asked
        assert (await refused(clock, keeper)).code == "benchling-credentials-refused"
        assert office.asked == asked
        await clock.advance(2**office.asked + 0.1)


@pytest.mark.parametrize(
    ("status", "media_type", "body"),
    [
        (404, "text/html", PAGE),
        (404, "application/json", b'{"error": "no such path"}'),
        (200, "text/html; charset=utf-8", PAGE),
        (200, "application/json", PAGE),
        (403, "text/html", PAGE),
        (405, "text/html", PAGE),
        (301, "text/html", PAGE),
        (302, "", b""),
    ],
)
def test_a_page_or_nothing_in_place_of_a_token_is_no_benchling_tenant(
    status: int, media_type: str, body: bytes
) -> None:
    answer = reply(status, media_type, body)
    outcome = read_token(answer, 0, known=False)
    assert isinstance(outcome, ConfigurationError)
    assert outcome.code == "benchling-not-a-tenant"
    # Where there were tokens before, it is an outage.
    later = read_token(answer, 0, known=True)
    assert isinstance(later, TransientError)
    assert later.code == "benchling-unexpected-answer"


@pytest.mark.parametrize(
    ("status", "media_type", "body", "code"),
    [
        (500, "application/json", REFUSAL, "benchling-failing"),
        (503, "text/html", PAGE, "benchling-failing"),
        (200, "application/json", b"{}", "benchling-unexpected-answer"),
        (200, "application/json", b'{"access_token": ""}', "benchling-unexpected-answer"),
        (200, "application/json", b'{"access_token": "a\\nb"}', "benchling-unexpected-answer"),
        (200, "application/json", b'{"access_token": 7}', "benchling-unexpected-answer"),
        (200, "application/json", b'{"access_', "benchling-unexpected-answer"),
        (409, "application/json", REFUSAL, "benchling-unexpected-answer"),
    ],
)
def test_whatever_may_pass_is_transient(
    status: int, media_type: str, body: bytes, code: str
) -> None:
    outcome = read_token(reply(status, media_type, body), 0, known=False)
    assert isinstance(outcome, TransientError)
    assert outcome.code == code


@pytest.mark.parametrize(("life", "taken"), [(None, None), ("soon", None), (-5, 1), (1e12, 86_400)])
def test_a_strange_time_to_live_is_brought_into_reason(life: object, taken: float | None) -> None:
    outcome = read_token(granted("t", life), 10.0, known=False)
    if taken is None:
        assert isinstance(outcome, TransientError)
    else:
        assert isinstance(outcome, Token)
        assert outcome.ends_at == 10 + taken
        assert 10 < outcome.renew_at < outcome.ends_at


def test_a_token_without_a_time_to_live_is_good_for_the_documented_time() -> None:
    body = b'{"access_token": "t", "token_type": "Bearer"}'
    outcome = read_token(reply(200, "application/json", body), 0, known=False)
    assert isinstance(outcome, Token)
    assert outcome.ends_at == 900


async def test_closing_ends_a_request_under_way(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    waiting = asyncio.create_task(keeper.valid())
    await clock.run_until_idle()
    await keeper.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert office.asked == 1


async def test_neither_token_nor_body_is_in_anything_that_can_be_printed(
    clock: VirtualClock, office: Office, keeper: TokenKeeper
) -> None:
    token = await clock.run(keeper.valid())
    assert "token-1" not in repr(token)
    assert "token-1" not in repr(granted("token-1"))
    office.refusal = (401, "application/json", b'{"error": {"message": "quux"}}')
    keeper.drop(token)
    error = await refused(clock, keeper)
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "quux" not in told
    assert "token-1" not in told


def test_the_request_is_the_documented_one() -> None:
    assert str(TOKEN_REQUEST) == "POST /api/v2/token"
    assert TOKEN_REQUEST.form == {"grant_type": "client_credentials"}
