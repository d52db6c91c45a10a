"""What a supervisor knows of a process that ended, and when it starts another."""

import json
from pathlib import Path

import pytest

from benchling_connector.platform.processes import last_words
from benchling_connector.platform.supervisor import LONGEST_PAUSE_S, restart_pause


def test_pauses_grow_from_a_second_to_five_minutes() -> None:
    pauses = [restart_pause(failures) for failures in range(1, 12)]
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == restart_pause(10_000) == LONGEST_PAUSE_S == 300.0


def line(level: str, action: str, **fields: str) -> str:
    return json.dumps({"level": level, "action": action, **fields})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], None),
        (["", " "], None),
        (["Segmentation fault"], "Segmentation fault"),
        ([line("info", "connector.report")], "connector.report"),
        (
            [line("error", "connector.failed", sentence="It is denied."), line("info", "the.end")],
            "It is denied.",
        ),
        (
            [
                line("error", "a", sentence="First."),
                line("error", "b", sentence="Second."),
                "Error",
            ],
            "Second.",
        ),
        ([line("warning", "start.retried", sentence="No."), "[1, 2]"], "[1, 2]"),
        (["x" * 100_000, "\N{SNOWMAN}"], "\N{SNOWMAN}"),
    ],
)
def test_the_last_words_of_a_log_are_its_last_error_or_its_last_line(
    tmp_path: Path, lines: list[str], words: str | None
) -> None:
    log = tmp_path / "c-1.log"
    log.write_text("".join(f"{one}\n" for one in lines))
    assert last_words(log) == words


def test_a_log_that_there_is_not_has_no_words(tmp_path: Path) -> None:
    assert last_words(tmp_path / "c-1.log") is None
