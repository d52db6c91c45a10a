"""The report: one HTML page that needs nothing else, and the same as JSON."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from benchmarks.machine import Surroundings
from benchmarks.plots import svg
from benchmarks.result import Figure, Plot, Result, Table, shown

__all__ = ["Outcome", "as_html", "as_json"]

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #2b2f36; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 3rem; border-top: 1px solid #dfe3e8;
  padding-top: 1.5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
table { border-collapse: collapse; font-size: .87rem; margin: .5rem 0 1rem; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid #eceff2;
  vertical-align: top; } th { font-weight: 600; color: #5f6b7a; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { overflow-x: auto; } .note { color: #5f6b7a; font-size: .85rem; }
.met { color: #1d7a46; font-weight: 600; } .missed { color: #b23a48; font-weight: 600; }
svg { max-width: 100%; height: auto; margin: .5rem 0; } code { font-size: .9em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .87rem; }
dt { color: #5f6b7a; } dd { margin: 0; } pre { overflow-x: auto; font-size: .8rem; }
"""

GROUND = (
    "Everything ran on the loopback of one machine: the real program as a process, against a "
    "simulated tenant and an AWS stand-in."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one benchmark went: its result or what went wrong, and the seconds that it took."""

    name: str
    seconds: float
    result: Result | None = None
    failure: str = ""


def as_html(outcomes: Sequence[Outcome], where: Surroundings, *, quick: bool) -> str:
    """The whole page."""
    judged = [f for o in outcomes if o.result for f in o.result.figures if f.met is not None]
    met = sum(figure.met is True for figure in judged)
    failed = sum(outcome.result is None for outcome in outcomes)
    verdict = f"{met} of {len(judged)} goals are met."
    if failed:
        verdict += f" {failed} of {len(outcomes)} benchmarks failed."
    if quick:
        verdict += " A quick run: the sizes are too small to judge by."
    facts = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in where.facts.items())
    versions = ", ".join(f"{name} {version}" for name, version in where.libraries.items())
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<title>Benchmarks of benchling-connector</title>",
        f"<style>{STYLE}</style></head><body>",
        "<h1>Benchmarks of benchling-connector</h1>",
        f"<p>{escape(verdict)} {GROUND}</p>",
        f"<dl>{facts}<dt>libraries</dt><dd>{escape(versions)}</dd></dl>",
        "<h2>Goals</h2>",
        _goals(outcomes),
        *(_section(outcome) for outcome in outcomes),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def as_json(outcomes: Sequence[Outcome], where: Surroundings, *, quick: bool) -> str:
    """The same as a document; what is no number is null."""
    document = {
        "quick": quick,
        **asdict(where),
        "benchmarks": [_document(outcome) for outcome in outcomes],
    }
    return json.dumps(_finite(document), indent=2, ensure_ascii=False) + "\n"


def _document(outcome: Outcome) -> dict[str, Any]:
    document = asdict(outcome)
    if outcome.result is not None:
        for figure, made in zip(outcome.result.figures, document["result"]["figures"], strict=True):
            made |= {"ratio": figure.ratio, "met": figure.met}
    return document


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _goals(outcomes: Sequence[Outcome]) -> str:
    """The figures that have a goal, of all benchmarks."""
    rows = [
        (f'<a href="#{escape(outcome.name)}">{escape(outcome.name)}</a>', *_cells(figure))
        for outcome in outcomes
        if outcome.result
        for figure in outcome.result.figures
        if figure.goal
    ]
    return _rows(("benchmark", *FIGURE_COLUMNS), rows, lambda n: n in (2, 4, 5))


def _section(outcome: Outcome) -> str:
    if outcome.result is None:
        head = f'<h2 id="{escape(outcome.name)}">{escape(outcome.name)}</h2>'
        return f'{head}<p class="missed">It failed.</p><pre>{escape(outcome.failure)}</pre>'
    result = outcome.result
    rows = [_cells(figure) for figure in result.figures]
    return "\n".join(
        (
            f'<h2 id="{escape(outcome.name)}">{escape(result.title)}</h2>',
            f"<p>{_prose(result.about)}</p>",
            _rows(FIGURE_COLUMNS, rows, lambda n: n in (1, 3, 4)),
            *(_plot(plot) for plot in result.plots),
            *(_table(table) for table in result.tables),
            (
                f'<p class="note">{outcome.seconds:.0f} s. By itself: <code>python -m '
                f"benchmarks.{escape(outcome.name)}</code></p>"
            ),
        )
    )


FIGURE_COLUMNS = ("figure", "measured", "beside", "", "ratio", "goal")


def _cells(figure: Figure) -> tuple[str, ...]:
    note = f'<div class="note">{escape(figure.note)}</div>' if figure.note else ""
    peer, ratio = figure.peer, figure.ratio
    goal = ""
    if figure.goal:
        word, kind = {
            True: ("met", "met"),
            False: ("not met", "missed"),
            None: ("not judged", "note"),
        }[figure.met]
        goal = f'{escape(figure.goal.text(figure.unit))} <span class="{kind}">{word}</span>'
    return (
        escape(figure.name) + note,
        escape(f"{shown(figure.value)} {figure.unit}".strip()),
        escape(peer.name) if peer else "",
        escape(shown(peer.value)) if peer else "",
        escape(shown(ratio)) if ratio is not None else "",
        goal,
    )


def _table(table: Table) -> str:
    numeric = {
        n for n in range(len(table.columns)) if any(not isinstance(r[n], str) for r in table.rows)
    }
    rows = [tuple(escape(shown(cell)) for cell in row) for row in table.rows]
    columns = tuple(escape(column) for column in table.columns)
    return f"<h3>{escape(table.title)}</h3>" + _rows(columns, rows, lambda n: n in numeric)


def _plot(plot: Plot) -> str:
    drawn = svg(plot)
    if drawn is not None:
        return drawn
    return f'<p class="note">“{escape(plot.title)}” is not drawn: matplotlib is not installed.</p>'


def _rows(
    columns: Sequence[str], rows: Sequence[Sequence[str]], is_number: Callable[[int], bool]
) -> str:
    """A table of cells that are HTML already."""

    def line(tag: str, cells: Sequence[str]) -> str:
        inner = "".join(
            f"<{tag}{' class=n' if is_number(n) else ''}>{cell}</{tag}>"
            for n, cell in enumerate(cells)
        )
        return f"<tr>{inner}</tr>"

    body = "\n".join(line("td", row) for row in rows)
    return f'<div class="scroll"><table>{line("th", columns)}\n{body}</table></div>'


def _prose(text: str) -> str:
    """Text with `code` in it."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
