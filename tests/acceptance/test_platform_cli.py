"""The platform by the command line, on a database of its own."""

import asyncio
import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import HEAD, schema_status
from tests.acceptance.in_process import Program, Told
from tests.acceptance.world import World
from tests.platforms import CONFIGURATION, SECRET


class Platform:
    """The verbs on one data directory."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def __call__(self, *words: str) -> Told:
        return self.program(*words, "--data-dir", str(self.folder))

    def document(self, *words: str) -> dict[str, Any]:
        """What a verb that ends well prints with `--json`."""
        told = self(*words, "--json")
        assert told.status == 0, told.stderr
        document: dict[str, Any] = told.document()
        return document

    def file(self, **more: object) -> str:
        """A configuration file, its secret in a file beside it."""
        (self.folder / "secret").write_text(f"{SECRET}\n")
        given = {key: value for key, value in CONFIGURATION.items() if key != "client_secret"}
        given |= {"client_secret_file": str(self.folder / "secret")}
        (self.folder / "lab.yaml").write_text(yaml.safe_dump({**given, **more}))
        return str(self.folder / "lab.yaml")


@pytest.fixture
def platform(program: Program, tmp_path: Path) -> Platform:
    made = Platform(program, tmp_path)
    made.document("connectors", "create", "lab", "--label", "site=Basel", "--tag", "a")
    return made


def test_a_connector_is_created_in_a_new_database_and_found_by_its_name(platform: Platform) -> None:
    listed = platform.document("connectors", "ls")["connectors"]
    assert isinstance(listed, list)
    (one,) = listed
    shown = platform.document("connectors", "show", "lab")
    assert {**one, "files": shown["files"]} == shown
    assert shown["labels"] == [{"id": "1", "name": "site", "value": "Basel"}]
    assert platform.document("connectors", "show", str(one["id"])) == shown
    for words in (("ls",), ("show", "lab")):
        assert "lab" in platform("connectors", *words).stdout


def test_a_name_that_several_have_is_no_name(platform: Platform) -> None:
    platform.document("connectors", "create", "lab")
    told = platform("connectors", "start", "lab")
    assert (told.status, "several" in told.stderr) == (2, True)
    missed = platform("connectors", "show", "lba")
    assert (missed.status, "Did you mean lab (" in missed.stderr) == (1, True)


def test_edit_changes_what_is_given(platform: Platform) -> None:
    words = ("--name", "office", "--label", "b=2", "--drop-label", "1", "--metadata", "k=v")
    edited = platform.document("connectors", "edit", "lab", *words)
    assert (edited["name"], edited["metadata"], edited["tags"]) == ("office", {"k": "v"}, ["a"])
    assert edited["labels"] == [{"id": "1", "name": "b", "value": "2"}]
    emptied = platform.document("connectors", "edit", "office", "--no-metadata", "--no-tags")
    assert (emptied["metadata"], emptied["tags"]) == ({}, [])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say what is to be otherwise"),
        (("--label", "b"), "NAME=VALUE"),
        (("--label", "b*=1"), "Use letters, digits, space and _ - + ."),
        (("--metadata", "k=" + "x" * 1536), "Shorten them, or use labels."),
        (("--drop-label", "7"), "there are: 1 (site=Basel)"),
        (("--name", ""), "name: is empty"),
        (("--tag", "a", "--no-tags"), "give some, or none"),
    ],
)
def test_what_cannot_be_edited_is_told_with_a_remedy(
    platform: Platform, words: tuple[str, ...], told: str
) -> None:
    refused = platform("connectors", "edit", "lab", *words)
    assert (refused.status, refused.stdout) == (2, "")
    assert told in refused.stderr
    assert platform.document("connectors", "show", "lab")["tags"] == ["a"]


def test_a_configuration_comes_from_a_file_and_is_changed_key_by_key(platform: Platform) -> None:
    saved = platform.document("connectors", "configure", "lab", "-c", platform.file())
    assert saved == {"version": 1, "changed": True}
    configure = ("connectors", "configure", "lab", "events_per_file=5")
    assert platform.document(*configure, "--because", "smaller")["version"] == 2
    assert platform.document(*configure) == {"version": 2, "changed": False}
    late = platform("connectors", "configure", "lab", "events_per_file=6", "--if-version", "1")
    assert (late.status, "events_per_file: 5 holds, 6 was to be saved" in late.stderr) == (1, True)
    history = platform("connectors", "history", "lab", "--json")
    newest, first = history.document()["versions"]
    assert newest["difference"] == [{"key": "events_per_file", "old": None, "new": 5}]
    assert (newest["reason"], first["reason"]) == ("smaller", None)
    assert SECRET not in history.stdout
    restored = platform.document("connectors", "restore", "lab", "1")
    assert restored == {"version": 3, "changed": True}
    assert "restored from 1" in platform("connectors", "history", "lab").stdout


def test_a_secret_is_taken_from_a_file_and_never_from_a_word(platform: Platform) -> None:
    platform.document("connectors", "configure", "lab", "-c", platform.file())
    told = platform("connectors", "configure", "lab", "client_secret=x")
    assert (told.status, "client_secret_file=PATH" in told.stderr) == (2, True)
    (platform.folder / "new").write_text("another")
    path = f"client_secret_file={platform.folder / 'new'}"
    assert platform.document("connectors", "configure", "lab", path)["version"] == 2


def test_what_is_not_valid_is_told_by_key(platform: Platform) -> None:
    told = platform("connectors", "configure", "lab", "-c", platform.file(sqs_ulr="x"))
    assert told.status == 3
    assert "Did you mean sqs_url?" in told.stderr
    assert platform("connectors", "configure", "lab").status == 2


def test_modes_are_moved_and_refusals_explained(platform: Platform) -> None:
    told = platform("connectors", "start", "lab")
    assert (told.status, "no configuration yet" in told.stderr) == (1, True)
    platform.document("connectors", "configure", "lab", "-c", platform.file())
    for verb, status in (
        ("start", "RUNNING"),
        ("stop", "IDLE"),
        ("disable", "DISABLED"),
        ("enable", "IDLE"),
        ("disable", "DISABLED"),
        ("delete", None),
    ):
        done = platform.document("connectors", verb, "lab", "--because", "a test")
        assert done["status"] == status
    assert platform.document("connectors", "ls") == {"connectors": []}


def test_commands_are_sent_listed_and_shown(platform: Platform) -> None:
    sent = platform.document("commands", "send", "lab", "RunCheck", "--body", '{"a": 1}')
    assert (sent["action"], sent["status"]) == (
        "TetraScience.Connector.Benchling.RunCheck",
        "CREATED",
    )
    listed = platform.document("commands", "ls", "--open", "--connector", "lab")
    assert listed == {"commands": [sent], "next": None}
    assert platform.document("commands", "show", str(sent["commandId"])) == sent
    custom = platform.document("commands", "custom", "lab", "--wait", "0")
    assert custom["action"] == "TetraScience.Connector.ListCustomCommands"
    assert platform("commands", "send", "lab", "X", "--body", "{").status == 2
    assert platform("commands", "send", "lab", "SetLogLevel", "--body", "{}").status == 2
    assert str(sent["commandId"]) in platform("commands", "ls").stdout
    first = platform.document("commands", "ls", "--limit", "1")
    rest = platform.document("commands", "ls", "--cursor", str(first["next"]))
    assert (first["commands"], rest["commands"]) == ([custom], [sent])


def test_the_secrets_of_a_command_come_out_of_a_file(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"config": CONFIGURATION})
    send = ("commands", "send", "lab", "TestConfig")
    told = platform(*send, "--body", body)
    assert (told.status, "--body-file" in told.stderr, SECRET in told.stderr) == (2, True, False)
    (platform.folder / "body.json").write_text(body)
    monkeypatch.setattr(sys, "stdin", io.StringIO(body))
    for file in (str(platform.folder / "body.json"), "-"):
        sent = platform(*send, "--body-file", file, "--json")
        assert sent.status == 0
        assert SECRET not in sent.stdout
        assert sent.document()["body"]["config"]["client_id"] == "app-1"
    assert platform(*send, "--body-file", "none").status == 2
    assert platform(*send, "--body", "{}", "--body-file", "none").status == 2


def test_what_there_is_not_is_told_with_what_there_is(platform: Platform) -> None:
    assert platform.document("commands", "jobs", "lab") == {"jobs": [], "next": None}
    platform("users", "create", "anna", "--role", "viewer", "--no-password")
    for words, told in (
        (("commands", "job", "lab", "none"), "commands jobs"),
        (("users", "role", "ana", "viewer"), "Did you mean anna?"),
        (("tokens", "create", "--name", "t", "--connector", "lba"), "Did you mean lab ("),
        (("tokens", "revoke", "none"), "tokens ls"),
        (("commands", "send", "lba", "Start"), "Did you mean lab ("),
        (("metrics", "lba"), "Did you mean lab ("),
    ):
        refused = platform(*words)
        assert (refused.status, refused.stdout) == (1, "")
        assert told in refused.stderr


def test_the_audit_of_a_connector_is_found_by_its_name_and_by_its_id(platform: Platform) -> None:
    mine = platform.document("connectors", "show", "lab")["id"]
    platform.document("connectors", "create", "office")
    for name in ("lab", str(mine)):
        (entry,) = platform.document("audit", "ls", "--connector", name)["entries"]
        assert entry["connectorId"] == mine
    exported = platform("audit", "export", "--connector", "lab").stdout.splitlines()
    assert len(exported) == 1


async def test_the_configuration_is_tested_against_the_real_services(world: World) -> None:
    home = ("--data-dir", str(world.home / "data"), "--json")
    config = str(world.write(data_dir=None))
    assert (await world.program("connectors", "create", "lab", *home)).status == 0
    saved = await world.program("connectors", "configure", "lab", "-c", config, *home)
    assert saved.status == 0, saved.stderr
    good = await world.program("connectors", "test", "lab", *home)
    assert good.document()["valid"], good.stdout
    assert {one["name"] for one in good.document()["items"]} >= {"configuration", "lake"}
    (world.home / "wrong").write_text("wrong")
    wrong = f"client_secret_file={world.home / 'wrong'}"
    bad = await world.program("connectors", "test", "lab", wrong, *home)
    assert (good.status, bad.status) == (0, 4)
    failed = [one["code"] for one in bad.document()["items"] if not one["passed"]]
    assert "benchling-credentials-refused" in failed
    invalid = await world.program("connectors", "test", "lab", "events_per_file=99", *home)
    assert (invalid.status, invalid.document()["items"]) == (3, [])


def test_a_rotated_key_leaves_everything_as_it_was(platform: Platform) -> None:
    platform.document("connectors", "configure", "lab", "-c", platform.file())
    before = (platform.folder / "platform.key").read_text()
    assert platform.document("keys", "rotate") == {"secrets": 1, "dropped": 0}
    after = platform.folder / "platform.key"
    assert after.read_text() != before
    assert after.stat().st_mode & 0o777 == 0o600
    same = platform.document("connectors", "configure", "lab", "-c", platform.file())
    assert same["changed"] is False


def test_a_lost_key_is_explained_and_can_be_replaced(platform: Platform) -> None:
    platform.document("connectors", "configure", "lab", "-c", platform.file())
    (platform.folder / "platform.key").unlink()
    told = platform("connectors", "configure", "lab", "-c", platform.file())
    assert (told.status, "secrets-undecryptable" in told.stderr) == (4, True)
    assert platform("keys", "rotate").status == 4
    assert platform.document("keys", "rotate", "--discard-lost")["dropped"] == 1
    again = platform.document("connectors", "configure", "lab", "-c", platform.file())
    assert again["version"] == 2


def test_an_older_database_is_backed_up_and_upgraded_by_the_verb_that_the_error_names(
    program: Program, tmp_path: Path
) -> None:
    platform = Platform(program, tmp_path)
    database = tmp_path / "connector.db"
    asyncio.run(made_older(database))
    for words in ("ls",), ("create", "x"):
        told = platform("connectors", *words)
        assert (told.status, "database upgrade" in told.stderr) == (3, True)
    done = platform.document("database", "upgrade")
    copy = tmp_path / "connector.db.0003.bak"
    assert done == {"from": "0003", "to": HEAD, "backup": str(copy)}
    assert platform.document("connectors", "ls")["connectors"]
    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [("0003",)]
        assert kept.execute("SELECT name FROM connectors").fetchall() == [("lab",)]
        assert kept.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert platform.document("database", "upgrade")["backup"] is None
    assert asyncio.run(schema_status(f"sqlite:///{database}")).state == "current"


async def made_older(database: Path) -> None:
    """A database as version 0003 left it, with a connector."""
    from alembic.command import upgrade as alembic_upgrade
    from alembic.config import Config
    from sqlalchemy import Connection, text

    import benchling_connector.database.migrate as migrate

    def older(connection: Connection) -> None:
        config = Config(attributes={"connection": connection})
        folder = Path(migrate.__file__).parent / "migrations"
        config.set_main_option("script_location", str(folder))
        alembic_upgrade(config, "0003")
        connection.execute(
            text(
                "INSERT INTO connectors (connector_id, name, created_at) "
                "VALUES ('c1', 'lab', '2026-03-01 12:00:00.000000')"
            )
        )

    engine = open_engine(f"sqlite:///{database}")
    async with engine.begin() as connection:
        await connection.run_sync(older)
    await engine.dispose()
