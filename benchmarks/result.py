"""What a benchmark found: plain, frozen data that the report shows and a machine can read.

A benchmark is a module with `run(*, quick: bool) -> Result`; `benchmarks/__main__.py` lists them.
"""

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Cell", "Figure", "Goal", "Peer", "Plot", "Result", "Series", "Table", "shown"]

Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Peer:
    """What stands beside a figure, measured in the same run or documented: its name and value."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of a figure itself, or of its ratio to its peer."""

    bound: Literal["at least", "at most", "above", "below"]
    value: float
    of: Literal["figure", "ratio"] = "figure"

    def met(self, measured: float) -> bool:
        """Whether this value is within the bound."""
        match self.bound:
            case "at least":
                return measured >= self.value
            case "above":
                return measured > self.value
            case "at most":
                return measured <= self.value
            case "below":
                return measured < self.value

    def text(self, unit: str) -> str:
        """As people read it."""
        sign = {"at least": "≥", "at most": "≤", "above": ">", "below": "<"}[self.bound]
        what = "ratio " if self.of == "ratio" else ""
        return f"{what}{sign} {shown(self.value)}{f' {unit}' if unit and not what else ''}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `note`: how it was measured, where that does not go without saying."""

    name: str
    value: float
    unit: str = ""
    peer: Peer | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value beside the peer's; None without one."""
        if self.peer is None or self.peer.value == 0:
            return None
        return self.value / self.peer.value

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none, or nothing to compare with."""
        measured = self.ratio if self.goal and self.goal.of == "ratio" else self.value
        return None if self.goal is None or measured is None else self.goal.met(measured)


@dataclass(frozen=True, slots=True)
class Table:
    """Details: one row a case, its cells in the order of the columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one group of bars in a plot. `x` holds numbers, or the names of the bars."""

    name: str
    x: tuple[float, ...] | tuple[str, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of series. `limit`: a horizontal line, with its name."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    kind: Literal["lines", "bars"] = "lines"
    log_x: bool = False
    log_y: bool = False
    limit: Peer | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """All that one benchmark found. `about`: what was run, in a sentence or two."""

    name: str
    title: str
    about: str
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()

    def text(self) -> str:
        """For a terminal."""
        lines = [self.title, self.about]
        for one in self.figures:
            line = f"  {one.name:58} {shown(one.value):>10} {one.unit}"
            if one.peer is not None and one.ratio is not None:
                line += f"; {one.peer.name} {shown(one.peer.value)}, ratio {shown(one.ratio)}"
            if one.goal is not None:
                verdict = {True: "met", False: "NOT met", None: "not judged"}[one.met]
                line += f"; goal {one.goal.text(one.unit)}: {verdict}"
            lines.append(line)
        for table in self.tables:
            lines += ["", f"  {table.title}"]
            cells = [table.columns, *(tuple(shown(cell) for cell in row) for row in table.rows)]
            widths = [max(len(row[n]) for row in cells) for n in range(len(table.columns))]
            for row in cells:
                texts = (
                    f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)
                )
                lines.append("  " + "  ".join((f"{row[0]:{widths[0]}}", *texts)))
        return "\n".join(lines)


def shown(cell: Cell) -> str:
    """A cell as people read it: three significant digits, thousands with a comma."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or (math.isfinite(cell) and abs(cell) >= 100):
        return f"{cell:,.0f}"
    if not math.isfinite(cell):
        return "-"
    digits = 2 - math.floor(math.log10(abs(cell))) if cell else 0
    return f"{cell:.{min(max(digits, 0), 4)}f}"
