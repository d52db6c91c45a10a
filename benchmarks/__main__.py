"""All benchmarks, and one report: `python -m benchmarks [--only NAME ...] [--out DIR] [--quick]`.

Writes `report.html` and `report.json`. Ends with 1 when a benchmark failed; a goal that is not met
is for people to judge.
"""

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks import ledger_size
from benchmarks.machine import surroundings
from benchmarks.report import Outcome, as_html, as_json

BENCHMARKS = (
    "budget",
    "ledger_size",
    "thrift",
    "burst",
    "throughput",
    "freshness",
    "memory",
    "fairness",
    "workers",
    "start",
)
"""Modules with `run(*, quick: bool) -> Result`, in the order of the report."""

AHEAD = "ledger_size"
"""Fills its databases while those before it run, which are in virtual time: nothing that takes time
of this machine is measured beside it."""

MORE = ("ledger", "many_connectors", "sqlite_writers", "soak")
"""Those that are run only by name: what they tell is no goal."""


def outcome_of(name: str, *, quick: bool, **prepared: object) -> Outcome:
    """Runs one; whatever goes wrong ends in the report, for the others to go on."""
    begun = time.monotonic()
    try:
        result = importlib.import_module(f"benchmarks.{name}").run(quick=quick, **prepared)
    except Exception:  # noqa: BLE001 - a report with a gap is better than none
        return Outcome(name, time.monotonic() - begun, failure=traceback.format_exc())
    return Outcome(name, time.monotonic() - begun, result)


def told(outcome: Outcome) -> str:
    """What a terminal is told of one."""
    if outcome.result is None:
        return f"{outcome.failure}\n{outcome.name} failed after {outcome.seconds:.0f} s"
    return f"{outcome.result.text()}\n  ({outcome.seconds:.0f} s)"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs them one after the other and writes the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = (*BENCHMARKS, *MORE)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", default=BENCHMARKS,
                        help=f"of {', '.join(names)}")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("bench-report"), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that each works")
    given = parser.parse_args(argv)
    where, outcomes = surroundings(), []
    given.out.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in names if name in given.only]
    prepared: dict[str, dict[str, object]] = {}
    if AHEAD in wanted:
        prepared[AHEAD] = {"prepared": ledger_size.prepare(quick=given.quick)}
    for name in wanted:
        print(f"{name} ...", file=sys.stderr, flush=True)
        outcomes.append(outcome_of(name, quick=given.quick, **prepared.get(name, {})))
        print(told(outcomes[-1]) + "\n", flush=True)
        # After each: a run that is interrupted has a report, too.
        for kind, write in (("html", as_html), ("json", as_json)):
            (given.out / f"report.{kind}").write_text(write(outcomes, where, quick=given.quick))
    print(f"report: {given.out / 'report.html'}", file=sys.stderr)
    return int(any(outcome.result is None for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
