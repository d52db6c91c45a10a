"""Notices over real protocols: a web server, a mail server with TLS, SNS."""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from benchling_connector.adapters.notify import notify
from benchling_connector.adapters.notify.webhook import NOTICE_HEADER, SIGNATURE_HEADER
from benchling_connector.domain.channels import Address, ChannelKind, address_of
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.notices import Notice, What, document_of, text_of
from benchling_connector.simulator.aws import EmbeddedAws
from tests.aws import SESSION, Queue

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOTICE = Notice(
    notice_id="a1:raised",
    what=What.RAISED,
    alert_id="a1",
    connector_id="c1",
    connector_name="Größe\r\nBcc: evil@example.com",
    kind="health",
    code="lake-failing",
    severity="CRITICAL",
    sentence="The lake cannot be written at present.",
    remedy="Check it.",
    since=NOON,
)


# Webhook


class Hook:
    """A web server that takes notices, and answers as it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 204
        self.heard: list[tuple[dict[str, str], bytes]] = []

    async def serve(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, headers={"Location": f"{self.url}/elsewhere"})


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    made = Hook()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def webhook(hook: Hook, **more: str) -> Address:
    return address_of(ChannelKind.WEBHOOK, {"url": f"{hook.url}/in?token=quiet", **more})


async def test_a_webhook_gets_the_notice_as_json_under_its_id(hook: Hook) -> None:
    await notify(webhook(hook), NOTICE)
    ((headers, body),) = hook.heard
    assert json.loads(body) == document_of(NOTICE)
    assert headers[NOTICE_HEADER] == "a1:raised"
    assert SIGNATURE_HEADER not in headers


async def test_a_webhook_can_tell_by_the_signature_who_sent_it_and_when(hook: Hook) -> None:
    await notify(webhook(hook, secret="s3cret"), NOTICE)
    ((headers, body),) = hook.heard
    at, mac = (part.partition("=")[2] for part in headers[SIGNATURE_HEADER].split(","))
    signed = hmac.new(b"s3cret", at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert mac == signed
    assert int(at) > NOON.timestamp()


@pytest.mark.parametrize("status", [302, 400, 500])
async def test_a_webhook_that_does_not_take_it_has_not_heard_it(hook: Hook, status: int) -> None:
    hook.status = status
    with pytest.raises(TransientError) as caught:
        await notify(webhook(hook), NOTICE)
    assert caught.value.sentence == f"The webhook answered with status {status}."
    assert len(hook.heard) == 1


async def test_the_error_of_a_webhook_that_is_not_there_holds_nothing_of_its_url() -> None:
    url = "http://127.0.0.1:9/T0/quiet"
    with pytest.raises(TransientError) as caught:
        await notify(address_of(ChannelKind.WEBHOOK, {"url": url}), NOTICE)
    assert "quiet" not in str(caught.value)
    assert caught.value.__cause__ is None


# Mail


class Mailbox:
    """Keeps what comes, and knows one user."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage, bool]] = []
        self.refused: set[str] = set()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), mail, session.ssl is not None))
        return "250 OK"


def known_user(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"ops", b"s3cret"), handled=False)


@asynccontextmanager
async def mail_server(box: Mailbox, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Its port. With a context it insists on STARTTLS and a sign-in."""
    more: dict[str, Any] = {}
    if context is not None:
        more = {
            "tls_context": context,
            "require_starttls": True,
            "authenticator": known_user,
            "auth_required": True,
        }
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, loop=loop, **more), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """A server's certificate, of an authority that this machine trusts."""
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def mail_to(port: int, **more: object) -> Address:
    given = {
        "host": "127.0.0.1",
        "port": port,
        "sender": "connector@example.com",
        "recipients": ["ops@example.com", "lab@example.com"],
    }
    return address_of(ChannelKind.SMTP, {**given, **more})


async def test_a_mail_goes_to_every_recipient_by_starttls_with_sign_in(
    trusted: ssl.SSLContext,
) -> None:
    box = Mailbox()
    async with mail_server(box, trusted) as port:
        await notify(mail_to(port, user="ops", password="s3cret"), NOTICE)
    ((recipients, mail, encrypted),) = box.mails
    assert (recipients, encrypted) == (["ops@example.com", "lab@example.com"], True)
    assert mail["Message-ID"] == "<a1.raised@example.com>"
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("[CRITICAL] Benchling connector Größe")
    assert mail.get_content().replace("\r\n", "\n").split() == text_of(NOTICE).split()


async def test_a_password_is_not_sent_to_a_server_without_tls() -> None:
    box = Mailbox()
    async with mail_server(box, None) as port:
        with pytest.raises(TransientError):
            await notify(mail_to(port, user="ops", password="s3cret"), NOTICE)
    assert box.mails == []


async def test_a_mail_server_that_nobody_vouches_for_gets_nothing(
    trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    box = Mailbox()
    async with mail_server(box, trusted) as port:
        with pytest.raises(TransientError):
            await notify(mail_to(port, user="ops", password="s3cret"), NOTICE)
    assert box.mails == []


async def test_a_wrong_password_is_told_without_the_password(trusted: ssl.SSLContext) -> None:
    async with mail_server(Mailbox(), trusted) as port:
        with pytest.raises(TransientError) as caught:
            await notify(mail_to(port, user="ops", password="quiet"), NOTICE)
    assert caught.value.sentence == "The mail server answered 535 to the sign-in."


async def test_a_recipient_that_is_refused_has_not_heard() -> None:
    box = Mailbox()
    box.refused = {"lab@example.com"}
    async with mail_server(box, None) as port:
        with pytest.raises(TransientError) as caught:
            await notify(mail_to(port, security="none"), NOTICE)
    assert caught.value.sentence == "The mail server refused 1 of 2 recipients."


# SNS


@pytest.fixture
async def topic(
    aws: EmbeddedAws, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """A topic that sends on to the queue, as this machine's AWS sees it."""
    arguments = aws.client_arguments()
    monkeypatch.setenv("AWS_ENDPOINT_URL", arguments["endpoint_url"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.credentials.secret_access_key)
    async with SESSION.create_client("sns", **arguments) as client:
        arn = (await client.create_topic(Name="alerts"))["TopicArn"]
        await client.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn)
        yield str(arn)
        await client.delete_topic(TopicArn=arn)


async def test_a_topic_hands_the_notice_on_as_json(topic: str, queue: Queue) -> None:
    await notify(address_of(ChannelKind.SNS, {"topic_arn": topic}), NOTICE)
    messages: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not messages:
            messages = await queue.receive_all()
    (message,) = messages
    envelope = json.loads(message["Body"])
    assert json.loads(envelope["Message"]) == document_of(NOTICE)
    assert envelope["MessageAttributes"]["noticeId"]["Value"] == "a1:raised"


async def test_a_topic_that_there_is_not_has_not_heard(topic: str) -> None:
    arn = topic.replace(":alerts", ":gone")
    with pytest.raises(TransientError) as caught:
        await notify(address_of(ChannelKind.SNS, {"topic_arn": arn}), NOTICE)
    assert "NotFound" in caught.value.sentence


async def test_a_topic_whose_subject_has_no_ascii_is_told_all_the_same(
    topic: str, queue: Queue
) -> None:
    notice = replace(NOTICE, connector_name="研究室" * 60)
    await notify(address_of(ChannelKind.SNS, {"topic_arn": topic}), notice)
