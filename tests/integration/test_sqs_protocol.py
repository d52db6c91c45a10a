"""SQS's JSON protocol, spoken without botocore's client: it is heard, signed and answered alike."""

import asyncio
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import auth
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from yarl import URL

from benchling_connector import __version__
from benchling_connector.adapters.aws import new_session
from benchling_connector.adapters.sqs import open_queue
from benchling_connector.adapters.sqs.answers import (
    DELETE_BATCH,
    RECEIVE,
    SEND,
    Message,
    MessageAttribute,
    Received,
)
from benchling_connector.adapters.sqs.connection import SqsConnection
from benchling_connector.adapters.sqs.endpoint import endpoint_of
from benchling_connector.adapters.sqs.protocol import signed_headers
from benchling_connector.adapters.system import SystemClock
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.queue_url import parse_queue_url
from tests.integration.conftest import FakeSqs, write_key
from tests.proxy import listening

REGION = "us-east-1"
ACCOUNT = "123456789012"
JSON = "application/x-amz-json-1.0"
QUERY_ERROR = "x-amzn-query-error"


def connection_to(fake: FakeSqs, **more: Any) -> SqsConnection:
    return SqsConnection(parse_queue_url(fake.url), REGION, **more)


def botocores_client(endpoint: str | None, region: str = REGION) -> Any:
    config = AioConfig(parameter_validation=False, retries={"total_max_attempts": 1})
    return AioSession().create_client(
        "sqs", region_name=region, endpoint_url=endpoint, config=config
    )


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)


# Errors


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (
            400,
            b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "No such queue."}',
            {QUERY_ERROR: "AWS.SimpleQueueService.NonExistentQueue;Sender"},
        ),
        (400, b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}', {}),
        (400, b'{"__type": "com.amazonaws.sqs#A", "message": "m"}', {QUERY_ERROR: ";Sender"}),
        (400, b'{"__type": "com.amazonaws.sqs#A", "message": "m"}', {QUERY_ERROR: "B"}),
        (400, b'{"__type": "com.amazonaws.sqs#A", "message": "m"}', {QUERY_ERROR: "B;C;D"}),
        (400, b'{"__type": "com.amazonaws.sqs#A", "message": "m"}', {QUERY_ERROR: "B;"}),
        (403, b'{"__type": "com.amazon.coral.service#AccessDeniedException"}', {}),
        (403, b'{"__type": "InvalidClientTokenId", "Message": "It is invalid."}', {}),
        (400, b'{"__type": "ThrottlingException:http://internal/", "message": "Rate"}', {}),
        (400, b'{"message": "no type"}', {}),
        (400, b"{}", {}),
        (404, b"", {}),
        (407, b"<html>Who are you?</html>", {}),
        (403, "<html>Zugriff verweigert für Sie</html>".encode(), {}),
        (500, b'{"__type": "com.amazonaws.sqs#InternalError", "message": "m"}', {}),
        (502, b" <html><body>Bad Gateway</body></html>", {}),
        (503, b"<!DOCTYPE html><html></html>", {}),
        (503, b"", {}),
    ],
)
async def test_an_error_has_the_code_and_the_sentence_that_botocore_gives_it(
    identity: Path,
    fake: FakeSqs,
    without_pauses: None,
    status: int,
    body: bytes,
    headers: dict[str, str],
) -> None:
    write_key(identity, "key")
    fake.status, fake.page = status, (body, JSON)
    fake.headers = {**headers, "x-amzn-RequestId": "request-1"}
    endpoint = fake.url.removesuffix("/000000000000/benchling")
    async with botocores_client(endpoint) as client:
        with pytest.raises(ClientError) as theirs:
            await client.receive_message(QueueUrl=fake.url)
    connection = connection_to(fake, tell_lost_receives=True)
    with pytest.raises(ClientError) as ours:
        await connection.attempt(RECEIVE, {})
    await connection.close()
    told, wanted = ours.value.response, theirs.value.response
    for name in ("Code", "Message"):
        assert told["Error"][name] == wanted["Error"][name]
    assert told["ResponseMetadata"]["HTTPStatusCode"] == status
    assert ours.value.operation_name == theirs.value.operation_name
    assert str(ours.value) == str(theirs.value).replace(" (reached max retries: 0)", "")


# Requests


@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        (RECEIVE, {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}),
        (DELETE_BATCH, {"Entries": [{"Id": "0", "ReceiptHandle": "AQEB+/=="}]}),
        (SEND, {"MessageBody": "é\u2028\0\x7f"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_the_signature_is_the_one_that_botocore_s_client_makes(
    identity: Path,
    fake: FakeSqs,
    monkeypatch: pytest.MonkeyPatch,
    action: Any,
    parameters: dict[str, object],
    token: str | None,
) -> None:
    identity.write_text(
        "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = se/cr+et\n"
        + (f"aws_session_token = {token}\n" if token else "")
    )
    stand_still(monkeypatch)
    connection = connection_to(fake)
    await connection.call(action, parameters)
    await connection.close()
    ((ours, body),) = fake.heard

    def ask_the_same(params: dict[str, Any], **_: object) -> None:
        params["body"] = body

    endpoint = fake.url.removesuffix("/000000000000/benchling")
    async with botocores_client(endpoint) as client:
        client.meta.events.register("before-call.sqs", ask_the_same)
        method = {
            "ReceiveMessage": client.receive_message,
            "DeleteMessageBatch": client.delete_message_batch,
            "SendMessage": client.send_message,
        }[action.name]
        await method(QueueUrl=fake.url, **parameters)
    theirs, their_body = fake.heard[1]
    assert their_body == body
    assert json.loads(body) == {"QueueUrl": fake.url, **parameters}
    assert ours.pop("user-agent") == f"benchling-connector/{__version__}"
    for unsigned in ("accept", "amz-sdk-invocation-id", "amz-sdk-request", "user-agent"):
        theirs.pop(unsigned, None)
    assert ours == theirs
    assert ours.get("x-amz-security-token") == token


def stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops the clock that signatures are made by."""
    now = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    if hasattr(auth, "get_current_datetime"):
        monkeypatch.setattr(auth, "get_current_datetime", lambda *_, **__: now)
    else:
        clock = SimpleNamespace(utcnow=lambda: now)
        monkeypatch.setattr(auth, "datetime", SimpleNamespace(datetime=clock))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://sqs.eu-west-1.amazonaws.com/",
        "https://SQS.acme.test:443/",
        "http://127.0.0.1:80/",
        "http://127.0.0.1:443/below/",
        "http://[::1]:9324/",
    ],
)
def test_the_host_that_is_told_is_the_host_that_botocore_signs(endpoint: str) -> None:
    who = ReadOnlyCredentials("key", "secret", None)
    headers = signed_headers(URL(endpoint, encoded=True), REGION, "ReceiveMessage", b"{}", who)
    assert headers["Host"] == auth._host_from_url(endpoint)


OF_AWS = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/b"
OF_ISO = f"https://sqs.us-iso-east-1.c2s.ic.gov/{ACCOUNT}/b"
FIPS = {"AWS_USE_FIPS_ENDPOINT": "true"}
DUAL_STACK = {"AWS_USE_DUALSTACK_ENDPOINT": "true"}
EVERYWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("url", "region", "variables"),
    [
        *(
            (url, region, variables)
            for url, region in (
                (OF_AWS, "eu-west-1"),
                (f"https://queue.amazonaws.com/{ACCOUNT}/b", "us-east-1"),
                (f"https://sqs.cn-north-1.amazonaws.com.cn/{ACCOUNT}/b", "cn-north-1"),
                (f"https://sqs.us-gov-west-1.amazonaws.com/{ACCOUNT}/b", "us-gov-west-1"),
            )
            for variables in ({}, FIPS, DUAL_STACK, {**FIPS, **DUAL_STACK})
        ),
        *((OF_ISO, "us-iso-east-1", variables) for variables in ({}, FIPS)),
        *(
            (OF_AWS, "eu-west-1", variables)
            for variables in (
                EVERYWHERE,
                {**EVERYWHERE, "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:2/below/"},
                {**EVERYWHERE, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
                {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"},
                {"AWS_PROFILE": "plain"},
                {"AWS_PROFILE": "served"},
                {"AWS_PROFILE": "served", **EVERYWHERE},
            )
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
async def test_the_endpoint_is_the_one_that_botocore_s_client_asks(
    identity: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    region: str,
    variables: dict[str, str],
) -> None:
    write_key(identity, "key")
    (identity.parent / "config").write_text(
        "[profile plain]\nendpoint_url = http://127.0.0.1:3\n"
        "[profile served]\nendpoint_url = http://127.0.0.1:3\nservices = here\n"
        "[services here]\nsqs =\n  endpoint_url = http://127.0.0.1:4\n"
    )
    with identity.open("a") as file:
        file.writelines(
            f"[{name}]\naws_access_key_id = key\naws_secret_access_key = secret\n"
            for name in ("plain", "served")
        )
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    asked = []

    def look(request: Any, **_: object) -> None:
        asked.append(request.url)
        raise LookupError

    async with botocores_client(None, region) as client:
        client.meta.events.register("before-send.sqs", look)
        with pytest.raises(LookupError):
            await client.receive_message(QueueUrl=url)
    address = parse_queue_url(url)
    assert endpoint_of(address, region, new_session()).rstrip("/") == asked[0].rstrip("/")


# Answers


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Messages": null}', b'{"Messages": []}'])
async def test_an_answer_without_messages_brings_none(
    identity: Path, fake: FakeSqs, body: bytes
) -> None:
    write_key(identity, "key")
    fake.page = (body, JSON)
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        assert list(await source.receive(10, 0)) == []


async def test_half_a_surrogate_pair_passes_both_ways(identity: Path, fake: FakeSqs) -> None:
    write_key(identity, "key")
    fake.page = (rb'{"Messages":[{"MessageId":"a","ReceiptHandle":"h","Body":"\ud800"}]}', JSON)
    connection = connection_to(fake)
    (message,) = (await connection.call(RECEIVE, {})).messages or ()
    assert message.body == "\ud800"
    fake.page = None
    await connection.call(SEND, {"MessageBody": message.body})
    await connection.close()
    assert json.loads(fake.heard[1][1])["MessageBody"] == "\ud800"


async def test_attributes_of_a_message_are_sent_as_they_were_received(
    identity: Path, fake: FakeSqs
) -> None:
    write_key(identity, "key")
    attributes = {
        "text": {"DataType": "String.mine", "StringValue": "é"},
        "number": {"DataType": "Number", "StringValue": "1.50"},
        "bytes": {"DataType": "Binary", "BinaryValue": "/wA="},
    }
    fake.answer = {
        "Messages": [
            {"MessageId": "a", "ReceiptHandle": "h", "Body": "{}", "MessageAttributes": attributes}
        ]
    }
    connection = connection_to(fake)
    received = await connection.call(RECEIVE, {})
    wanted = MessageAttribute("Binary", binary_value="/wA=")
    assert isinstance(received, Received)
    (message,) = received.messages or ()
    assert isinstance(message, Message)
    assert (message.message_attributes or {})["bytes"] == wanted
    await connection.call(
        SEND, {"MessageBody": "{}", "MessageAttributes": message.message_attributes}
    )
    await connection.close()
    assert json.loads(fake.heard[1][1])["MessageAttributes"] == attributes


# Tries


async def test_a_call_that_failed_is_made_again_with_the_same_body(
    identity: Path, fake: FakeSqs, without_pauses: None
) -> None:
    write_key(identity, "key")
    fake.status, fake.failures = 503, 2
    connection = connection_to(fake)
    await connection.call(DELETE_BATCH, {"Entries": []})
    await connection.close()
    assert fake.asked == ["DeleteMessageBatch"] * 3
    assert len({body for _, body in fake.heard}) == 1


@pytest.mark.parametrize("tell_lost_receives", [True, False])
async def test_a_throttled_receive_is_made_again_because_nothing_was_received(
    identity: Path, fake: FakeSqs, without_pauses: None, tell_lost_receives: bool
) -> None:
    write_key(identity, "key")
    fake.status, fake.answer, fake.failures = 400, {"__type": "x#RequestThrottled"}, 1
    connection = connection_to(fake, tell_lost_receives=tell_lost_receives)
    await connection.call(RECEIVE, {})
    await connection.close()
    assert len(fake.asked) == 2


@pytest.mark.parametrize(("tell_lost_receives", "calls"), [(True, 1), (False, 3)])
async def test_a_receive_that_broke_is_made_again_where_nobody_needs_to_be_told(
    identity: Path, without_pauses: None, tell_lost_receives: bool, calls: int
) -> None:
    write_key(identity, "key")

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with listening(hang_up) as listener:
        address = parse_queue_url(f"http://127.0.0.1:{listener.port}/000000000000/b")
        connection = SqsConnection(address, REGION, tell_lost_receives=tell_lost_receives)
        with pytest.raises(TransientError) as caught:
            await connection.call(RECEIVE, {})
        await connection.close()
        assert listener.connections == calls
    assert caught.value.code == "queue-failing"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirection_is_not_followed_with_a_signed_request(
    identity: Path, fake: FakeSqs, status: int
) -> None:
    write_key(identity, "key")
    fake.status, fake.page = status, (b"", JSON)
    fake.headers = {"Location": fake.url}
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        with pytest.raises(TransientError, match=str(status)):
            await source.receive(10, 0)
    assert len(fake.asked) == 1


async def test_calls_under_way_end_before_the_connections_are_closed(
    identity: Path, fake: FakeSqs
) -> None:
    write_key(identity, "key")
    fake.may_answer.clear()
    connection = connection_to(fake)
    calls = [asyncio.create_task(connection.call(RECEIVE, {})) for _ in range(3)]
    while len(fake.asked) < 3:
        await asyncio.sleep(0)
    await connection.close()
    fake.may_answer.set()
    assert [answer.messages for answer in await asyncio.gather(*calls)] == [None] * 3
