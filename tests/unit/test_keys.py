"""The platform's keys and what they protect."""

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from benchling_connector.domain.environment import PLATFORM_KEY, PLATFORM_KEY_FILE
from benchling_connector.domain.errors import ConfigurationError, InvalidConfiguration
from benchling_connector.platform.keys import KeyPlace, key_place, new_key
from benchling_connector.platform.vault import Vault

SECRET = "hunter2-hunter2"


def test_a_key_is_looked_for_in_the_environment_then_in_the_data_directory(tmp_path: Path) -> None:
    one, two, three = new_key(), new_key(), new_key()
    (tmp_path / "platform.key").write_text(one)
    (tmp_path / "elsewhere").write_text(f"{two}\n{one}\n")
    file = {PLATFORM_KEY_FILE: str(tmp_path / "elsewhere")}
    assert key_place({}, tmp_path).keys() == (one,)
    assert key_place(file, tmp_path).keys() == (two, one)
    given = {**file, PLATFORM_KEY: f"{three}, {two}"}
    assert key_place(given, tmp_path).keys() == (three, two)


def test_a_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    place = KeyPlace(tmp_path / "platform.key")
    place.make(new_key())
    assert place.file.stat().st_mode & 0o777 == 0o600
    place.replace((new_key(), new_key()))
    assert place.file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["platform.key"]


def test_of_two_processes_that_make_the_first_key_both_use_the_same(tmp_path: Path) -> None:
    place = KeyPlace(tmp_path / "platform.key")
    first, second = new_key(), new_key()
    place.make(first)
    place.make(second)
    assert place.keys() == (first,)


@pytest.mark.parametrize("text", ["not-a-key", "x" * 44, new_key()[:-3], "\N{BULLET}"])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    (tmp_path / "platform.key").write_text(text)
    with pytest.raises(InvalidConfiguration) as refused:
        KeyPlace(tmp_path / "platform.key").keys()
    assert text not in str(refused.value)


@pytest.mark.parametrize("text", [None, "", " , \n"])
def test_no_key_is_a_lost_key(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "platform.key").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        KeyPlace(tmp_path / "platform.key").keys()
    assert refused.value.code == "secrets-undecryptable"


def test_a_key_is_not_shown(tmp_path: Path) -> None:
    key = new_key()
    assert key not in repr(KeyPlace(tmp_path, key))


def test_a_sealed_secret_opens_for_its_owner_and_name_only() -> None:
    key = new_key()
    vault = Vault(lambda: (key,))
    sealed = vault.seal(SECRET, "c1", "client_secret")
    assert vault.unseal(sealed, "c1", "client_secret") == SECRET
    for owner, name in (("c2", "client_secret"), ("c1", "token")):
        with pytest.raises(ConfigurationError):
            vault.unseal(sealed, owner, name)
    plain = json.loads(Fernet(key).decrypt(sealed))
    assert plain == ["c1", "client_secret", SECRET]


@pytest.mark.parametrize("sealed", ["", "x", "\N{BULLET}"])
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    key = new_key()
    with pytest.raises(ConfigurationError, match="cannot be decrypted"):
        Vault(lambda: (key,)).unseal(sealed, "c1", "x")


def test_an_older_key_still_opens_and_the_first_one_seals() -> None:
    old, new = new_key(), new_key()
    sealed = Vault(lambda: (old,)).seal(SECRET, "c1", "x")
    both = Vault(lambda: (new, old))
    assert both.unseal(sealed, "c1", "x") == SECRET
    assert Vault(lambda: (new,)).unseal(both.reseal(sealed), "c1", "x") == SECRET
    with pytest.raises(ConfigurationError):
        Vault(lambda: (new,)).unseal(sealed, "c1", "x")


def test_a_fingerprint_tells_secrets_apart_and_depends_on_the_key() -> None:
    one, two = new_key(), new_key()
    first, other = Vault(lambda: (one,)), Vault(lambda: (two,))
    prints = [first.fingerprint(SECRET), first.fingerprint("x"), other.fingerprint(SECRET)]
    assert len({*prints}) == 3
    assert first.fingerprint(SECRET) == prints[0]
    assert all(len(one) == 12 for one in prints)
