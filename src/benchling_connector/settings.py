"""Where a configuration comes from: flags, then the environment, then a YAML file.

Turns whatever is wrong into `InvalidConfiguration`: the key, what is wrong, what to write instead.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from benchling_connector.adapters.proxies import check_proxies
from benchling_connector.adapters.trust import read_bundle
from benchling_connector.domain.configuration import SECRET_KEYS, Configuration
from benchling_connector.domain.environment import ENVIRONMENT_PREFIX, PLATFORM_VARIABLES
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration
from benchling_connector.domain.validating import KEYS, problem_of, unknown_key

__all__ = ["ENVIRONMENT_PREFIX", "Sources", "load", "read_file", "read_secret_files"]

# Kubernetes writes such variables into every pod beside a service of our name.
_SERVICE_LINK = re.compile(r"SERVICE_(HOST|PORT(_.*)?)|PORT(_[0-9]+_(TCP|UDP|SCTP)(_.*)?)?")

_FILE_KEYS = tuple(f"{key}_file" for key in sorted(SECRET_KEYS))


@dataclass(frozen=True, slots=True)
class Sources:
    """Where one configuration comes from. Called, it looks there anew, as `load` does."""

    config: Path | None
    overrides: Mapping[str, object] = field(default_factory=dict, repr=False)

    def __call__(self) -> Configuration:
        return load(self.config, self.overrides)

    def over(self, beneath: Mapping[str, object]) -> Configuration:
        """The same, over keys of somewhere else, which hold where nothing is given here."""
        return load(self.config, self.overrides, beneath=beneath)

    def given(self) -> frozenset[str]:
        """The keys that stand anywhere. Raises `InvalidConfiguration` for an unreadable file."""
        layers = (self.overrides, _environment(os.environ), read_file(self.config))
        keys = {key for layer in layers for key, value in layer.items() if value is not None}
        return frozenset(keys | {key.removesuffix("_file") for key in keys & set(_FILE_KEYS)})

    def place_of(self, secret: str) -> str:
        """Where a secret stands that is empty, or would stand; words for a sentence."""
        name = f"{ENVIRONMENT_PREFIX}{secret.upper()}"
        layers = (
            (dict(self.overrides), ""),
            (_environment(os.environ), f"the environment variable {name}"),
            (_quietly(self.config), f"the key {secret} in {self.config}"),
        )
        for layer, place in reversed(layers):  # a file can be mended, a variable cannot
            path = layer.get(f"{secret}_file")
            if path is not None:
                return f"the file {path}"
            if layer.get(secret) is not None:
                return place
        return f"the key {secret}"


def load(
    config: Path | None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    beneath: Mapping[str, object] | None = None,
) -> Configuration:
    """The configuration, from all its sources; what is None counts as not given.

    `beneath` holds keys of a source below them all.

    A secret that is empty gives way to one further down, and is empty where there is none.

    Raises `InvalidConfiguration` with every problem that was found, secrets left out.
    """
    environment = os.environ if environment is None else environment
    problems = check_proxies(environment)
    merged: dict[str, object] = {}
    layers = (
        dict(overrides or {}),
        _environment(environment),
        read_file(config),
        dict(beneath or {}),
    )
    for layer in layers:
        given = {key: value for key, value in layer.items() if value is not None}
        problems += read_secret_files(given)
        for key, value in given.items():
            if key not in merged or (key in SECRET_KEYS and _is_blank(merged[key])):
                merged[key] = "" if key in SECRET_KEYS and _is_blank(value) else value
    problems += [unknown_key(key) for key in merged if key not in KEYS]
    try:
        configuration = Configuration.model_validate(
            {key: value for key, value in merged.items() if key in KEYS}
        )
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            problem = problem_of(details)
            if problem.key not in {known.key for known in problems}:
                problems.append(problem)
        raise InvalidConfiguration(problems) from None
    if configuration.ca_bundle is not None:
        try:
            read_bundle(configuration.ca_bundle)
        except InvalidConfiguration as error:
            problems += error.fields
    if problems:
        raise InvalidConfiguration(problems)
    return configuration


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _environment(environment: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, text in environment.items():
        key = name.removeprefix(ENVIRONMENT_PREFIX)
        if key == name or name in PLATFORM_VARIABLES or _SERVICE_LINK.fullmatch(key):
            continue
        value: object = text
        if text.lstrip().startswith("["):
            import yaml  # slow to import, and seldom needed

            try:
                value = yaml.safe_load(text)
            except yaml.YAMLError:
                value = text
        found[key.lower()] = value
    return found


def read_file(config: Path | None) -> dict[str, object]:
    """The keys and values of a YAML file; none without a file. Raises `InvalidConfiguration`."""
    if config is None:
        return {}
    import yaml  # slow to import, and not needed without a file

    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not UTF-8 text"
        raise _whole(f"The file {config} cannot be read ({why}).", "Check its path.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise _whole(
            f"The file {config} is not YAML{line}.", "Write one `key: value` a line."
        ) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise _whole(f"The file {config} holds no keys.", "Write one `key: value` a line.")
    found = {str(key): value for key, value in content.items()}
    for key in SECRET_KEYS & found.keys():
        if found[key] is None and f"{key}_file" not in found:
            found[key] = ""  # the key is there, and nothing behind it
    return found


def _quietly(config: Path | None) -> dict[str, object]:
    try:
        return read_file(config)
    except InvalidConfiguration:
        return {}


def _whole(problem: str, remedy: str) -> InvalidConfiguration:
    return InvalidConfiguration([FieldProblem("configuration", problem, remedy)])


def read_secret_files(layer: dict[str, object]) -> list[FieldProblem]:
    """Puts the content of `<secret>_file` into the layer as `<secret>`; what is wrong with it."""
    problems = []
    for file_key in _FILE_KEYS:
        path = layer.pop(file_key, None)
        if path is None:
            continue
        key = file_key.removesuffix("_file")
        if key in layer:
            remedy = "Keep one of the two."
            problems.append(FieldProblem(file_key, f"is given beside {key}.", remedy))
            continue
        try:
            layer[key] = Path(str(path)).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, ValueError, RuntimeError):  # the latter two for what can be no path
            problems.append(_unreadable(file_key, str(path)))
    return problems


def _unreadable(file_key: str, path: str) -> FieldProblem:
    # What is no file may be the secret itself, in the wrong place: it is not repeated.
    named = path if os.path.exists(path) else "that it names"  # noqa: PTH110 - it never raises
    remedy = "Check its path and permissions: it takes the path of a file, not the secret itself."
    return FieldProblem(file_key, f"the file {named} cannot be read.", remedy)
