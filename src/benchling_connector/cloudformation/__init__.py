"""The CloudFormation templates for the AWS side of a Benchling subscription, as package data.

`benchling-event-bus.yaml` comes first, `benchling-sqs-queue.yaml` second. `read` gives a template
as it is shipped, `templates` tells what there is.
"""

from dataclasses import dataclass
from importlib import resources

__all__ = ["NAMES", "Parameter", "Template", "read", "templates"]

NAMES = ("benchling-event-bus.yaml", "benchling-sqs-queue.yaml")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a template; `default` is None where a value has to be given."""

    name: str
    label: str
    type: str
    description: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A template: its file name, what it is in one sentence, what it does, what it asks for.

    The parameters stand in the order in which the CloudFormation console shows them.
    """

    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]


def read(name: str) -> str:
    """The text of the template `name`, with or without `.yaml`. Raises KeyError for another."""
    file = name if name.endswith(".yaml") else f"{name}.yaml"
    if file not in NAMES:
        raise KeyError(name)
    return resources.files(__name__).joinpath(file).read_text(encoding="utf-8")


def templates() -> tuple[Template, ...]:
    """All templates, in the order in which they are deployed."""
    return tuple(_describe(name, read(name)) for name in NAMES)


def _describe(name: str, text: str) -> Template:
    # Imported here: only who asks for descriptions pays for the YAML parser.
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's short forms (`!Ref`, `!Sub`) as the plain values below them."""

    def short_form(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> object:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        assert isinstance(node, yaml.MappingNode)
        return loader.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("!", short_form)
    document = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    interface = document["Metadata"]["AWS::CloudFormation::Interface"]
    labels = interface["ParameterLabels"]
    title, _, description = document["Description"].partition(". ")
    return Template(
        name=name,
        title=title,
        description=description,
        parameters=tuple(
            Parameter(
                name=key,
                label=labels[key]["default"],
                type=document["Parameters"][key]["Type"],
                description=document["Parameters"][key]["Description"],
                default=(
                    str(document["Parameters"][key]["Default"])
                    if "Default" in document["Parameters"][key]
                    else None
                ),
            )
            for group in interface["ParameterGroups"]
            for key in group["Parameters"]
        ),
    )
