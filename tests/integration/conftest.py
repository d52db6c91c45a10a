"""AWS as it says no: an environment without an identity, and queues whose policies count."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from benchling_connector.simulator.aws import EmbeddedAws
from tests.aws import SESSION, Queue, make_queue


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without AWS in it, and the credentials file that the chain looks into."""
    for variable in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SQS",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    credentials = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    return credentials


@pytest.fixture(scope="module")
def strict_aws() -> Iterator[EmbeddedAws]:
    """A stand-in whose queue policies count."""
    with EmbeddedAws(enforce_policies=True) as aws:
        yield aws


@pytest.fixture
async def strict_queue(
    strict_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, identity: Path
) -> AsyncIterator[Queue]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict_aws.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict_aws.credentials.secret_access_key)
    async with SESSION.create_client("sqs", **strict_aws.client_arguments()) as client:
        yield await make_queue(client)
