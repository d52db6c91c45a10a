"""Errors carry a code, a sentence and a remedy, wherever they are taken."""

import pickle

import pytest

from benchling_connector.cli.exits import Exit, exit_status
from benchling_connector.domain.errors import (
    ConfigurationError,
    FieldProblem,
    InvalidConfiguration,
    PermanentError,
    TransientError,
)
from benchling_connector.domain.problems import PROBLEMS


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_code_tells_what_it_is_and_what_to_do(code) -> None:
    error = TransientError(code)
    assert error.sentence == PROBLEMS[code].title
    assert error.remedy
    assert error.sentence.endswith(".")
    assert error.remedy.endswith(".")


def test_an_error_survives_the_way_to_another_process() -> None:
    fields = [FieldProblem("client_id", "is required.", "Give it.")]
    for error in (ConfigurationError("queue-not-found", "gone"), InvalidConfiguration(fields)):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.code, again.sentence) == (
            type(error),
            error.code,
            error.sentence,
        )


def test_when_to_try_again_survives_it_too() -> None:
    error = pickle.loads(pickle.dumps(TransientError("queue-failing", "busy", retry_after=7.5)))
    assert (error.code, error.sentence, error.retry_after) == ("queue-failing", "busy", 7.5)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidConfiguration([]), Exit.CONFIGURATION),
        (ConfigurationError("queue-not-found"), Exit.SERVICE),
        (TransientError("queue-failing"), Exit.SERVICE),
        (PermanentError("event-not-json"), Exit.FAILED),
    ],
)
def test_every_family_has_its_exit_status(error, status) -> None:
    assert exit_status(error) is status
