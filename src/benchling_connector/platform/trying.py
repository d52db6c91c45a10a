"""Testing a configuration against the real services, before it is saved or after."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from benchling_connector.domain.access import Caller
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration, Refused
from benchling_connector.platform.configurations import Configurations

__all__ = ["LiveTest", "TriedItem", "TriedResult", "try_configuration"]


@dataclass(frozen=True, slots=True)
class TriedItem:
    """One thing that was tested. `code` is a heading of the troubleshooting guide."""

    name: str
    passed: bool
    summary: str
    remedy: str | None = None
    code: str | None = None


LiveTest = Callable[[Mapping[str, object]], Awaitable[Sequence[TriedItem]]]
"""Tests all keys and values of a valid configuration, secrets in the clear."""


@dataclass(frozen=True, slots=True)
class TriedResult:
    """What is wrong: with the keys, in which case nothing was contacted, or with the services."""

    problems: tuple[FieldProblem, ...] = ()
    items: tuple[TriedItem, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether a connector can work with it."""
        return not self.problems and all(item.passed for item in self.items)

    @property
    def error(self) -> str | None:
        """What is wrong, in a sentence."""
        if self.problems:
            return f"Not valid: {', '.join(one.key for one in self.problems)}."
        failed = [item.name for item in self.items if not item.passed]
        return f"Failed: {', '.join(failed)}." if failed else None


async def try_configuration(
    configurations: Configurations,
    caller: Caller,
    connector_id: str,
    given: Mapping[str, object] | None,
    live_test: LiveTest,
) -> TriedResult:
    """Tests what is given, with the secrets that are kept, or what holds if nothing is given.

    Raises `NotFound` (`connector-unknown`), `Refused` (`connector-not-configured`), and
    `ConfigurationError` (`secrets-undecryptable`).
    """
    try:
        made = await configurations.check(caller, connector_id, given)
    except InvalidConfiguration as error:
        return TriedResult(problems=error.fields)
    except Refused as error:
        if error.code != "queue-taken":
            raise
        return TriedResult((FieldProblem("sqs_url", error.sentence, error.remedy),))
    return TriedResult(items=tuple(await live_test(made.whole())))
