"""Labels, metadata and tags of a connector, and the limits that the Tetra Data Platform has.

They go onto every file, so what the platform would refuse later is refused when it is written.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchling_connector.domain.errors import FieldProblem

__all__ = ["MOST_BYTES", "MOST_LABELS", "Label", "label_problems", "metadata_problems"]

NAME_LENGTH, VALUE_LENGTH = 128, 256
"""Characters."""
MOST_LABELS = 100
MOST_BYTES = 1536
"""Of metadata and tags together: names, values and tags, in ASCII."""

_NAME = re.compile(r"[A-Za-z0-9 _+.-]+")
_VALUE = re.compile(r"[A-Za-z0-9 _+.,/-]+")


@dataclass(frozen=True, slots=True)
class Label:
    """One label; `number` names it among those of its connector."""

    number: int
    name: str
    value: str


def label_problems(labels: Iterable[tuple[str, str]]) -> list[FieldProblem]:
    """What is wrong with names and values, by field (`labels.0.name`)."""
    problems = []
    seen: set[tuple[str, str]] = set()
    for number, (name, value) in enumerate(labels):
        problems += _text(f"labels.{number}.name", name, NAME_LENGTH, _NAME, "_ - + .")
        problems += _text(f"labels.{number}.value", value, VALUE_LENGTH, _VALUE, "_ - + . , /")
        if (name, value) in seen:
            problems.append(FieldProblem(f"labels.{number}", "is there already.", "Give it once."))
        seen.add((name, value))
    if len(seen) > MOST_LABELS:
        remedy = "Leave some out."
        problems.append(FieldProblem("labels", f"are more than {MOST_LABELS}.", remedy))
    return problems


def metadata_problems(metadata: Mapping[str, str], tags: Sequence[str]) -> list[FieldProblem]:
    """What is wrong with metadata and tags: characters, and their size together."""
    problems = []
    for name, value in metadata.items():
        if not name.strip() or not (name + value).isascii() or not (name + value).isprintable():
            problems.append(_ascii(f"metadata.{name}" if name.isprintable() else "metadata"))
    for number, tag in enumerate(tags):
        if not tag.strip() or not tag.isascii() or not tag.isprintable():
            problems.append(_ascii(f"tags.{number}"))
    size = sum(len(key) + len(value) for key, value in metadata.items()) + sum(map(len, tags))
    if size > MOST_BYTES:
        problem = f"and tags take {size} bytes together; {MOST_BYTES} is the most."
        problems.append(FieldProblem("metadata", problem, "Shorten them, or use labels."))
    return problems


def as_json(labels: Iterable[Label]) -> str:
    """As the database keeps labels."""
    return json.dumps([{"id": one.number, "name": one.name, "value": one.value} for one in labels])


def _text(
    field: str, text: str, longest: int, form: re.Pattern[str], others: str
) -> list[FieldProblem]:
    if len(text) > longest:
        return [FieldProblem(field, f"has more than {longest} characters.", "Shorten it.")]
    if not form.fullmatch(text) or not text.strip():
        remedy = f"Use letters, digits, space and {others}"
        return [FieldProblem(field, "is empty or has other characters than it may.", remedy)]
    return []


def _ascii(field: str) -> FieldProblem:
    return FieldProblem(field, "is empty or has other characters than it may.", "Use ASCII only.")
