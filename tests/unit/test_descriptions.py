"""botocore's descriptions of AWS say to us what they say to botocore."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from benchling_connector.adapters import aws


def loader() -> Any:
    aws._loader.cache_clear()  # botocore changes what it has loaded, as it goes
    return aws.new_session().get_component("data_loader")


@pytest.mark.parametrize("name", ["endpoints", "partitions", "sdk-default-configuration", "_retry"])
def test_what_holds_for_all_of_aws_is_what_botocore_reads(name: str) -> None:
    assert loader().load_data(name) == Loader().load_data(name)


@pytest.mark.parametrize("service", ["sqs", "sts", "sso"])
@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1"])
def test_what_a_service_is_is_what_botocore_reads(service: str, kind: str) -> None:
    ours = loader().load_service_model(service, kind)
    assert ours == Loader().load_service_model(service, kind)


def test_descriptions_of_ones_own_are_read_plain_or_compressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    (tmp_path / "plain.json").write_text('{"a": 1}')
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(b'{"b": 2}'))
    assert loader().load_data("plain") == {"a": 1}
    assert loader().load_data("packed") == {"b": 2}


@pytest.mark.parametrize("content", [b"{", b'{"a": "\xff"}'])
def test_a_broken_description_is_the_error_that_botocore_makes_of_it(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    (tmp_path / "broken.json").write_bytes(content)
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        loader().load_data("broken")
