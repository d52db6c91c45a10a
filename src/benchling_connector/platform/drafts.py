"""A configuration before it is a version: what was given, made whole, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchling_connector.domain.configuration import SECRET_KEYS
from benchling_connector.domain.errors import (
    ConfigurationError,
    FieldProblem,
    InvalidConfiguration,
)
from benchling_connector.domain.queue_url import one_form
from benchling_connector.domain.records import storable
from benchling_connector.domain.validating import problems_of

__all__ = ["Draft", "Own", "draft", "split"]


@dataclass(frozen=True, slots=True)
class Own:
    """What the platform itself knows of a connector, and no configuration may contradict."""

    connector_id: str
    connector_name: str
    database_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A valid configuration. `queue` is the one form of its queue."""

    content: Mapping[str, object]
    secrets: Mapping[str, str] = field(repr=False)
    queue: str

    def whole(self) -> dict[str, object]:
        """All keys and values, secrets in the clear."""
        return {**self.content, **self.secrets}


def split(given: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """What is no secret, and the secrets that were given: not those left out or empty."""
    content = {
        key: value for key, value in given.items() if key not in SECRET_KEYS and value is not None
    }
    secrets = {
        key: value
        for key, value in given.items()
        if key in SECRET_KEYS
        and value is not None
        and not (isinstance(value, str) and not value.strip())
    }
    return content, secrets


def draft(given: Mapping[str, object], kept: Mapping[str, str], own: Own) -> Draft:
    """What is given, with secrets `kept` from before where it has none.

    Raises `InvalidConfiguration` with every problem that there is.
    """
    content, secrets = split(given)
    problems = _of_own(content, own) + _of_files(content)
    content = {key: value for key, value in content.items() if key not in _OWN}
    whole = {**content, **kept, **secrets}
    known = {problem.key for problem in problems}
    problems += [one for one in problems_of(_without_files(whole)) if one.key not in known]
    queue = ""
    if "sqs_url" not in {problem.key for problem in problems}:
        try:
            queue = storable(one_form(str(whole["sqs_url"])))
        except ConfigurationError as error:
            problems.append(FieldProblem("sqs_url", error.sentence, error.remedy))
    if problems:
        raise InvalidConfiguration(problems)
    return Draft(content, {**kept, **{key: str(value) for key, value in secrets.items()}}, queue)


_OWN = ("connector_id", "connector_name", "database_url")
_FILES = frozenset(f"{key}_file" for key in SECRET_KEYS)


def _of_own(content: Mapping[str, object], own: Own) -> list[FieldProblem]:
    remedies = {
        "connector_id": "Leave it out: the connector's ID stays what it is.",
        "connector_name": "Leave it out, and rename the connector instead.",
        "database_url": "Leave it out: a connector of the platform keeps its ledger in the "
        "platform's database.",
    }
    return [
        FieldProblem(key, "is not what holds on this platform.", remedies[key])
        for key in _OWN
        if key in content and content[key] != getattr(own, key)
    ]


def _of_files(content: Mapping[str, object]) -> list[FieldProblem]:
    """Whoever may configure may not thereby read the files of the platform's machine."""
    return [
        FieldProblem(
            key,
            "is read where the platform runs, which nobody may ask for from outside.",
            f"Give {key.removesuffix('_file')} itself: it is kept encrypted.",
        )
        for key in sorted(_FILES & content.keys())
    ]


def _without_files(whole: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in whole.items() if key not in _FILES}
