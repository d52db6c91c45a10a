"""The log may become louder or quieter, and a log file never grows without an end."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import structlog

from benchling_connector.cli.logs import set_log_level, set_up_logs


def test_the_level_may_change_while_it_logs() -> None:
    to = StringIO()
    set_up_logs(level="warning", to=to)
    log = structlog.get_logger()
    for level in ("warning", "debug", "info"):
        set_log_level(level)
        log.debug("quiet")
        log.info("usual")
        log.error("loud")
    said = [line.split('"action": ')[1].split('"')[1] for line in to.getvalue().splitlines()]
    assert said == ["loud", "quiet", "usual", "loud", "usual", "loud"]


WRITER = """
import sys
from pathlib import Path
from benchling_connector.cli.logs import limit_log
for number in range(3000):
    print(number, "x" * 90, file=sys.stderr, flush=True)
    limit_log(Path(sys.argv[1]), 50_000)
"""


def test_a_log_that_is_too_long_begins_anew_and_three_older_ones_are_kept(tmp_path: Path) -> None:
    name = "c-1.log"
    log = tmp_path / name
    with log.open("ab") as file:
        subprocess.run([sys.executable, "-c", WRITER, log], stderr=file, check=True)
    found = sorted(tmp_path.iterdir(), key=lambda path: path.name)
    assert [path.name for path in found] == [name, f"{name}.1", f"{name}.2", f"{name}.3"]
    assert all(path.stat().st_size < 51_000 for path in found)
    text = "".join(path.read_text() for path in reversed(found[1:])) + found[0].read_text()
    numbers = [int(line.split()[0]) for line in text.splitlines()]
    assert numbers == list(range(numbers[0], 3000))
