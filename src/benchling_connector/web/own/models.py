"""What bodies of these routes have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Body", "Reason"]

Reason = Annotated[str | None, Field(max_length=1_000, description="Why; kept in the audit.")]


class Body(BaseModel):
    """A request's body: a field that there is not is refused by its name."""

    model_config = ConfigDict(extra="forbid")
