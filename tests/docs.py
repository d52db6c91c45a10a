"""The parts of the documentation that are drawn from the code, and how they get into its pages.

`python -m tests.docs` writes them anew, each between its own two comments; `test_docs.py` holds
pages and code together.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import typer
import yaml
from typer.core import TyperArgument, TyperOption

from benchling_connector import cloudformation
from benchling_connector.adapters.benchling import BudgetSnapshot
from benchling_connector.assembly import metrics_of
from benchling_connector.cli.main import app
from benchling_connector.domain.catalog import ENTITY_FAMILIES, Family, catalog
from benchling_connector.domain.channels import FIELDS
from benchling_connector.domain.commands import TRANSITIONS as COMMAND_TRANSITIONS
from benchling_connector.domain.commands import CommandStatus
from benchling_connector.domain.configuration import SECRET_KEYS, Configuration
from benchling_connector.domain.exposed import EXPOSED
from benchling_connector.domain.health import Health, condition_of
from benchling_connector.domain.lifecycle import TRANSITIONS, Mode, Refusal, Wish
from benchling_connector.domain.metrics import Metric
from benchling_connector.domain.samples import SAMPLED
from benchling_connector.engine.stats import Stats
from benchling_connector.settings import ENVIRONMENT_PREFIX
from benchling_connector.worker.commands import Abilities, Understood, understood

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = (*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")

DERIVED_DEFAULTS = {
    "lake_url": "`file://<data_dir>/lake`",
    "database_url": "`sqlite:///<data_dir>/connector.db`",
    "data_dir": "`./data`",
    "connector_id": "made on the first run, kept in the database",
    "ca_bundle": "none",
    "http_port": "off",
}
"""Of keys whose default in the model is not what a reader wants to see."""

EXAMPLES: dict[str, object] = {
    "disable_ssl_verification": True,
    "sample_result_export_interface_ids": ["assaysch_1a2B3c4D"],
    "data_dir": "/var/lib/benchling-connector",
    "connector_id": "benchling-production",
    "connector_name": "Benchling production",
    "events_per_file": 5,
    "api_requests_per_30s": 200,
    "bulk_get_size": 50,
    "request_timeout_s": 120,
    "event_retention_days": 90,
    "http_port": 9464,
}
"""Of keys that have none in the model."""

_BLOCK = re.compile(
    r"<!-- from the code: (?P<name>[a-z-]+) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def code(text: object) -> str:
    """Inline code."""
    return f"`{text}`"


def prose(text: str) -> str:
    """Text that was not written as Markdown."""
    return text.replace("<", "&lt;").replace("*", "\\*")


# Configuration


def environment_variable(key: str) -> str:
    """By its name in the environment."""
    return ENVIRONMENT_PREFIX + key.upper()


def flag(key: str) -> str:
    """By its name on the command line; of a secret, that of its file."""
    return "--" + (f"{key}_file" if key in SECRET_KEYS else key).replace("_", "-")


def default(key: str) -> str:
    """As the reference writes it."""
    field = Configuration.model_fields[key]
    if field.is_required():
        return "required"
    if key in DERIVED_DEFAULTS:
        return DERIVED_DEFAULTS[key]
    return code(json.dumps(field.default) if not isinstance(field.default, str) else field.default)


def example(key: str) -> object:
    """A value that one may write."""
    examples = Configuration.model_fields[key].examples
    return examples[0] if examples else EXAMPLES[key]


def form(key: str) -> str:
    """What kind of value it takes, out of the model's JSON Schema."""
    schema: dict[str, Any] = Configuration.model_json_schema()["properties"][key]
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return ", or ".join(_form(one) for one in kinds)


def _form(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return code(schema["const"])
    kind = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "`true` or `false`",
        "array": "list of text",
    }[schema["type"]]
    words = ["path" if schema.get("format") == "path" else kind]
    if "minimum" in schema:
        words.append(f"from {schema['minimum']} to {schema['maximum']}")
    elif "exclusiveMinimum" in schema:
        words.append(f"above {schema['exclusiveMinimum']}, at most {schema['maximum']}")
    if "maxLength" in schema:
        words.append(f"of at most {schema['maxLength']} characters")
    if "pattern" in schema:
        words.append(f"that matches `{schema['pattern']}`")
    return " ".join(words)


def configuration_summary() -> str:
    """All keys on one screen."""
    return table(
        ["Key", "Default", "Meaning"],
        (
            [f"[{code(key)}](#{key})", default(key), _first_sentence(field.description or "")]
            for key, field in Configuration.model_fields.items()
        ),
    )


def configuration_keys() -> str:
    """All that there is to know of each key."""
    parts = []
    for key, field in Configuration.model_fields.items():
        lines = [f"### `{key}`", "", field.description or "", ""]
        lines.append(f"- Default: {default(key)}")
        lines.append(f"- Form: {form(key)}")
        lines.append(f"- Environment: `{environment_variable(key)}`")
        lines.append(f"- Flag: `{flag(key)}`")
        if key in SECRET_KEYS:
            lines.append(
                f"- From a file: `{key}_file`, or `{environment_variable(key + '_file')}`. A "
                "secret has no flag of its own, because the process list shows flags to everybody."
            )
            lines.append(f"- Example: `{key}_file: /run/secrets/{key}`")
        else:
            lines.append(f"- Example: `{yaml_line(key)}`")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def yaml_line(key: str) -> str:
    """An example as it stands in the file."""
    value = example(key)
    return f"{key}: {value if isinstance(value, str) else json.dumps(value)}"


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[a-z`)])[.;] ", text, maxsplit=1)[0].removesuffix(".") + "."


# The catalogue


def event_types() -> str:
    """Every event type with its family."""
    return table(
        ["Event type", "Stability", "Resource type", "Family"],
        (
            [
                code(name),
                one.stability,
                code(name.split(".")[1]),
                "one of the eight `entity.…`"
                if one.family == ENTITY_FAMILIES
                else f"[{code(one.family)}](#families)",
            ]
            for name, one in sorted(catalog().event_types.items(), key=_by_resource)
        ),
    )


def _by_resource(item: tuple[str, object]) -> tuple[str, str]:
    version, resource, *rest = item[0].split(".")
    return resource, ".".join([*rest, version])


def families() -> str:
    """Every family with its endpoints."""
    return table(
        ["Family", "One", "Many", "IDs in one call"],
        (
            [code(name), code(one.path), *_many(one)]
            for name, one in sorted(catalog().families.items())
        ),
    )


def _many(family: Family) -> tuple[str, str]:
    many = family.many
    if many is None:
        return "none", "1"
    most = "`bulk_get_size`"
    if many.max_ids is not None:
        most += f", at most {many.max_ids}"
    return f"{many.kind}: `{many.path}?{many.ids_param}=`", most


# Templates


def template_parameters(file: str) -> str:
    """The parameters of one template, in the order in which the console shows them."""
    template = next(one for one in cloudformation.templates() if one.name == file)
    return table(
        ["Parameter", "Default", "Meaning"],
        (
            [
                code(one.name),
                "required" if one.default is None else code(one.default) if one.default else "none",
                prose(one.description),
            ]
            for one in template.parameters
        ),
    )


def template_resources(file: str) -> str:
    """The resources of one template, with what becomes of them when the stack is deleted."""
    return table(
        ["Resource", "Type", "Name", "When the stack is deleted"],
        (
            [
                code(name),
                code(one["Type"]),
                _resource_name(one.get("Properties", {})),
                "stays" if "Retain" in one.get("DeletionPolicy", "") else "goes",
            ]
            for name, one in _document(file)["Resources"].items()
        ),
    )


def template_outputs(file: str) -> str:
    """The outputs of one template."""
    return table(
        ["Output", "Meaning"],
        (
            [code(name), prose(one["Description"])]
            for name, one in _document(file)["Outputs"].items()
        ),
    )


def _resource_name(properties: dict[str, Any]) -> str:
    for key in ("QueueName", "AlarmName", "TopicName", "Name"):
        if key in properties:
            return code(re.sub(r"\$\{(\w+)\}", r"<\1>", str(properties[key])))
    return ""


def _document(file: str) -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        """Takes CloudFormation's short forms for the values below them."""

    def short_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> object:
        if isinstance(node, yaml.ScalarNode):
            value = loader.construct_scalar(node)
            return f"${{{value}}}" if tag == "Ref" else value
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        assert isinstance(node, yaml.MappingNode)
        return loader.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("!", short_form)
    document: dict[str, Any] = yaml.load(cloudformation.read(file), Loader)
    return document


# The command line


def verbs() -> dict[str, Any]:
    """Every verb by its full name, as Typer's command."""
    found: dict[str, Any] = {}

    def walk(name: str, command: Any) -> None:
        if not hasattr(command, "list_commands"):
            found[name] = command
            return
        for child in command.list_commands(None):
            walk(f"{name} {child}".strip(), command.get_command(None, child))

    walk("", typer.main.get_command(app))
    return found


def is_configured(command: Any) -> bool:
    """Whether a verb takes a flag for every configuration key."""
    return any(flag("benchling_url") in one.opts for one in command.params)


def options(command: Any) -> list[TyperOption]:
    """Of one verb, without `--help` and, where it has them all, the flags of configuration keys."""
    keys = {flag(key) for key in Configuration.model_fields} if is_configured(command) else set()
    return [
        one
        for one in command.params
        if isinstance(one, TyperOption) and not one.hidden and not {"--help", *keys} & set(one.opts)
    ]


def command_line() -> str:
    """Every verb with its arguments and options."""
    parts = []
    for name, command in sorted(verbs().items()):
        arguments = [one for one in command.params if isinstance(one, TyperArgument)]
        usage = " ".join([name, *(_argument(one) for one in arguments)])
        lines = [f"### `{name}`", "", _unwrapped(command.help or ""), ""]
        extra = " [a flag for any configuration key]" if is_configured(command) else ""
        lines += [f"    benchling-connector {usage} [options]{extra}", ""]
        rows = [[code(_argument(one)), "", one.help or ""] for one in arguments]
        rows += [[_spelling(one), _default_of(one), one.help or ""] for one in options(command)]
        parts.append("\n".join(lines) + "\n" + table(["Option", "Default", "Meaning"], rows))
    return "\n".join(parts)


def _argument(one: TyperArgument) -> str:
    name = (one.metavar or one.name or "").upper().strip("[]")
    many = "..." if one.nargs == -1 else ""
    return f"{name}{many}" if one.required else f"[{name}{many}]"


def _spelling(one: TyperOption) -> str:
    takes = "" if one.is_flag else " " + (one.metavar or _takes(one))
    names = [*one.opts, *one.secondary_opts]
    return ", ".join(code(name + takes) for name in names)


def _takes(one: TyperOption) -> str:
    kind = one.type_descriptor.annotation
    if issubclass(kind, Enum):
        return "|".join(str(choice.value) for choice in kind)
    return {Path: "PATH", int: "N", float: "NUMBER"}.get(kind, "TEXT")


def _default_of(one: TyperOption) -> str:
    if one.required:
        return "required"
    value = one.default() if callable(one.default) else one.default
    if value is None or value is False:
        return ""
    return code(f"./{value}" if isinstance(value, Path) else value)


def _unwrapped(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


# Metrics


HEALTHY = Health((condition_of("benchling", None, datetime(2026, 1, 1, tzinfo=UTC)),))


def known_metrics() -> tuple[Metric, ...]:
    """Every metric, of a connector that has done nothing yet."""
    return metrics_of(Stats(), BudgetSnapshot(0, 0, None, 0.0, 0, 0, 0, 0, 0), HEALTHY, 0)


def exposed_name(metric: Metric) -> str:
    """As Prometheus sees it."""
    return metric.name + ("_total" if metric.kind == "counter" else "")


def metrics() -> str:
    """Every metric, as Prometheus sees it."""
    return table(
        ["Metric", "Kind", "Label", "Meaning"],
        (
            [
                code(exposed_name(one)),
                one.kind,
                code(one.label) if one.label else "",
                one.help,
            ]
            for one in known_metrics()
        ),
    )


# States


def lifecycle() -> str:
    """What each wish makes of each mode."""
    return table(
        ["MODE", *(code(wish.value) for wish in Wish)],
        ([code(mode.value), *(_outcome(mode, wish) for wish in Wish)] for mode in Mode),
    )


def _outcome(mode: Mode, wish: Wish) -> str:
    after = TRANSITIONS[mode, wish]
    if isinstance(after, Refusal):
        return f"[{code(after.code)}](../troubleshooting.md#{after.code})"
    return code(after.value) if isinstance(after, Mode) else after


def command_states() -> str:
    """What may follow which state of a command."""
    return table(
        ["State", "May become"],
        ([code(status.value), _followers(status)] for status in CommandStatus),
    )


def _followers(status: CommandStatus) -> str:
    after = COMMAND_TRANSITIONS[status]
    return ", ".join(code(one.value) for one in CommandStatus if one in after) or "nothing"


def worker_commands() -> str:
    """What a worker understands."""
    return table(
        ["Action", "Does", "Body"],
        (
            [code(action), one.what, ", ".join(map(code, one.body.model_fields)) or "none"]
            for action, one in known_commands().items()
        ),
    )


def known_commands() -> dict[str, Understood]:
    """The table of a worker's commands, by action."""
    nothing: Any = None
    return understood(Abilities(False, nothing, nothing, nothing, nothing, nothing))


def platform_metrics() -> str:
    """Every metric of the platform, as Prometheus sees it."""
    return table(
        ["Metric", "Kind", "Labels", "Meaning"],
        (
            [
                code(one.name + ("_total" if one.kind == "counter" else "")),
                one.kind,
                ", ".join(map(code, one.labels)),
                one.help,
            ]
            for one in EXPOSED.values()
        ),
    )


def samples() -> str:
    """Every number that is measured of a worker, and how it is summed up."""
    return table(
        ["Name", "Kind", "Unit", "Of several workers", "Meaning"],
        (
            [code(one.name), one.kind, one.unit, TOGETHER[one.together], one.meaning]
            for one in SAMPLED.values()
        ),
    )


TOGETHER = {"sum": "added", "max": "the largest"}


def channel_fields() -> str:
    """What each kind of channel has to be told."""
    rows = []
    for kind, fields in FIELDS.items():
        for field in fields:
            needed = "required" if field.required else "none"
            rows.append(
                [
                    code(kind.value),
                    code(field.name),
                    code(field.default) if field.default is not None else needed,
                    "yes" if field.secret else "",
                    field.meaning,
                ]
            )
    return table(["Kind", "Field", "Default", "Secret", "Meaning"], rows)


BUS, QUEUE = cloudformation.NAMES

BLOCKS: dict[str, Callable[[], str]] = {
    "configuration-summary": configuration_summary,
    "configuration-keys": configuration_keys,
    "event-types": event_types,
    "families": families,
    "bus-parameters": lambda: template_parameters(BUS),
    "bus-resources": lambda: template_resources(BUS),
    "bus-outputs": lambda: template_outputs(BUS),
    "queue-parameters": lambda: template_parameters(QUEUE),
    "queue-resources": lambda: template_resources(QUEUE),
    "queue-outputs": lambda: template_outputs(QUEUE),
    "command-line": command_line,
    "metrics": metrics,
    "lifecycle": lifecycle,
    "command-states": command_states,
    "worker-commands": worker_commands,
    "platform-metrics": platform_metrics,
    "samples": samples,
    "channel-fields": channel_fields,
}


def blocks(page: Path) -> dict[str, str]:
    """The generated parts that a page holds now."""
    return {one["name"]: one["text"] for one in _BLOCK.finditer(page.read_text(encoding="utf-8"))}


def renew(page: Path) -> bool:
    """Writes the generated parts of a page anew; tells whether that changed it."""
    before = page.read_text(encoding="utf-8")

    def anew(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- from the code: {name} -->\n{BLOCKS[name]()}<!-- end -->"

    after = _BLOCK.sub(anew, before)
    if after != before:
        page.write_text(after, encoding="utf-8")
    return after != before


if __name__ == "__main__":
    for changed in (page for page in PAGES if renew(page)):
        print(changed.relative_to(ROOT))
