"""The bodies of commands. Their JSON Schemas are what `ListCustomCommands` shows."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["ConfigBody", "DiscardBody", "LevelBody", "NoBody", "RetryBody", "UpdateBody"]

MOST_IDS = 10_000


class NoBody(BaseModel):
    """Nothing, or an empty object."""

    model_config = ConfigDict(extra="forbid")


class UpdateBody(BaseModel):
    """What the platform sends along is not needed: it is at home."""

    model_config = ConfigDict(extra="ignore")


class ConfigBody(BaseModel):
    """A configuration that need not be saved; a version that is; or the one that holds."""

    model_config = ConfigDict(extra="forbid")

    config: dict[str, object] | None = None
    version: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.config is not None and self.version is not None:
            raise ValueError("give config or version, not both")
        return self


class LevelBody(BaseModel):
    """How much is logged."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["debug", "info", "warning", "error", "DEBUG", "INFO", "WARNING", "ERROR"]


MessageId = Annotated[str, Field(min_length=1, max_length=200)]


class RetryBody(BaseModel):
    """Messages in quarantine, by their IDs, or by what they have in common."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    messageIds: list[MessageId] | None = Field(  # noqa: N815 - the platform's spelling
        default=None, min_length=1, max_length=MOST_IDS, description="SQS's message IDs."
    )
    reason: str | None = Field(
        default=None, min_length=1, description="Code of the reason, or a glob: `event-not-*`."
    )
    since: datetime | None = Field(
        default=None, description="Quarantined from then on; with an offset, or UTC."
    )
    all: Literal[True] | None = Field(default=None, description="All that are in quarantine.")

    @model_validator(mode="after")
    def _in_one_way(self) -> Self:
        filtered = self.reason is not None or self.since is not None or self.all is not None
        if (self.messageIds is not None) == filtered:
            raise ValueError("give messageIds, or one or more of reason, since and all")
        return self


class DiscardBody(RetryBody):
    """The same, and why."""

    because: str = Field(min_length=1, max_length=1000, description="Why; it is kept.")
