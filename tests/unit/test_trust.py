"""Whom TLS trusts: the public authorities, and those of `ca_bundle` besides, never instead."""

import ssl
from pathlib import Path

import pytest
import trustme
from botocore.httpsession import where

from benchling_connector.adapters.aws import new_session
from benchling_connector.adapters.trust import bundle_file, client_context, read_bundle


def authorities(pem: bytes) -> set[bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    return set(context.get_ca_certs(binary_form=True))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


def test_what_verifies_knows_the_system_s_authorities_and_the_bundle_s(bundle: Path) -> None:
    system = set(client_context(None).get_ca_certs(binary_form=True))
    both = client_context(bundle)
    assert set(both.get_ca_certs(binary_form=True)) == system | authorities(bundle.read_bytes())
    assert both.verify_mode is ssl.CERT_REQUIRED
    assert both.check_hostname


@pytest.mark.parametrize("named", [False, True])
def test_aws_is_trusted_by_its_own_list_or_the_variable_s_and_by_the_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    base = tmp_path / "named.pem"
    trustme.CA().cert_pem.write_to_path(str(base))
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    if named:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(base))
    session = new_session(bundle)
    content = Path(str(session.get_config_variable("ca_bundle"))).read_bytes()
    wanted = base.read_bytes() if named else Path(where()).read_bytes()
    assert authorities(content) == authorities(wanted) | authorities(bundle.read_bytes())


def test_without_a_bundle_aws_s_library_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert new_session().get_config_variable("ca_bundle") is None


def test_the_same_content_is_one_file_that_can_be_read_again_and_again() -> None:
    path = bundle_file(b"some content")
    assert bundle_file(b"some content") == path
    assert [Path(path).read_bytes() for _ in range(2)] == [b"some content"] * 2
    assert bundle_file(b"other content") != path


def test_the_words_of_the_bundle_may_be_in_any_language(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    pems = [trustme.CA().cert_pem.bytes() for _ in range(2)]
    bundle.write_bytes("# Größte Behörde, 認証局\n".encode() + b"\n# more\n".join(pems))
    assert read_bundle(bundle) == bundle.read_bytes()
    more = client_context(bundle).cert_store_stats()["x509_ca"]
    assert more == client_context(None).cert_store_stats()["x509_ca"] + 2
