"""What bodies of these routes have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from pydantic import Field

from benchling_connector.domain.errors import Refused
from benchling_connector.web.problems import HttpProblem

__all__ = ["Reason", "fields_told"]

Reason = Annotated[str | None, Field(max_length=1_000, description="Why; kept in the audit.")]


@contextmanager
def fields_told() -> Iterator[None]:
    """What is wrong with one field is told as such: 422, and no conflict."""
    try:
        yield
    except Refused as error:
        field = {"password-refused": "password", "account-name-invalid": "name"}.get(error.code)
        if field is None:
            raise
        raise HttpProblem(
            422,
            error.code,
            error.sentence,
            remedy=error.remedy,
            more={"fields": [{"field": field, "error": error.sentence}]},
        ) from None
