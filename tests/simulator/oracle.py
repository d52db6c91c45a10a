"""Benchling's official OpenAPI documents as a judge of what the simulated tenant answers.

The documents are those that the vendor ships in `benchling_api_client`. OpenAPI 3.0 schemas are
put into JSON Schema 2020-12: `nullable` becomes a choice with null (also beside `allOf`, where a
plain OpenAPI validator refuses null), a discriminator becomes a choice by its value, an alternative
of `oneOf` has to show one of its own properties, and `additionalProperties: false` below an
`allOf` counts for all parts together, as it is meant.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]

_KEPT = frozenset(
    {"type", "enum", "format", "pattern", "minimum", "maximum", "minItems", "maxItems", "required"}
)


@cache
def document(stability: str) -> Schema:
    """The OpenAPI document of `stable`, `beta` or `alpha`."""
    text = (files("benchling_api_client") / "v2" / stability / "openapi.yaml").read_text("utf-8")
    loaded: Schema = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded


def answer_errors(path: str, status: int, answer: object, method: str = "get") -> list[str]:
    """What is wrong with an answer to a path such as `/api/v2/entries/{entry_id}`."""
    stability, bare = _stability(path)
    responses = document(stability)["paths"][bare][method]["responses"]
    schema = responses[str(status)]["content"]["application/json"]["schema"]
    return _errors(stability, repr(schema), lambda: schema, answer)


def model_errors(model: str, value: object, stability: str = "stable") -> list[str]:
    """What is wrong with a value of a model, such as `EntryCreatedEvent`."""
    return _errors(stability, model, lambda: {"$ref": f"#/components/schemas/{model}"}, value)


def model_properties(model: str, stability: str = "stable") -> set[str]:
    """The names of all properties that a model documents."""

    def collect(schema: Schema) -> set[str]:
        schema = _resolved(stability, schema)
        found = set(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            found |= collect(part)
        return found

    return collect({"$ref": f"#/components/schemas/{model}"})


def _stability(path: str) -> tuple[str, str]:
    if path.startswith("/api/v2-alpha/"):
        return "alpha", path.removeprefix("/api/v2-alpha")
    return "stable", path.removeprefix("/api/v2")


def _errors(stability: str, key: str, schema: Callable[[], Schema], value: object) -> list[str]:
    validator = _VALIDATORS.get((stability, key))
    if validator is None:
        validator = _validator(stability, schema())
        _VALIDATORS[stability, key] = validator
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


_VALIDATORS: dict[tuple[str, str], Draft202012Validator] = {}


def _validator(stability: str, schema: Schema) -> Draft202012Validator:
    translation = _Translation(stability)
    root = translation.schema(schema)
    while translation.wanted:
        name = translation.wanted.pop()
        translation.definitions[name] = {}
        translation.definitions[name] = translation.named(name)
    root["$defs"] = translation.definitions
    return Draft202012Validator(root, format_checker=FormatChecker())


def _resolved(stability: str, schema: Schema) -> Schema:
    while "$ref" in schema:
        target: Any = document(stability)
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


class _Translation:
    def __init__(self, stability: str) -> None:
        self.stability = stability
        self.definitions: dict[str, Schema] = {}
        self.wanted: set[str] = set()

    def named(self, name: str) -> Schema:
        model, _, mode = name.partition("~")
        return self.schema({**document(self.stability)["components"]["schemas"][model]}, mode != "")

    def schema(self, schema: Schema, is_part: bool = False) -> Schema:
        """`is_part`: below an `allOf`, where unknown properties are judged further up."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2] + ("~part" if is_part else "")
            if name not in self.definitions:
                self.wanted.add(name)
            return {"$ref": f"#/$defs/{name}"}
        made = {key: schema[key] for key in _KEPT if key in schema}
        if "properties" in schema:
            made["properties"] = {k: self.schema(v) for k, v in schema["properties"].items()}
        if "items" in schema:
            made["items"] = self.schema(schema["items"])
        extra = schema.get("additionalProperties", True)
        if isinstance(extra, dict):
            made["additionalProperties"] = self.schema(extra)
        if "allOf" in schema:
            made["allOf"] = [self.schema(part, True) for part in schema["allOf"]]
        if not is_part and (extra is False or self._closed(schema)):
            made["unevaluatedProperties"] = False
        if "discriminator" in schema and "oneOf" in schema:
            made["allOf"] = self._choice(schema["discriminator"])
        elif "oneOf" in schema:
            made["oneOf"] = [self._alternative(part) for part in schema["oneOf"]]
        if "anyOf" in schema:
            made["anyOf"] = [self.schema(part, is_part) for part in schema["anyOf"]]
        return {"anyOf": [{"type": "null"}, made]} if schema.get("nullable") else made

    def _alternative(self, schema: Schema) -> Schema:
        # Benchling tells `{user}` from `{team}` by the key alone, and neither model requires it.
        target = _resolved(self.stability, schema)
        if "required" in target or not target.get("properties"):
            return self.schema(schema)
        own = [{"required": [name]} for name in target["properties"]]
        return {"allOf": [self.schema(schema), {"anyOf": own}]}

    def _closed(self, schema: Schema) -> bool:
        parts = [_resolved(self.stability, part) for part in schema.get("allOf", [])]
        return any(
            part.get("additionalProperties") is False or self._closed(part) for part in parts
        )

    def _choice(self, discriminator: Schema) -> list[Schema]:
        name, mapping = discriminator["propertyName"], discriminator["mapping"]
        return [
            {"required": [name], "properties": {name: {"enum": list(mapping)}}},
            *(
                {
                    "if": {"properties": {name: {"const": value}}},
                    "then": self.schema({"$ref": reference}),
                }
                for value, reference in mapping.items()
            ),
        ]
