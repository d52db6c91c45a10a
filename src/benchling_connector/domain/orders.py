"""What may be asked of a connector: whether an action and its body are of the form they must have.

Actions and bodies as on the Tetra Data Platform, and as its SDK takes them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from benchling_connector.domain.commands import Action
from benchling_connector.domain.configuration import SECRET_KEYS
from benchling_connector.domain.errors import FieldProblem, InvalidInput

__all__ = ["LOG_LEVELS", "MOST_BYTES", "Order", "custom_action", "order"]

LOG_LEVELS = ("debug", "info", "warning", "error")
MOST_BYTES = 256 * 1024
"""Of a body, as JSON: what one SQS message of the platform holds."""

_CUSTOM = re.compile(r"TetraScience\.Connector\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64}")
_WITH_CONFIG = (Action.VALIDATE_CONFIG, Action.TEST_CONFIG, Action.UPDATE_CONFIG)


@dataclass(frozen=True, slots=True)
class Order:
    """A command that somebody wants to send. `secrets` stood in the configuration in its body."""

    action: str
    body: object = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def config(self) -> Mapping[str, object] | None:
        """The configuration in its body, with its secrets; None if there is none."""
        if self.action not in _WITH_CONFIG or not isinstance(self.body, dict):
            return None
        config = cast("dict[str, object]", self.body).get("config")
        return {**config, **self.secrets} if isinstance(config, dict) else None


def order(action: str, body: object) -> Order:
    """The order, with the secrets taken out of its body. Raises `InvalidInput`."""
    known = action in set(Action)
    if not known and not _CUSTOM.fullmatch(action):
        remedy = f"Take one of {', '.join(Action)}, or TetraScience.Connector.<Name>.<Action>."
        raise InvalidInput([FieldProblem("action", "is none that there is.", remedy)])
    if len(json.dumps(body)) > MOST_BYTES:
        problem = f"has more than {MOST_BYTES} bytes."
        raise InvalidInput([FieldProblem("body", problem, "Shorten it.")])
    if action == Action.SET_LOG_LEVEL:
        return Order(action, {"level": _level(body)})
    if action in _WITH_CONFIG:
        return _with_config(action, body)
    return Order(action, body)


def custom_action(name: str, prefix: str) -> str:
    """The whole of an action that was named in short: `RunCheck`, or `Benchling.RunCheck`."""
    if name.startswith("TetraScience."):
        return name
    builtin = {one.rpartition(".")[2]: one.value for one in Action}
    if name in builtin:
        return builtin[name]
    return f"TetraScience.Connector.{name}" if "." in name else prefix + name


def _level(body: object) -> str:
    level = cast("dict[str, object]", body).get("level") if isinstance(body, dict) else body
    if not isinstance(level, str) or level.lower() not in LOG_LEVELS:
        remedy = f"Take one of {', '.join(LOG_LEVELS)}."
        raise InvalidInput([FieldProblem("body.level", "is no level of the log.", remedy)])
    return level.lower()


def _with_config(action: str, body: object) -> Order:
    if body is None:
        return Order(action)
    if not isinstance(body, dict) or body.keys() - {"config", "version"}:
        remedy = "Give an object with `config` or `version`, or nothing for what holds."
        raise InvalidInput([FieldProblem("body", "has another form than it may.", remedy)])
    config = body.get("config")
    if config is None:
        return Order(action, body)
    if not isinstance(config, dict):
        remedy = "Give an object of keys and values."
        raise InvalidInput([FieldProblem("body.config", "is no configuration.", remedy)])
    secrets = {key: config[key] for key in SECRET_KEYS & config.keys()}
    for key, value in secrets.items():
        if not isinstance(value, str):
            problem = FieldProblem(f"body.config.{key}", "must be text.", "Put it in quotes.")
            raise InvalidInput([problem])
    plain = {key: value for key, value in config.items() if key not in SECRET_KEYS}
    given = {key: value for key, value in secrets.items() if value.strip()}
    return Order(action, {**body, "config": plain}, given)
