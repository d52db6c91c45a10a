"""`quarantine ls`, `show` and `discard`: what a user sees and decides, without a queue."""

import asyncio
import json
import os
import pwd
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import typer

from benchling_connector.adapters.ledger import open_ledger
from benchling_connector.cli import outcomes
from benchling_connector.domain.errors import ConfigurationError
from benchling_connector.domain.event import Rejected
from benchling_connector.ports import StrayMessage
from benchling_connector.redelivery import Outcome, Tell, What
from tests.acceptance.in_process import Program
from tests.acceptance.world import PROGRAM
from tests.ledgers import NOON, a_candidate, an_event, at

BODIES = {
    "m-text": ("event-not-json", "not JSON é".encode()),
    "m-more": ("event-not-json", b"nor this"),
    "m-bytes": ("event-not-text", b"\xed\xa0\x80\0"),
    "m-sly": ("event-without-id", '{"detail": {}} [/bold] \x1b[2J\x9b'.encode()),
}
ROW = [
    "messageId",
    "code",
    "sentence",
    "quarantinedAt",
    "receivedAt",
    "sentAt",
    "receiveCount",
    "size",
    "resolution",
    "resolvedAt",
    "resolvedBy",
    "resolvedBecause",
    "successor",
]


@pytest.fixture
def home(tmp_path: Path) -> str:
    """A data directory with four messages in quarantine, one second after the other."""
    folder = tmp_path / "data"
    asyncio.run(fill(f"sqlite:///{folder}/connector.db"))
    return str(folder)


async def fill(database_url: str) -> None:
    async with open_ledger(
        database_url,
        connector_id="c1",
        connector_name="benchling",
        worker_id="w1",
        now=NOON,
        new_id=str,
    ) as ledger:
        for number, (message_id, (code, body)) in enumerate(BODIES.items()):
            stray = StrayMessage(
                message_id,
                body,
                Rejected(code, "No event [/red]."),
                at(-10),
                at(number),
                3,
            )
            await ledger.quarantine([stray], at(number + 0.5))
        await ledger.claim([a_candidate(an_event("evt_1", type="v2.entry[/b].made"))], at(9))


def ids(program: Program, home: str, *flags: str) -> list[str]:
    told = program("quarantine", "ls", "--data-dir", home, "--json", *flags)
    assert told.status == 0
    return [row["messageId"] for row in told.document()["quarantine"]]


# ls


def test_ls_prints_the_promised_fields_in_order_newest_first(home: str, program: Program) -> None:
    document = program("quarantine", "ls", "--data-dir", home, "--json").document()

    assert (list(document), document["next"]) == (["quarantine", "next"], None)
    assert [row["messageId"] for row in document["quarantine"]] == list(BODIES)[::-1]
    assert list(document["quarantine"][0]) == ROW
    assert document["quarantine"][-1] == {
        **dict.fromkeys(ROW),
        "messageId": "m-text",
        "code": "event-not-json",
        "sentence": "No event [/red].",
        "quarantinedAt": "2026-03-01T12:00:00.500000Z",
        "receivedAt": "2026-03-01T12:00:00.000000Z",
        "sentAt": "2026-03-01T11:59:50.000000Z",
        "receiveCount": 3,
        "size": 11,
    }


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (["--reason", "event-not-json"], ["m-more", "m-text"]),
        (["--reason", "event-not-*"], ["m-bytes", "m-more", "m-text"]),
        (["--since", "2026-03-01T12:00:02.5Z"], ["m-sly", "m-bytes"]),
        (["--until", "2026-03-01T12:00:01.5Z"], ["m-text"]),
        (["--since", "1h"], []),
        (["--connector", "c1", "--until", "2026-03-01"], []),
        (["--limit", "1"], ["m-sly"]),
    ],
)
def test_ls_takes_filters(home: str, program: Program, flags: list[str], wanted: list[str]) -> None:
    assert ids(program, home, *flags) == wanted


def test_ls_goes_on_where_the_page_before_ended(home: str, program: Program) -> None:
    listing = ("quarantine", "ls", "--data-dir", home, "--json", "--limit", "3")
    first = program(*listing).document()
    second = program(*listing, "--cursor", first["next"]).document()
    rows = first["quarantine"] + second["quarantine"]
    assert [row["messageId"] for row in rows] == list(BODIES)[::-1]
    assert second["next"] is None


def test_ls_groups_by_reason(home: str, program: Program) -> None:
    listing = ("quarantine", "ls", "--data-dir", home, "--group")
    groups = program(*listing, "--json").document()["groups"]
    assert groups[0] == {
        "code": "event-not-json",
        "count": 2,
        "firstAt": "2026-03-01T12:00:00.500000Z",
        "lastAt": "2026-03-01T12:00:01.500000Z",
        "newestMessageId": "m-more",
    }
    assert [group["code"] for group in groups[1:]] == ["event-not-text", "event-without-id"]
    told = program(*listing)
    assert "event-not-json" in told.stdout.splitlines()[1]
    assert told.stderr == "4 messages.\n"


def test_people_get_a_table_in_which_nothing_of_a_message_is_markup(
    home: str, program: Program
) -> None:
    told = program("quarantine", "ls", "--data-dir", home)
    assert told.stdout.splitlines()[0].startswith("QUARANTINED (UTC)")
    assert told.stdout.count("No event [/red].") == 4
    assert told.stderr == "4 messages.\n"
    assert "v2.entry[/b].made" in program("events", "ls", "--data-dir", home).stdout


# show


def test_show_prints_all_that_is_known_with_the_text(home: str, program: Program) -> None:
    document = program("quarantine", "show", "m-text", "--data-dir", home, "--json").document()
    assert list(document) == [*ROW, "connectorId", "body"]
    assert (document["connectorId"], document["body"]) == ("c1", "not JSON é")


def test_show_prints_what_is_no_text_in_base64(home: str, program: Program) -> None:
    document = program("quarantine", "show", "m-bytes", "--data-dir", home, "--json").document()
    assert document["bodyBase64"] == "7aCAAA=="
    assert "body" not in document


def test_show_gives_a_terminal_nothing_to_obey(home: str, program: Program) -> None:
    told = program("quarantine", "show", "m-sly", "--data-dir", home)
    assert r'{"detail": {}} [/bold] \x1b[2J\x9b' in told.stdout
    assert "\x1b" not in told.stdout
    told = program("events", "show", "m-sly", "--data-dir", home)
    assert r"\x1b[2J\x9b" in told.stdout


@pytest.mark.parametrize("message_id", BODIES)
def test_show_raw_prints_the_bytes_and_nothing_else(home: str, message_id: str) -> None:
    shown = subprocess.run(
        [*PROGRAM, "quarantine", "show", message_id, "--raw", "--data-dir", home],
        check=True,
        capture_output=True,
    )
    assert shown.stdout == BODIES[message_id][1]


def test_show_tells_what_it_does_not_know(home: str, program: Program) -> None:
    told = program("quarantine", "show", "m-9", "--data-dir", home)
    assert (told.status, told.stdout) == (1, "")
    assert told.stderr == "The ledger knows no message 'm-9' in quarantine.\n"


# discard


def test_discarded_messages_leave_the_list_and_keep_bytes_who_when_and_why(
    home: str, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    told = program(
        "quarantine", "discard", "m-text", "m-sly", "--because", " a test ", "--data-dir", home
    )
    assert told.status == 0
    assert told.stdout.splitlines()[0].split() == ["discarded", "m-text", "event-not-json"]
    assert told.stderr == "2 discarded.\n"
    assert ids(program, home) == ["m-bytes", "m-more"]
    assert ids(program, home, "--resolved") == list(BODIES)[::-1]
    shown = program("quarantine", "show", "m-text", "--data-dir", home, "--json").document()
    me = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"
    assert shown["body"] == "not JSON é"
    assert (shown["resolution"], shown["resolvedBy"]) == ("discarded", me)
    assert shown["resolvedBecause"] == "a test"
    assert shown["resolvedAt"] is not None
    event = program("events", "show", "m-text", "--data-dir", home, "--json").document()
    assert (event["state"], event["reason"]) == ("skipped", f"discarded: a test ({me})")
    assert "discarded by" in program("quarantine", "ls", "--resolved", "--data-dir", home).stdout


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_what_was_asked_for_is_done_even_if_nobody_reads_what_is_told(
    home: str, program: Program, flags: list[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    discarding = ["quarantine", "discard", "--all", "--because", "x", "--data-dir", home]
    told = subprocess.run(
        [*PROGRAM, *discarding, *flags], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (told.returncode, told.stderr) == (0, "4 discarded.\n")
    assert ids(program, home) == []


def test_messages_are_discarded_by_what_they_have_in_common(home: str, program: Program) -> None:
    told = program(
        "quarantine",
        "discard",
        "--reason",
        "event-not-*",
        "--until",
        "2026-03-01T12:00:02Z",
        "--because",
        "sent by hand",
        "--data-dir",
        home,
        "--json",
    )
    assert told.status == 0
    document = told.document()
    assert (document["dryRun"], document["stopped"]) == (False, None)
    assert document["messages"][0] == {
        "messageId": "m-more",
        "outcome": "discarded",
        "code": "event-not-json",
        "successor": None,
        "sentence": None,
    }
    assert ids(program, home) == ["m-sly", "m-bytes"]


def test_a_dry_run_prints_what_would_be_done_and_does_nothing(home: str, program: Program) -> None:
    told = program(
        "quarantine", "discard", "--all", "--because", "x", "--dry-run", "--data-dir", home
    )
    assert told.status == 0
    assert [line.split()[:2] for line in told.stdout.splitlines()] == [
        ["planned", name] for name in list(BODIES)[::-1]
    ]
    assert told.stderr == "4 planned.\nNothing was changed (--dry-run).\n"
    assert len(ids(program, home)) == 4


def test_what_is_unknown_or_decided_already_is_told_and_the_rest_is_done(
    home: str, program: Program
) -> None:
    discarding = ("quarantine", "discard", "--data-dir", home, "--because", "x")
    assert program(*discarding, "m-text").status == 0

    part = program(*discarding, "m-text", "m-9", "m-more", "--json")
    none = program(*discarding, "m-text", "m-more")
    nothing = program(*discarding, "--reason", "event-webhook")

    assert part.status == 5
    outcomes = {one["messageId"]: one for one in part.document()["messages"]}
    assert outcomes["m-more"]["outcome"] == "discarded"
    assert outcomes["m-9"]["sentence"] == "There is no such message in quarantine."
    assert outcomes["m-text"]["sentence"].startswith("It was discarded 20")
    assert (none.status, none.stderr) == (1, "2 failed.\n")
    assert (nothing.status, nothing.stderr) == (1, "No messages match.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ls", "--group", "--limit", "1"], "no pages"),
        (["ls", "--since", "yesterday"], "--since"),
        (["ls", "--since", "2026-03-02", "--until", "2026-03-01"], "not before --until"),
        (["ls", "--cursor", "x"], "--cursor"),
        (["ls", "--reason", "event-not-jsn"], "Did you mean event-not-json?"),
        (["ls", "--group", "--reason", "webhook*"], "Did you mean event-webhook?"),
        (["discard", "--reason", "x", "--because", "x"], "--reason"),
        (["show", "m-text", "--raw", "--json"], "--raw"),
        (["discard", "m-text"], "--because"),
        (["discard", "m-text", "--because", "  "], "--because"),
        (["discard", "--because", "x"], "--all"),
        (["discard", "m-text", "--all", "--because", "x"], "by their IDs"),
        (["retry"], "--all"),
        (["retry", "m-text", "--reason", "event-*"], "by their IDs"),
    ],
)
def test_wrong_usage_is_told_and_changes_nothing(
    home: str, program: Program, arguments: list[str], said: str
) -> None:
    told = program("quarantine", *arguments, "--data-dir", home)
    assert (told.status, told.stdout) == (2, "")
    assert said in told.stderr
    assert len(ids(program, home)) == 4


@pytest.mark.parametrize("verb", [["ls"], ["show", "m"], ["discard", "m", "--because", "x"]])
def test_no_ledger_is_a_configuration_error_and_none_is_made(
    program: Program, tmp_path: Path, verb: list[str]
) -> None:
    told = program("quarantine", *verb, "--data-dir", str(tmp_path / "none"))
    assert (told.status, told.stdout) == (3, "")
    assert "There is no database" in told.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "verb",
    [
        *(("quarantine", "ls"), ("quarantine", "show", "m-text"), ("status",), ("events", "ls")),
        *(("files", "show", "f"), ("quarantine", "discard", "--all", "--because", "x")),
    ],
)
def test_a_connector_that_the_database_does_not_know_is_told(
    home: str, program: Program, verb: tuple[str, ...]
) -> None:
    told = program(*verb, "--data-dir", home, "--connector", "c2")
    assert (told.status, told.stdout) == (3, "")
    assert "knows no connector of the ID 'c2'" in told.stderr
    assert "`status` shows their IDs" in told.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work_after_its_cleaning_up(number: signal.Signals) -> None:
    cleaned = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(number)

    with pytest.raises(outcomes.Interrupted):
        outcomes.until_signal(work())
    assert cleaned == [number]


MOVED, FAILED = Outcome("m-1", What.MOVED), Outcome("m-2", What.FAILED, sentence="No.")


@pytest.mark.parametrize(
    ("told", "stop", "status"),
    [
        ([MOVED], None, 0),
        ([], None, 1),
        ([FAILED], None, 1),
        ([MOVED, FAILED], None, 5),
        ([MOVED], ConfigurationError("queue-send-denied"), 5),
        ([FAILED], ConfigurationError("queue-send-denied"), 4),
        ([MOVED], asyncio.CancelledError(), 5),
    ],
)
def test_the_exit_status_tells_all_some_or_none(
    capsys: pytest.CaptureFixture[str], told: list[Outcome], stop: BaseException | None, status: int
) -> None:
    async def work(tell: Tell) -> None:
        for one in told:
            tell(one)
        if stop is not None:
            raise stop

    with pytest.raises(typer.Exit) as ended:
        outcomes.carry_out(work, outcomes.Manner(as_json=True))

    assert ended.value.exit_code == status
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert [one["messageId"] for one in document["messages"]] == [one.message_id for one in told]
    refused = isinstance(stop, ConfigurationError)
    assert bool(document["stopped"]) == refused
    assert ("sqs:SendMessage" in printed.err) == refused


def test_what_refuses_before_anything_was_done_ends_the_verb() -> None:
    async def work(tell: Tell) -> None:
        raise ConfigurationError("queue-send-denied")

    with pytest.raises(ConfigurationError):
        outcomes.carry_out(work, outcomes.Manner(as_json=True))
