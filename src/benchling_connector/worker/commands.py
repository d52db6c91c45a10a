"""What a worker can be told: one table of actions, and what each does.

The registry has changed what is wanted before it sends Start, Stop, Shutdown or UpdateConfig; the
worker only looks at once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from pydantic import BaseModel

from benchling_connector.domain.commands import CUSTOM_PREFIX, Action, Command
from benchling_connector.domain.configuration import SECRET_KEYS, Configuration
from benchling_connector.domain.errors import InvalidConfiguration
from benchling_connector.ports import Situation
from benchling_connector.worker.bodies import (
    ConfigBody,
    DiscardBody,
    LevelBody,
    NoBody,
    RetryBody,
    UpdateBody,
)
from benchling_connector.worker.tools import CheckItem, Chosen, Outcome, Tools

__all__ = ["Abilities", "Long", "Rejected", "Understood", "understood"]

AT_ONCE = 10
"""Messages that are retried or discarded before the command is answered; more are a job."""

MOST_FAILED = 100
"""Failures that an answer tells one by one."""


class Rejected(Exception):  # noqa: N818 - it is an answer
    """A command that is not carried out, and why."""


@dataclass(frozen=True, slots=True)
class Long:
    """Work that takes long, done as a job of this kind; `work` is told whom to tell of progress."""

    kind: str
    total: int | None
    work: Callable[[Callable[[], None]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Understood:
    """An action that is understood: what it does, its body, and how.

    `handle` gives a JSON value or long work. Raises `Rejected` and `ConnectorError`.
    """

    what: str
    body: type[BaseModel]
    handle: Callable[[Command, Any], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a worker can do for a command.

    `look`: at what is wanted, at once. `keep_log_level`: for all workers of the connector.
    `holding`: the configuration that holds, None if none does; `fetch`: a version of the home's.
    All raise `ConnectorError`.
    """

    brought_its_own: bool
    look: Callable[[], Awaitable[Situation]]
    keep_log_level: Callable[[str], Awaitable[None]]
    holding: Callable[[], Awaitable[Configuration | None]]
    fetch: Callable[[int], Awaitable[Configuration]]
    tools: Tools


def understood(abilities: Abilities) -> dict[str, Understood]:
    """The table, by the full name of the action."""
    hand = _Hand(abilities)
    return {
        Action.START: Understood("Take messages.", NoBody, hand.look),
        Action.STOP: Understood("Finish what was begun, and take no messages.", NoBody, hand.look),
        Action.SHUTDOWN: Understood("Finish what was begun, and end.", NoBody, hand.look),
        Action.UPDATE_CONFIG: Understood(
            "Work with the newest configuration.", UpdateBody, hand.update
        ),
        Action.VALIDATE_CONFIG: Understood(
            "Whether a configuration is valid.", ConfigBody, hand.validate
        ),
        Action.TEST_CONFIG: Understood(
            "Test a configuration against the real services.", ConfigBody, hand.test
        ),
        Action.SET_LOG_LEVEL: Understood("Log more or less.", LevelBody, hand.set_log_level),
        Action.LIST_CUSTOM_COMMANDS: Understood("What is understood besides.", NoBody, hand.list),
        f"{CUSTOM_PREFIX}RetryQuarantine": Understood(
            "Send messages in quarantine to the queue again.", RetryBody, hand.retry
        ),
        f"{CUSTOM_PREFIX}DiscardQuarantine": Understood(
            "Record that messages in quarantine are not needed.", DiscardBody, hand.discard
        ),
        f"{CUSTOM_PREFIX}RunCheck": Understood(
            "Test the configuration that holds against the real services.", NoBody, hand.check
        ),
    }


class _Hand:
    """The handlers."""

    def __init__(self, abilities: Abilities) -> None:
        self._can = abilities
        self._tools = abilities.tools

    async def look(self, _: Command, __: NoBody) -> object:
        return {"mode": (await self._can.look()).mode.value}

    async def update(self, _: Command, __: UpdateBody) -> object:
        if self._can.brought_its_own:
            raise Rejected(
                "This worker was started with a configuration of its own, from its command line, "
                "environment or file, and takes none from the platform."
            )
        return {"version": (await self._can.look()).config_version}

    async def validate(self, _: Command, body: ConfigBody) -> object:
        return (await self._validated(body))[0]

    async def test(self, _: Command, body: ConfigBody) -> object:
        verdict, configuration = await self._validated(body)
        if configuration is None:
            return {**verdict, "items": []}
        items = [_row(item) async for item in self._tools.check(configuration)]
        failed = [str(item["name"]) for item in items if not item["passed"]]
        if not failed:
            return {**verdict, "items": items}
        error = f"These items failed: {', '.join(failed)}."
        return {"valid": False, "error": error, "fields": [], "items": items}

    async def set_log_level(self, _: Command, body: LevelBody) -> object:
        level = body.level.lower()
        await self._can.keep_log_level(level)
        await self._can.look()
        return {"level": level}

    async def list(self, _: Command, __: NoBody) -> object:
        custom = {
            action: one
            for action, one in understood(self._can).items()
            if action.startswith(CUSTOM_PREFIX)
        }
        return {
            "customCommands": [
                {"action": action, "what": one.what, "body": one.body.model_json_schema()}
                for action, one in custom.items()
            ]
        }

    async def retry(self, command: Command, body: RetryBody) -> object:
        configuration, who = await self._holding(), command.created_by

        async def work(chosen: Chosen, tell: Callable[[Outcome], None]) -> None:
            await self._tools.retry(configuration, chosen, who, tell)

        return await _some_or_many("RetryQuarantine", body, work)

    async def discard(self, command: Command, body: DiscardBody) -> object:
        configuration, who = await self._holding(), command.created_by

        async def work(chosen: Chosen, tell: Callable[[Outcome], None]) -> None:
            await self._tools.discard(configuration, chosen, body.because, who, tell)

        return await _some_or_many("DiscardQuarantine", body, work)

    async def check(self, _: Command, __: NoBody) -> object:
        configuration = await self._holding()

        async def work(step: Callable[[], None]) -> object:
            items = []
            async for item in self._tools.check(configuration):
                items.append(_row(item))
                step()
            return {"items": items}

        return Long("RunCheck", None, work)

    async def _holding(self) -> Configuration:
        configuration = await self._can.holding()
        if configuration is None:
            raise Rejected("The connector has no configuration yet.")
        return configuration

    async def _validated(self, body: ConfigBody) -> tuple[dict[str, object], Configuration | None]:
        """The verdict, and the configuration if it is valid."""
        try:
            if body.version is not None:
                configuration = await self._can.fetch(body.version)
            elif body.config is not None:
                configuration = await self._tools.configure(await self._with_secrets(body.config))
            else:
                configuration = await self._holding()
        except InvalidConfiguration as error:
            fields = [{"field": one.key, "error": str(one)} for one in error.fields]
            return {"valid": False, "error": error.problem.title, "fields": fields}, None
        return {"valid": True, "fields": []}, configuration

    async def _with_secrets(self, config: Mapping[str, object]) -> Mapping[str, object]:
        """What a form leaves out is what holds: secrets are not shown in it."""
        missing = [
            key for key in SECRET_KEYS if not config.get(key) and not config.get(f"{key}_file")
        ]
        holding = await self._can.holding() if missing else None
        if holding is None:
            return config
        kept = {key: getattr(holding, key).get_secret_value() for key in missing}
        return {**config, **kept}


async def _some_or_many(
    kind: str,
    body: RetryBody,
    work: Callable[[Chosen, Callable[[Outcome], None]], Awaitable[None]],
) -> object:
    ids = tuple(dict.fromkeys(body.messageIds or ()))
    since = body.since
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    chosen = Chosen(ids, body.reason, since)

    async def all_of_it(step: Callable[[], None]) -> object:
        outcomes: list[Outcome] = []

        def tell(outcome: Outcome) -> None:
            outcomes.append(outcome)
            step()

        await work(chosen, tell)
        return _summed_up(outcomes)

    if ids and len(ids) <= AT_ONCE:
        return await all_of_it(lambda: None)
    return Long(kind, len(ids) or None, all_of_it)


def _summed_up(outcomes: Sequence[Outcome]) -> dict[str, object]:
    failed = [one for one in outcomes if one.what == "failed"]
    return {
        "done": len(outcomes) - len(failed),
        "failed": len(failed),
        "failures": [
            {"messageId": one.message_id, "error": one.sentence} for one in failed[:MOST_FAILED]
        ],
    }


def _row(item: CheckItem) -> dict[str, object]:
    row: dict[str, object] = {"name": item.name, "passed": item.passed, "summary": item.summary}
    return row if item.remedy is None else {**row, "remedy": item.remedy}
