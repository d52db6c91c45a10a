"""`users`, `tokens`, `console` and `audit`: what an administrator does at a shell."""

import asyncio
import io
import json
import os
import pwd
import socket
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from benchling_connector.adapters.ledger import open_ledger
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.event import Rejected
from benchling_connector.platform import addresses
from benchling_connector.platform.keys import KeyPlace
from benchling_connector.platform.services import Services, open_services
from benchling_connector.platform.sessions import Opened
from benchling_connector.ports import StrayMessage
from tests.acceptance.in_process import Program, Told
from tests.ledgers import NOON, at
from tests.people import PASSWORD

Result = TypeVar("Result")

pytestmark = pytest.mark.usefixtures("quick_hashes")


class Shell:
    """A shell, and what it works on."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self.folder = folder

    def __call__(self, *words: str) -> Told:
        return self._program(*words, "--data-dir", str(self.folder))

    def json(self, *words: str) -> dict[str, Any]:
        told = self(*words, "--json")
        assert told.status == 0
        document = told.document()
        assert isinstance(document, dict)
        return document

    def see(self, look: Callable[[Services], Awaitable[Result]]) -> Result:
        """What the platform itself says."""

        async def looking() -> Result:
            async with open_services(
                f"sqlite:///{self.folder}/connector.db",
                now=SystemClock().now,
                new_id=SystemIds().file_id,
                key_place=KeyPlace(self.folder / "platform.key"),
            ) as services:
                return await look(services)

        return asyncio.run(looking())

    def actions(self) -> list[str]:
        entries = self.json("audit", "ls")["entries"]
        assert isinstance(entries, list)
        return [one["action"] for one in entries]


@pytest.fixture
def shell(program: Program, tmp_path: Path) -> Shell:
    return Shell(program, tmp_path / "data")


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_token_made_at_a_shell_gets_in_with_its_role(shell: Shell) -> None:
    made = shell.json("tokens", "create", "--name", "ci", "--role", "operator")

    caller = shell.see(lambda services: services.tokens.caller(str(made["token"]), None))

    assert isinstance(caller, Caller)
    assert (caller.name, caller.role) == ("ci", Role.OPERATOR)


def test_a_token_for_people_is_alone_on_stdout(shell: Shell) -> None:
    told = shell("tokens", "create", "--name", "ci", "--role", "viewer", "--expires", "never")

    assert told.stdout.strip().startswith("bct_")
    assert told.stdout.count("\n") == 1
    assert "not shown again" in told.stderr


def test_tokens_are_listed_without_themselves_and_revoked(shell: Shell) -> None:
    made = shell.json("tokens", "create", "--name", "ci", "--role", "viewer", "--expires", "2w")
    told = shell("tokens", "ls", "--json")
    shell.json("tokens", "revoke", str(made["tokenId"]), "--because", "leaked")

    assert str(made["token"]) not in told.stdout
    assert [one["name"] for one in told.document()["tokens"]] == ["ci"]
    assert shell.see(lambda services: services.tokens.caller(str(made["token"]), None)) is None
    assert shell("tokens", "revoke", "nobody's").status == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--role", "root"],
        [],
        ["--role", "viewer", "--connector", "c1"],
        ["--role", "viewer", "--rotate"],
        ["--role", "viewer", "--expires", "soon"],
        ["--role", "viewer", "--expires", "0d"],
    ],
)
def test_a_token_that_makes_no_sense_is_wrong_usage(shell: Shell, words: list[str]) -> None:
    assert shell("tokens", "create", "--name", "x", *words).status == 2


def test_a_token_of_a_connector_that_there_is_not_fails(shell: Shell) -> None:
    assert shell("tokens", "create", "--name", "x", "--connector", "c1").status == 1


def test_an_account_takes_its_password_from_stdin(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, f"{PASSWORD}\n")
    made = shell.json("users", "create", "Ann", "--role", "admin", "--because", "first")

    opened = shell.see(lambda services: services.sign_in.by_password("ann", PASSWORD, None))

    assert made["name"] == "ann"
    assert isinstance(opened, Opened)


def test_a_password_may_stand_in_a_file(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\r\nand more\r\n")
    shell("users", "create", "ann", "--role", "viewer", "--no-password")
    shell("users", "password", "ann", "--password-file", str(file))

    opened = shell.see(lambda services: services.sign_in.by_password("ann", PASSWORD, None))

    assert isinstance(opened, Opened)
    missing = shell("users", "password", "ann", "--password-file", str(tmp_path / "none"))
    assert missing.status == 2


def test_no_flag_takes_a_password(shell: Shell) -> None:
    for verb in ("create", "password"):
        assert "--password " not in shell("users", verb, "--help").stdout


def test_a_weak_password_is_refused_with_a_remedy(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, "short\n")
    told = shell("users", "create", "ann", "--role", "viewer")

    assert told.status == 1
    assert "password-refused" in told.stderr
    assert "12" in told.stderr


def test_accounts_get_roles_are_disabled_and_enabled(shell: Shell) -> None:
    for name in ("ann", "bob"):
        shell("users", "create", name, "--role", "admin", "--no-password")

    assert shell.json("users", "role", "bob", "viewer")["role"] == "viewer"
    assert shell("users", "disable", "ann").status == 1
    assert shell.json("users", "disable", "bob", "--because", "left")["status"] == "DISABLED"
    assert shell.json("users", "enable", "bob")["status"] == "ENABLED"
    assert shell("users", "role", "nobody", "viewer").status == 1
    rows = shell.json("users", "ls")["users"]
    assert isinstance(rows, list)
    assert [one["name"] for one in rows] == ["ann", "bob"]
    assert "ann" in shell("users", "ls").stdout


def test_reading_makes_no_database(shell: Shell) -> None:
    for words in (["users", "ls"], ["tokens", "ls"], ["audit", "verify"], ["console", "link"]):
        assert shell(*words).status == 3
    assert not shell.folder.exists()


# The console's link


def test_a_link_leads_to_where_serve_says_that_it_is(shell: Shell) -> None:
    shell("tokens", "create", "--name", "x", "--role", "viewer")
    shell.see(lambda services: addresses.note(services.desk, "http://127.0.0.1:8123"))

    url = str(shell.json("console", "link")["url"])

    base, _, secret = url.rpartition("/signin/link/")
    assert base == "http://127.0.0.1:8123"
    opened = shell.see(lambda services: services.sessions.open_by_link(secret, None))
    assert opened is not None
    assert opened.caller.role is Role.ADMIN


def test_a_link_needs_to_know_where_the_console_is(shell: Shell) -> None:
    shell("tokens", "create", "--name", "x", "--role", "viewer")
    shell.see(lambda services: addresses.note(services.desk, "http://127.0.0.1:8123"))
    shell.see(lambda services: addresses.forget(services.desk, "http://127.0.0.1:9999"))
    assert shell("console", "link").status == 0
    shell.see(lambda services: addresses.forget(services.desk, "http://127.0.0.1:8123"))

    told = shell("console", "link")

    assert told.status == 1
    assert "--url" in told.stderr
    assert shell("console", "link", "--url", "https://x.example/").stdout.startswith(
        "https://x.example/signin/link/"
    )


# The audit


def test_what_is_done_at_a_shell_is_in_the_audit_with_who_did_it(shell: Shell) -> None:
    shell("tokens", "create", "--name", "x", "--role", "viewer", "--because", "for a test")

    (entry,) = shell.json("audit", "ls")["entries"]

    assert entry["actor"] == f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"
    assert (entry["way"], entry["reason"]) == ("cli", "for a test")


def test_the_audit_is_listed_in_pages_and_by_filters(shell: Shell) -> None:
    for number in range(3):
        shell("tokens", "create", "--name", f"t{number}", "--role", "viewer")

    page = shell.json("audit", "ls", "--limit", "2")
    rest = shell.json("audit", "ls", "--before", str(page["next"]))
    none = shell.json("audit", "ls", "--action", "account.*", "--since", "1h")

    assert [len(one["entries"]) for one in (page, rest, none)] == [2, 1, 0]
    assert rest["next"] is None
    assert "--before 2" in shell("audit", "ls", "--limit", "2").stderr


def test_the_audit_is_exported_as_lines_or_as_one_document(shell: Shell) -> None:
    assert shell("tokens", "create", "--name", "x", "--role", "viewer").status == 0
    lines = shell("audit", "export")
    document = shell.json("audit", "export")
    empty = shell.json("audit", "export", "--actor", "nobody")

    assert [json.loads(line) for line in lines.stdout.splitlines()] == document["entries"]
    assert empty == {"entries": []}


def test_an_audit_that_somebody_tampered_with_is_told_with_status_1(shell: Shell) -> None:
    shell("tokens", "create", "--name", "x", "--role", "viewer")
    intact = shell("audit", "verify", "--json")
    with sqlite3.connect(shell.folder / "connector.db") as database:
        database.execute("DROP TRIGGER audit_no_update")
        database.execute("UPDATE audit SET actor = 'nobody'")
    database.close()
    broken = shell("audit", "verify", "--json")

    assert (intact.status, broken.status) == (0, 1)
    assert intact.document()["head"].startswith("1:")
    assert broken.document()["finding"]["number"] == 1
    assert "was changed" in shell("audit", "verify").stdout


def test_a_head_noted_elsewhere_is_compared_with(shell: Shell) -> None:
    shell("tokens", "create", "--name", "x", "--role", "viewer")
    head = str(shell.json("audit", "verify")["head"])

    assert shell("audit", "verify", "--head", head).status == 0
    assert shell("audit", "verify", "--head", head.replace("1:", "2:")).status == 1
    assert shell("audit", "verify", "--head", "yesterday's").status == 2


def test_what_becomes_of_quarantined_messages_is_in_the_audit(shell: Shell) -> None:
    async def fill() -> None:
        async with open_ledger(
            f"sqlite:///{shell.folder}/connector.db",
            connector_id="c1",
            connector_name="benchling",
            worker_id="w1",
            now=NOON,
            new_id=str,
        ) as ledger:
            strays = [
                StrayMessage(name, b"x", Rejected("event-not-json", "No."), at(0), at(0), 1)
                for name in ("m1", "m2")
            ]
            await ledger.quarantine(strays, at(1))

    asyncio.run(fill())
    assert shell("quarantine", "discard", "--all", "--because", "a test").status == 0
    again = shell("quarantine", "discard", "m1", "--because", "again")

    assert again.status == 1
    (entry,) = shell.json("audit", "ls")["entries"]
    assert (entry["action"], entry["connectorId"]) == ("quarantine.discarded", "c1")
    assert entry["reason"] == "a test"
    assert sorted(one["messageId"] for one in entry["new"]["messages"]) == ["m1", "m2"]
