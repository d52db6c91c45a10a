"""One vocabulary in file, environment and flags; whatever is wrong is told with its remedy."""

from pathlib import Path

import pytest
import trustme

from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.environment import PLATFORM_VARIABLES
from benchling_connector.domain.errors import InvalidConfiguration
from benchling_connector.settings import load

GOOD = {
    "benchling_url": "https://acme.benchling.com",
    "client_id": "app",
    "client_secret": "planted-secret",
    "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/benchling-events",
    "aws_region": "us-east-1",
}


def good(**more: object) -> Configuration:
    return load(None, {**GOOD, **more}, {})


def problems(**more: object) -> dict[str, str]:
    with pytest.raises(InvalidConfiguration) as caught:
        good(**more)
    assert "planted-secret" not in str(caught.value)
    return {field.key: f"{field.problem} {field.remedy}" for field in caught.value.fields}


def test_the_defaults_are_those_of_the_reference(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = good()
    assert found.data_dir == tmp_path / "data"
    assert found.lake_url == (tmp_path / "data" / "lake").as_uri()
    assert found.database_url == f"sqlite:///{tmp_path}/data/connector.db"
    assert (found.events_per_file, found.bulk_get_size, found.request_timeout_s) == (10, 100, 60)
    assert found.api_requests_per_30s == "auto"
    assert found.event_types == found.schema_ids == ("*",)
    assert found.connector_name == "benchling"
    assert found.connector_id is None
    assert found.http_port is None
    assert found.disable_ssl_verification is False
    assert found.sample_result_export_interface_ids == ()


def test_flags_go_before_the_environment_and_that_before_the_file(tmp_path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("client_id: file\naws_region: eu-west-1\nconnector_name: file\n")
    environment = {
        "BENCHLING_CONNECTOR_CLIENT_ID": "environment",
        "BENCHLING_CONNECTOR_AWS_REGION": "eu-central-1",
        "OTHER": "x",
    }
    flags = {k: v for k, v in GOOD.items() if k != "aws_region"} | {"client_id": "flag"}
    found = load(file, {**flags, "events_per_file": None}, environment)
    assert (found.client_id, found.aws_region, found.connector_name) == (
        "flag", "eu-central-1", "file",
    )  # fmt: skip


def test_lists_and_numbers_can_be_written_in_the_environment() -> None:
    environment = {
        "BENCHLING_CONNECTOR_EVENT_TYPES": "v2.entry.*, v2.request.*",
        "BENCHLING_CONNECTOR_SCHEMA_IDS": '["ts_1", "none"]',
        "BENCHLING_CONNECTOR_API_REQUESTS_PER_30S": "120",
        "BENCHLING_CONNECTOR_HTTP_PORT": "off",
        "BENCHLING_CONNECTOR_DISABLE_SSL_VERIFICATION": "true",
    }
    found = load(None, GOOD, environment)
    assert found.event_types == ("v2.entry.*", "v2.request.*")
    assert found.schema_ids == ("ts_1", "none")
    assert found.api_requests_per_30s == 120
    assert found.http_port is None
    assert found.disable_ssl_verification is True


def test_a_secret_can_be_read_from_a_file(tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    rest = {key: value for key, value in GOOD.items() if key != "client_secret"}
    found = load(None, {**rest, "client_secret_file": str(secret)}, {})
    assert found.client_secret.get_secret_value() == "from-a-file"
    assert "from-a-file" not in repr(found)
    assert "client_secret_file" in problems(client_secret_file=str(secret))
    missing = problems(client_secret=None, client_secret_file=str(tmp_path / "none"))
    assert "cannot be read" in missing["client_secret_file"]
    folder = problems(client_secret=None, client_secret_file=str(tmp_path))
    assert f"the file {tmp_path} cannot be read" in folder["client_secret_file"]


@pytest.mark.parametrize("secret", ["cs_Pasted", "~cs_Pasted", "cs_Pasted\0", "cs_Pasted" * 900])
def test_a_secret_in_place_of_its_files_path_is_not_repeated(secret) -> None:
    told = problems(client_secret=None, client_secret_file=secret)["client_secret_file"]
    assert "cannot be read" in told
    assert "cs_Pasted" not in told


@pytest.mark.parametrize("blank", ["", " ", "\n", " \r\n\t"])
def test_a_secret_that_is_there_and_empty_is_no_mistake_but_stays_empty(tmp_path, blank) -> None:
    secret = tmp_path / "secret"
    secret.write_text(blank)
    rest = {key: value for key, value in GOOD.items() if key != "client_secret"}
    from_file = load(None, {**rest, "client_secret_file": str(secret)}, {})
    from_variable = load(None, rest, {"BENCHLING_CONNECTOR_CLIENT_SECRET": blank})
    assert len(from_file.client_secret) == len(from_variable.client_secret) == 0
    assert "client_secret" in problems(client_secret=None)


def test_an_empty_secret_gives_way_to_one_further_down(tmp_path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("client_secret: from-the-file\n")
    rest = {key: value for key, value in GOOD.items() if key != "client_secret"}
    found = load(file, rest, {"BENCHLING_CONNECTOR_CLIENT_SECRET": ""})
    assert found.client_secret.get_secret_value() == "from-the-file"
    file.write_text("client_secret:\n")
    found = load(file, rest, {"BENCHLING_CONNECTOR_CLIENT_SECRET": "from-the-variable"})
    assert found.client_secret.get_secret_value() == "from-the-variable"


def test_a_key_without_a_value_does_not_stand_in_the_way_of_a_secret_file(tmp_path) -> None:
    file, secret = tmp_path / "c.yaml", tmp_path / "secret"
    secret.write_text("from-a-file")
    file.write_text(f"client_secret:\nclient_secret_file: {secret}\n")
    rest = {key: value for key, value in GOOD.items() if key != "client_secret"}
    assert load(file, rest, {}).client_secret.get_secret_value() == "from-a-file"
    file.write_text("client_secret:\n")
    assert len(load(file, rest, {}).client_secret) == 0


def test_a_bundle_is_looked_at_before_anything_is_contacted(tmp_path) -> None:
    bundle = tmp_path / "authority.pem"
    assert "cannot be read" in problems(ca_bundle=str(bundle))["ca_bundle"]
    bundle.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert "no certificate" in problems(ca_bundle=str(bundle))["ca_bundle"]
    assert "cannot be read" in problems(ca_bundle=str(tmp_path))["ca_bundle"]
    trustme.CA().cert_pem.write_to_path(str(bundle))
    assert good(ca_bundle=str(bundle)).ca_bundle == bundle
    assert good(ca_bundle="").ca_bundle is None


@pytest.mark.parametrize(
    "text",
    [
        "http://me:planted/word@proxy:3128",
        "http://me:planted#word@proxy:3128",
        "http://me/planted@proxy:3128",
        "http://me:word@proxy:planted",
        "me:planted/@proxy",
        "http://[planted",
        "http://",
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_no_url_is_told_without_the_password_in_it(variable, text) -> None:
    with pytest.raises(InvalidConfiguration, match="percent-encoded") as caught:
        load(None, GOOD, {variable: text})
    assert [field.key for field in caught.value.fields] == [variable]
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "proxy:3128", "http://proxy", "https://me:a%2Fb@proxy:1", "http://me:a@b@proxy:1"]
)
def test_a_proxy_may_be_written_in_many_ways(text) -> None:
    load(None, GOOD, {"HTTPS_PROXY": text})


def test_an_unknown_key_names_the_closest_known_one() -> None:
    assert "client_secret" in problems(clientsecret="x")["clientsecret"]
    with pytest.raises(InvalidConfiguration, match="aws_region"):
        load(None, GOOD, {"BENCHLING_CONNECTOR_AWS_REGON": "x"})


def test_what_kubernetes_writes_into_a_pod_is_no_key() -> None:
    names = ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP_ADDR")
    load(None, GOOD, {f"BENCHLING_CONNECTOR_{name}": "x" for name in names})


@pytest.mark.parametrize("key", sorted(GOOD))
def test_a_missing_key_is_named_with_an_example(key) -> None:
    assert "is required" in problems(**{key: None})[key]


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("benchling_url", "acme.benchling.com", "https://"),
        ("benchling_url", "ftp://acme.benchling.com", "https://"),
        ("benchling_url", "https://", "host"),
        ("benchling_url", "https://acme.benchling.com/api/v2", "https://acme.benchling.com"),
        ("benchling_url", "https://u:p@acme.benchling.com", "password"),
        ("benchling_url", "https://acme.benchling.com:x", "URL"),
        ("sqs_url", "benchling-events", "https://"),
        ("sqs_url", "https://sqs.us-east-1.amazonaws.com/", "account"),
        ("aws_region", "Frankfurt", "form"),
        ("client_id", "", "empty"),
        ("client_id", 123, "quotes"),
        ("events_per_file", 0, "at least 1"),
        ("events_per_file", 11, "at most 10"),
        ("events_per_file", "many", "whole number"),
        ("bulk_get_size", 0, "at least 1"),
        ("request_timeout_s", 0, "more than 0"),
        ("api_requests_per_30s", "fast", "auto"),
        ("api_requests_per_30s", 0, "auto"),
        ("http_port", 70000, "at most"),
        ("event_types", [], "empty list"),
        ("disable_ssl_verification", "perhaps", "true or false"),
        ("lake_url", "/srv/lake", "file://"),
        ("lake_url", "file://srv/lake", "absolute"),
        ("lake_url", "s3://", "bucket"),
        ("database_url", "mysql://x", "postgresql://"),
        ("database_url", "sqlite:///:memory:", "file"),
        ("connector_id", "a b", "form"),
    ],
)
def test_a_wrong_value_is_told_with_what_to_write_instead(key, value, word) -> None:
    found = problems(**{key: value})
    assert list(found) == [key]
    assert word in found[key]


@pytest.mark.parametrize("text", ["[", "- a\n", "just text", "a: b: c"])
def test_a_file_that_holds_no_keys_is_told(tmp_path, text) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(InvalidConfiguration, match=r"c\.yaml"):
        load(file, GOOD, {})


def test_a_file_that_is_missing_or_empty_is_told() -> None:
    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        load(Path("/nonexistent/c.yaml"), GOOD, {})


def test_every_problem_is_told_at_once(tmp_path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("")
    with pytest.raises(InvalidConfiguration) as caught:
        load(file, {"aws_region": "?"}, {})
    assert {field.key for field in caught.value.fields} == set(GOOD)


def test_an_empty_url_of_lake_or_database_stands_for_the_embedded_one() -> None:
    found = good(lake_url="", database_url="")
    assert found.lake_url == (found.data_dir / "lake").as_uri()
    assert found.database_url == f"sqlite:///{found.data_dir}/connector.db"


def test_urls_are_written_one_way() -> None:
    assert good(benchling_url="https://ACME.benchling.com/").benchling_url == (
        "https://acme.benchling.com"
    )
    assert good(database_url="postgres://h/db").database_url == "postgresql://h/db"
    assert good(lake_url="s3://bucket/prefix/").lake_url == "s3://bucket/prefix"


def test_the_platforms_own_variables_are_no_keys() -> None:
    load(None, GOOD, dict.fromkeys(PLATFORM_VARIABLES, "x"))
