"""What is wrong with a configuration, in sentences: the key, the problem, what to write instead."""

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from benchling_connector.domain.configuration import SECRET_KEYS, Configuration
from benchling_connector.domain.errors import FieldProblem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["KEYS", "problem_of", "problems_of", "unknown_key"]

KEYS = tuple(Configuration.model_fields)
"""Every key, in the order of the reference."""

_FILE_KEYS = tuple(f"{key}_file" for key in sorted(SECRET_KEYS))


def problems_of(given: Mapping[str, object]) -> list[FieldProblem]:
    """Everything that is wrong with these keys and values, one problem a key; none if valid."""
    problems = {key: unknown_key(key) for key in given if key not in KEYS}
    try:
        Configuration.model_validate({key: given[key] for key in given if key in KEYS})
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            problem = problem_of(details)
            problems.setdefault(problem.key, problem)
    return list(problems.values())


def unknown_key(key: str) -> FieldProblem:
    """The problem of a key that there is not; its remedy names the closest that there is."""
    close = difflib.get_close_matches(key.lower(), [*KEYS, *_FILE_KEYS], n=1, cutoff=0.0)
    return FieldProblem(key, "is not a key of the configuration.", f"Did you mean {close[0]}?")


def problem_of(error: "ErrorDetails") -> FieldProblem:
    """What pydantic found, in our words; no value is repeated."""
    key = str(error["loc"][0]) if error["loc"] else "configuration"
    if error["type"] == "missing":
        field = Configuration.model_fields[key]
        example = f", as in {field.examples[0]}" if field.examples else ""
        also = f", or {key}_file" if key in SECRET_KEYS else ""
        return FieldProblem(key, "is required.", f"Give the {field.title}{example}{also}.")
    field = Configuration.model_fields[key]
    message = _MESSAGES.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    if key == "api_requests_per_30s":
        message = "must be auto, or a whole number from 1 to 100000"
    remedy = f"It is: {field.description}"
    if field.examples:
        remedy += f" Example: {field.examples[0]}"
    return FieldProblem(key, message.format(**error.get("ctx", {})) + ".", remedy)


_MESSAGES = {
    "string_type": "must be text; put it in quotes",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "is not of the form that it must have",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "tuple_type": "must be a list",
    "too_short": "must not be an empty list",
}
