"""What a channel has to be told, and what is kept of it."""

import pytest

from benchling_connector.domain.channels import ChannelKind, address_of
from benchling_connector.domain.errors import InvalidConfiguration


def wrong(kind: ChannelKind, **given: object) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        address_of(kind, given)
    return [one.key for one in caught.value.fields]


def test_a_webhooks_url_is_a_secret_and_its_host_is_shown() -> None:
    address = address_of(ChannelKind.WEBHOOK, {"url": "https://hooks.example.com/T0/B0/x"})
    assert address.content == {"host": "hooks.example.com"}
    assert address.secrets == {"url": "https://hooks.example.com/T0/B0/x"}


def test_a_mail_server_is_asked_for_starttls_on_its_usual_port_unless_said_else() -> None:
    given = {"host": "mail.example.com", "sender": "a@example.com", "recipients": "b@example.com"}
    address = address_of(ChannelKind.SMTP, given)
    assert address.content == {**given, "recipients": ["b@example.com"], "port": 587} | {
        "security": "starttls"
    }


def test_every_field_that_is_wrong_is_named() -> None:
    assert wrong(
        ChannelKind.SMTP, host="a b", port=0, security="ssl", sender="x", recipients=[], more=1
    ) == ["more", "host", "port", "security", "sender", "recipients"]


@pytest.mark.parametrize(
    "url", ["ftp://host/", "https://", "http://[::1", "x", "", 5, None, "a\nb"]
)
def test_what_is_no_url_is_no_webhook(url: object) -> None:
    assert wrong(ChannelKind.WEBHOOK, url=url) == ["url"]


@pytest.mark.parametrize("address", ["a@b, c", "a@b\nBcc: x@y", "a", "ä@example.com", "<a@b>"])
def test_an_address_cannot_bring_in_another_header(address: str) -> None:
    given = {"host": "mail", "sender": "a@b", "recipients": [address]}
    assert wrong(ChannelKind.SMTP, **given) == ["recipients"]


@pytest.mark.parametrize("arn", ["arn:aws:sqs:us-east-1:123456789012:x", "x", "arn:aws:sns:::x"])
def test_what_is_no_topic_is_named(arn: str) -> None:
    assert wrong(ChannelKind.SNS, topic_arn=arn) == ["topic_arn"]
