"""Every error of the connector, on one page.

An error of the main street belongs to one of three families, and the family decides what becomes
of a message (`fate.py`): a `ConfigurationError` stops intake until somebody mends it, a
`TransientError` sends the message back to the queue for later, a `PermanentError` puts it into
quarantine. Beside them a `Refused` answers somebody who asks for what is not possible.

Each has a stable `code`; what it means and what to do about it stand in `problems.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchling_connector.domain.problems import PROBLEMS

__all__ = [
    "ConfigurationError",
    "ConnectorError",
    "FieldProblem",
    "InvalidConfiguration",
    "InvalidInput",
    "NotFound",
    "PermanentError",
    "Refused",
    "TransientError",
]


class ConnectorError(Exception):
    """The root of all. `sentence` is for people and holds no secret and no payload."""

    def __init__(self, code: str, sentence: str = "") -> None:
        self.code = code
        self.problem = PROBLEMS[code]
        self.sentence = sentence or self.problem.title
        super().__init__(self.sentence)

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.problem.remedy

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.sentence)


class ConfigurationError(ConnectorError):
    """Nothing can succeed until somebody mends it; messages stay on the queue, unread."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One key of the configuration that is not right."""

    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem} {self.remedy}".strip()


class InvalidConfiguration(ConfigurationError):  # noqa: N818 - the term users see
    """The configuration itself is wrong: found before anything is contacted."""

    def __init__(self, fields: Sequence[FieldProblem], code: str = "configuration-invalid") -> None:
        self.fields = tuple(fields)
        super().__init__(code, "\n".join(map(str, self.fields)))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.fields, self.code)


class TransientError(ConnectorError):
    """It passes. `retry_after` is in seconds, where the other side named a time."""

    def __init__(self, code: str, sentence: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(code, sentence)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.sentence), {"retry_after": self.retry_after}


class PermanentError(ConnectorError):
    """This message can never succeed."""


class Refused(ConnectorError):  # noqa: N818 - it is an answer
    """What a person or program asked for is not possible as things are; nothing was changed.

    `details` are JSON values for programs, by name.
    """

    def __init__(
        self, code: str, sentence: str = "", details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(code, sentence)
        self.details = dict(details or {})

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.sentence, self.details)


class NotFound(Refused):
    """What is named is not there."""


class InvalidInput(Refused):
    """What was sent is not valid: found before anything was changed."""

    def __init__(self, fields: Sequence[FieldProblem]) -> None:
        self.fields = tuple(fields)
        super().__init__("request-invalid", "\n".join(map(str, self.fields)))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.fields,)
