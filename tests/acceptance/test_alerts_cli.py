"""Channels, alerts and metrics by the command line, with a web server that takes notices."""

import io
import json
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.acceptance.in_process import Program, Told


class Hook:
    """What it heard, and what it answers."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.url = ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.heard.append((dict(self.headers), body))
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/quiet"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class Verbs:
    """The program on one data directory, in which there is a connector."""

    def __init__(self, program: Program, home: Path) -> None:
        self._program = program
        self._home = home
        assert self("connectors", "create", "lab").status == 0

    def __call__(self, *words: str) -> Told:
        return self._program(*words, "--data-dir", str(self._home))

    def document(self, *words: str):
        told = self(*words, "--json")
        assert told.status == 0, told.stderr
        return told.document()


@pytest.fixture
def verbs(program: Program, tmp_path: Path) -> Verbs:
    return Verbs(program, tmp_path / "home")


def with_channel(verbs: Verbs, hook: Hook, tmp_path: Path):
    for name, text in (("url", hook.url), ("secret", "s3cret")):
        (tmp_path / name).write_text(text + "\n")
    secrets = [f"--secret-file={name}={tmp_path / name}" for name in ("url", "secret")]
    return verbs.document("alerts", "channels", "create", "ops", "--kind", "webhook", *secrets)


def test_a_channel_is_created_tested_listed_and_deleted(
    verbs: Verbs, hook: Hook, tmp_path: Path
) -> None:
    made = with_channel(verbs, hook, tmp_path)
    assert (made["content"], made["secrets"]) == ({"host": "127.0.0.1"}, ["url", "secret"])
    tested = verbs.document("alerts", "channels", "test", "ops")
    assert tested == {"channelId": made["channelId"], "delivered": True}
    ((headers, body),) = hook.heard
    assert json.loads(body)["what"] == "test"
    assert headers["X-Benchling-Connector-Signature"].startswith("t=")
    assert verbs.document("alerts", "channels", "ls") == {"channels": [made]}
    assert verbs.document("alerts", "channels", "show", made["channelId"]) == made
    assert "quiet" not in verbs("alerts", "channels", "ls").stdout
    deleted = verbs.document("alerts", "channels", "delete", "ops")
    assert deleted == {"channelId": made["channelId"], "deleted": True}
    assert verbs.document("alerts", "channels", "ls") == {"channels": []}


def test_a_test_that_does_not_come_through_says_why(
    verbs: Verbs, hook: Hook, tmp_path: Path
) -> None:
    with_channel(verbs, hook, tmp_path)
    hook.status = 503
    told = verbs("alerts", "channels", "test", "ops")
    assert told.status == 4
    assert "The webhook answered with status 503." in told.stderr


def test_a_secret_among_the_arguments_is_wrong_usage(verbs: Verbs) -> None:
    add = ("alerts", "channels", "create", "ops", "--kind", "webhook")
    told = verbs(*add, "url=https://example.com/quiet")
    assert told.status == 2
    assert "quiet" not in told.stderr


def test_what_a_channel_lacks_is_named(verbs: Verbs) -> None:
    told = verbs("alerts", "channels", "create", "mail", "--kind", "smtp", "host=mail")
    assert told.status == 3
    assert "sender: It is missing." in told.stderr
    assert "recipients: It is missing." in told.stderr


def test_a_channel_is_edited(verbs: Verbs, hook: Hook, tmp_path: Path) -> None:
    made = with_channel(verbs, hook, tmp_path)
    edit = ("alerts", "channels", "edit", "ops")
    wanted = verbs.document(*edit, "--disabled", "--wanted", "health", "--wanted", "expiring")
    assert wanted == {**made, "enabled": False, "wanted": ["expiring", "health"]}
    assert verbs.document("alerts", "channels", "show", "ops") == wanted
    assert verbs.document(*edit, "--enabled", "--all-kinds") == made
    assert verbs(*edit).status == 2
    assert verbs(*edit, "--wanted", "health", "--all-kinds").status == 2


def test_a_channel_may_begin_disabled_with_a_secret_from_stdin(
    verbs: Verbs, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{hook.url}\n"))
    words = ("alerts", "channels", "create", "ops", "--kind", "webhook", "--secret-file", "url=-")
    made = verbs.document(*words, "--disabled")
    assert (made["enabled"], made["secrets"]) == (False, ["url"])
    assert verbs("alerts", "channels", "test", "ops").status == 0
    assert len(hook.heard) == 1


def test_a_channel_that_there_is_not_is_told(verbs: Verbs) -> None:
    for verb in ("show", "test", "delete"):
        told = verbs("alerts", "channels", verb, "none")
        assert told.status == 1
        assert "alert-channel-unknown" in told.stderr
    assert verbs("alerts", "channels", "edit", "none", "--enabled").status == 1


def test_who_was_told_of_an_alert_is_listed(verbs: Verbs, hook: Hook, tmp_path: Path) -> None:
    made = with_channel(verbs, hook, tmp_path)
    at = "2026-03-01 12:00:00.000000"
    connector = verbs.document("connectors", "show", "lab")["id"]
    with closing(sqlite3.connect(tmp_path / "home" / "connector.db")) as database, database:
        database.execute(
            "INSERT INTO alerts (alert_id, connector_id, kind, code, sentence, remedy, severity, "
            "since) VALUES ('a1', ?, 'health', 'lake-failing', 'S', 'R', 'CRITICAL', ?)",
            (connector, at),
        )
        database.execute(
            "INSERT INTO deliveries (alert_id, channel_id, what, created_at, attempts, next_at, "
            "error) VALUES ('a1', ?, 'raised', ?, 2, ?, 'It answered with 503.')",
            (made["channelId"], at, at),
        )
    (row,) = verbs.document("alerts", "deliveries", "a1")["deliveries"]
    assert row == {
        "channelId": made["channelId"],
        "what": "raised",
        "attempts": 2,
        "nextAt": "2026-03-01T12:00:00.000000Z",
        "deliveredAt": None,
        "error": "It answered with 503.",
    }
    assert "It answered with 503." in verbs("alerts", "deliveries", "a1").stdout
    assert verbs.document("alerts", "deliveries", "none") == {"deliveries": []}


def test_the_limit_of_silence_is_set_and_switched_off(verbs: Verbs) -> None:
    assert verbs.document("alerts", "rules") == {"noEventHours": 48.0}
    for given, kept in (("2.5", 2.5), ("off", None)):
        told = verbs.document("alerts", "rules", "--no-event-hours", given)
        assert told == verbs.document("alerts", "rules") == {"noEventHours": kept}
    assert verbs("alerts", "rules", "--no-event-hours", "soon").status == 2


def test_without_alerts_and_samples_there_is_nothing_to_show(verbs: Verbs) -> None:
    assert verbs.document("alerts", "ls", "--open") == {"alerts": [], "next": None}
    assert verbs.document("metrics", "lab")["series"] == []
    assert verbs("alerts", "ls", "--cursor", "x").status == 2
    assert verbs("metrics", "lab", "--since", "2099-01-01").status == 2
    assert verbs("metrics", "none").status == 1


def test_the_dashboard_and_the_rules_are_printed_as_they_are(program: Program) -> None:
    names = [one["name"] for one in program("monitoring", "ls", "--json").document()["files"]]
    assert names == ["grafana-dashboard.json", "prometheus-alerts.yaml"]
    assert json.loads(program("monitoring", "show", names[0]).stdout)["panels"]
    rules = yaml.safe_load(program("monitoring", "show", "prometheus-alerts").stdout)
    assert rules["groups"][0]["rules"]
    assert program("monitoring", "show", "x").status == 2
