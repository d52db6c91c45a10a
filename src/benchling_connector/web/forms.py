"""What a form of ours sends: fields by name, `application/x-www-form-urlencoded`."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import Request

from benchling_connector.domain.errors import FieldProblem, InvalidInput
from benchling_connector.web.problems import HttpProblem

__all__ = ["CSRF_FIELD", "chosen", "fields_of", "is_form", "pairs_of"]
__all__ += ["problems_of", "text_of_pairs"]

CSRF_FIELD = "csrf"
MEDIA_TYPE = "application/x-www-form-urlencoded"
MOST_FIELDS = 500

Choice = TypeVar("Choice")


def is_form(request: Request) -> bool:
    """Whether a form was sent."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == MEDIA_TYPE


async def fields_of(request: Request) -> Mapping[str, str]:
    """The fields by name, the last of each; line ends are plain.

    Raises `HttpProblem` (400, 415) for what no form of ours sends.
    """
    if not is_form(request):
        raise HttpProblem(415, "form-expected", f"This takes a form, {MEDIA_TYPE}.")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HttpProblem(400, "form-invalid", "This is not a form as browsers send it.") from None
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def chosen(fields: Mapping[str, str], name: str, choices: Mapping[str, Choice]) -> Choice:
    """What a field stands for. Raises `InvalidInput` for what is none of the choices."""
    try:
        return choices[fields.get(name, "")]
    except KeyError:
        remedy = f"Choose one of {', '.join(choices)}."
        raise InvalidInput([FieldProblem(name, "is none of the choices.", remedy)]) from None


def pairs_of(text: str, field: str) -> tuple[tuple[str, str], ...]:
    """Names and values, written `name = value`, one a line.

    Raises `InvalidInput` for a line without `=`.
    """
    pairs = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals:
            problem = FieldProblem(field, f"line {number} has no `=`.", "Write `name = value`.")
            raise InvalidInput([problem])
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)


def problems_of(error: InvalidInput) -> Mapping[str, str]:
    """What is wrong, by the form's fields: what is said of `labels.0.name` stands at `labels`."""
    said: dict[str, str] = {}
    for one in error.fields:
        field, _, place = one.key.partition(".")
        text = f"{place} {one.problem} {one.remedy}".strip()
        said[field] = f"{said[field]} {text}" if field in said else text
    return said


def text_of_pairs(pairs: Mapping[str, str] | tuple[tuple[str, str], ...]) -> str:
    """The same the other way round."""
    some = pairs.items() if isinstance(pairs, Mapping) else pairs
    return "\n".join(f"{name} = {value}" for name, value in some)
