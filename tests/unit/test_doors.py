"""How `serve` lets people in: what its options and the environment come to."""

from ipaddress import ip_network
from pathlib import Path

import pytest
import structlog
import typer
from typer.testing import CliRunner

from benchling_connector.cli.doors import Doors, is_loopback, oidc_settings
from benchling_connector.cli.options import grouped
from benchling_connector.domain.access import Role
from benchling_connector.domain.errors import InvalidConfiguration
from benchling_connector.web.settings import TrustedProxy

OIDC = {
    "BENCHLING_CONNECTOR_OIDC_ISSUER": "https://login.lab.example",
    "BENCHLING_CONNECTOR_OIDC_CLIENT_ID": "platform",
    "BENCHLING_CONNECTOR_OIDC_CLIENT_SECRET": "a secret",
    "BENCHLING_CONNECTOR_OIDC_ROLES": "boss=admin,*=viewer",
}


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("lab-7", False),
    ],
)
def test_loopback_is_told_from_everywhere_else(host: str, is_one: bool) -> None:
    assert is_loopback(host) is is_one


def test_on_loopback_the_names_of_loopback_and_those_named_are_heeded() -> None:
    doors = Doors(public_url="https://Connectors.Example:8443/", allowed_host=["Lab-7"])

    settings = doors.settings("127.0.0.1", {})

    assert settings.public_url == "https://connectors.example:8443"
    names = {"localhost", "127.0.0.1", "::1", "connectors.example", "lab-7"}
    assert settings.hosts == frozenset(names)


def test_elsewhere_any_name_is_heeded_unless_one_is_named() -> None:
    assert Doors().settings("0.0.0.0", {}).hosts is None
    named = Doors(allowed_host=["lab-7"]).settings("0.0.0.0", {}).hosts
    assert named is not None
    assert "lab-7" in named
    assert "evil.example" not in named


def test_a_proxy_that_is_believed_is_said_loudly() -> None:
    doors = Doors(
        trust_proxy_header="X-Forwarded-User",
        trust_proxy_role_header="X-Forwarded-Role",
        trusted_proxy=["10.0.0.5/32", "fd00::/64"],
    )

    with structlog.testing.capture_logs() as lines:
        settings = doors.settings("127.0.0.1", {})

    networks = (ip_network("10.0.0.5/32"), ip_network("fd00::/64"))
    assert settings.proxy == TrustedProxy("X-Forwarded-User", networks, "X-Forwarded-Role")
    (line,) = lines
    assert (line["log_level"], line["event"]) == ("warning", "proxy.trusted")
    assert line["networks"] == ["10.0.0.5/32", "fd00::/64"]


def test_a_verb_takes_them_as_its_options() -> None:
    app = typer.Typer()
    taken: list[Doors] = []

    @app.command()
    @grouped
    def serve(*, doors: Doors) -> None:
        taken.append(doors)

    words = ["--public-url", "https://x.example", "--allowed-host", "a", "--allowed-host", "b"]
    proxy = ["--trust-proxy-header", "X-User", "--trusted-proxy", "10.0.0.5/32"]
    assert CliRunner().invoke(app, [*words, *proxy]).exit_code == 0

    assert taken == [Doors("https://x.example", ["a", "b"], "X-User", None, ["10.0.0.5/32"])]


@pytest.mark.parametrize(
    "doors",
    [
        Doors(trust_proxy_header="X-Forwarded-User"),
        Doors(trusted_proxy=["10.0.0.5/32"]),
        Doors(trust_proxy_role_header="X-Role"),
        Doors(trust_proxy_header="X-User", trusted_proxy=["10.0.0.5/8"]),
        Doors(trust_proxy_header="X-User", trusted_proxy=["proxy.lab"]),
        Doors(public_url="connectors.example"),
        Doors(public_url="https://connectors.example/path"),
    ],
)
def test_half_of_what_is_needed_is_wrong_usage(doors: Doors) -> None:
    with pytest.raises(typer.BadParameter):
        doors.settings("127.0.0.1", {})


def test_without_an_issuer_nobody_signs_in_there() -> None:
    assert oidc_settings({"BENCHLING_CONNECTOR_DATA_DIR": "data"}) is None
    assert oidc_settings({"BENCHLING_CONNECTOR_OIDC_ISSUER": " "}) is None


def test_the_issuer_comes_from_the_environment_and_its_secret_is_not_shown() -> None:
    settings = oidc_settings(OIDC)

    assert settings is not None
    assert (settings.issuer, settings.client_id) == ("https://login.lab.example", "platform")
    assert (settings.client_secret, settings.role_claim) == ("a secret", "groups")
    assert settings.roles == {"boss": Role.ADMIN, "*": Role.VIEWER}
    assert "a secret" not in repr(settings)


def test_the_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    environment = {**OIDC, "BENCHLING_CONNECTOR_OIDC_CLIENT_SECRET_FILE": str(file)}

    settings = oidc_settings(environment)

    assert settings is not None
    assert settings.client_secret == "from a file"


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"OIDC_ROLES": ""}, ["oidc_roles"]),
        ({"OIDC_ISSUER": "", "OIDC_CLIENT_ID": ""}, ["oidc_issuer", "oidc_client_id"]),
        ({"OIDC_ROLES": "boss=root"}, ["oidc_roles"]),
        ({"OIDC_ISSUER": "http://login.lab.example"}, ["oidc_issuer"]),
        ({"OIDC_CLIENT_SECRET_FILE": "/no/such/file"}, ["oidc_client_secret_file"]),
    ],
)
def test_an_environment_that_is_not_right_is_told_by_key(
    changes: dict[str, str], keys: list[str]
) -> None:
    environment = {**OIDC, **{f"BENCHLING_CONNECTOR_{key}": one for key, one in changes.items()}}

    with pytest.raises(InvalidConfiguration) as invalid:
        oidc_settings(environment)

    assert [field.key for field in invalid.value.fields] == keys
    assert "a secret" not in str(invalid.value)


def test_an_issuer_on_loopback_needs_no_tls() -> None:
    local = {**OIDC, "BENCHLING_CONNECTOR_OIDC_ISSUER": "http://localhost:9400"}
    assert oidc_settings(local) is not None
