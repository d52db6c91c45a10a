"""Client ID and secret are taken anew from where they came, if what stands there can be used."""

import base64

import pytest
from structlog.testing import capture_logs

from benchling_connector.adapters.benchling.credentials import Credentials
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import (
    ConnectorError,
    InvalidConfiguration,
)
from benchling_connector.settings import load

GOOD = {
    "benchling_url": "https://acme.benchling.com",
    "client_id": "app",
    "client_secret": "old",
    "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/benchling-events",
    "aws_region": "us-east-1",
}


def good(**more: object) -> Configuration:
    return load(None, {**GOOD, **more}, {})


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("found", "header"),
    [
        (good(client_secret="new"), "app:new"),
        (good(client_id="other", client_secret="new"), "other:new"),
        (good(), "app:old"),
        (good(client_secret=""), "app:old"),
        (good(client_secret="new", benchling_url="https://other.benchling.com"), "app:old"),
        (InvalidConfiguration([]), "app:old"),
    ],
)
async def test_what_cannot_be_used_changes_nothing(
    found: Configuration | ConnectorError, header: str
) -> None:
    def look_again() -> Configuration:
        if isinstance(found, ConnectorError):
            raise found
        return found

    credentials = Credentials(good(), look_again)
    assert credentials.header == basic("app:old")
    with capture_logs() as said:
        await credentials.renew()
        await credentials.renew()
    assert credentials.header == basic(header)
    assert [line["event"] for line in said] == ["credentials.renewed"] * (header != "app:old")
    assert "new" not in str(said).replace("renewed", "")
    assert "app" not in repr(credentials)


async def test_without_a_place_to_look_at_nothing_changes() -> None:
    credentials = Credentials(good())
    await credentials.renew()
    assert credentials.header == basic("app:old")
