"""Changes the code in small ways, one at a time, and asks the tests whether they notice.

`./dev mutants [FILE...]` runs it; the files are those of `only_mutate` in `pyproject.toml`. The
source is never touched: mutmut works on a copy in `mutants/`, and goes on there when it was
interrupted. Prints a table and what survived; ends with 1 when a file has less than 85 % killed.
"""

import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

HOME = Path(__file__).parents[1]
ENOUGH = 0.85
SURVIVED, KILLED, TIMED_OUT = "survived", "killed", "timed out"

# As mutmut writes them down: pytest's exit status, and its own for what ran out of time.
OUTCOMES = {0: SURVIVED, 1: KILLED, 3: KILLED, 36: TIMED_OUT, -24: TIMED_OUT, 24: TIMED_OUT,
            152: TIMED_OUT, 255: TIMED_OUT}  # fmt: skip


class Results(msgspec.Struct):
    """What mutmut keeps of one file."""

    exit_code_by_key: dict[str, int | None]


def chosen(files: Sequence[str]) -> list[str]:
    """The files to mutate: those that were named, else all of `pyproject.toml`."""
    options = tomllib.loads((HOME / "pyproject.toml").read_text())["tool"]["mutmut"]
    known: list[str] = options["only_mutate"]
    for file in files:
        if file not in known:
            sys.exit(f"{file} is none of these: {', '.join(known)}")
    return list(files) or known


def mutmut(*arguments: str, quiet: bool = False) -> str:
    """Runs mutmut; gives its output, if that is wanted."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=HOME,
        env=environment,
        check=not quiet,
        stdout=subprocess.PIPE if quiet else None,
        text=True,
    )
    return done.stdout or ""


def outcomes(file: str) -> dict[str, str]:
    """What became of each mutant of a file, by its name."""
    path = HOME / "mutants" / f"{file}.meta"
    found = msgspec.json.decode(path.read_bytes(), type=Results).exit_code_by_key
    return {name: OUTCOMES.get(code, "other") for name, code in found.items() if code is not None}


def report(files: Sequence[str]) -> bool:
    """Prints what became of the mutants; tells whether enough were killed."""
    enough = True
    survivors = []
    print("\n| File | Mutants | Killed | Timed out | Survived | Share |\n|---|---|---|---|---|---|")
    for file in files:
        found = outcomes(file)
        count = Counter(found.values())
        share = (count[KILLED] + count[TIMED_OUT]) / max(len(found), 1)
        enough = enough and share >= ENOUGH
        name = file.removeprefix("src/benchling_connector/")
        print(
            f"| `{name}` | {len(found)} | {count[KILLED]} | {count[TIMED_OUT]} "
            f"| {len(found) - count[KILLED] - count[TIMED_OUT]} | {share:.1%} |"
        )
        survivors += [one for one, outcome in found.items() if outcome in (SURVIVED, "other")]
    for one in survivors:
        lines = mutmut("show", one, quiet=True).splitlines()
        print(f"\n{one}")
        print("\n".join(x for x in lines if x[:1] in "+-" and x[:3] not in ("+++", "---")))
    return enough


def main() -> int:
    """Runs it; gives the exit status."""
    files = chosen(sys.argv[1:])
    modules = [file.removeprefix("src/").removesuffix(".py").replace("/", ".") for file in files]
    mutmut("run", *(f"{module}.*" for module in modules))
    return 0 if report(files) else 1


if __name__ == "__main__":
    sys.exit(main())
