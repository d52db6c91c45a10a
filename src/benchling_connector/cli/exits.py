"""Exit statuses, and how an error is told to a person."""

import sys
from enum import IntEnum

from benchling_connector.domain.errors import (
    ConfigurationError,
    ConnectorError,
    InvalidConfiguration,
    InvalidInput,
    TransientError,
)

__all__ = ["Exit", "exit_status", "explain"]


class Exit(IntEnum):
    """The exit statuses of every verb."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    SERVICE = 4
    PART = 5


def exit_status(error: ConnectorError) -> Exit:
    """The status that a verb ends with when this error ends it."""
    if isinstance(error, InvalidInput):
        return Exit.USAGE
    if isinstance(error, InvalidConfiguration):
        return Exit.CONFIGURATION
    if isinstance(error, (ConfigurationError, TransientError)):
        return Exit.SERVICE
    return Exit.FAILED


def explain(error: ConnectorError) -> None:
    """Says on stderr what is wrong and what to do about it."""
    print(f"Error ({error.code}): {error.sentence}", file=sys.stderr)  # noqa: T201
    print(error.remedy, file=sys.stderr)  # noqa: T201
