"""Query parameters that a call does not have, refused by name: a misspelt filter is no filter."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from benchling_connector.web.problems import HttpProblem

__all__ = ["only_known"]


async def only_known(request: Request) -> None:
    """A dependency of every route below `/v1`. Raises `HttpProblem` (422)."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    if not route.path.startswith("/v1/"):
        return
    known = set(_names(route.dependant))
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise HttpProblem(
            422,
            "request-invalid",
            f"Not valid: {', '.join(unknown)}.",
            more={"fields": [{"field": one, "error": "There is no such."} for one in unknown]},
        )


def _names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        model = field.field_info.annotation
        fields = getattr(model, "model_fields", None)
        if fields is None:
            yield field.alias
        else:
            yield from (one.alias or name for name, one in fields.items())
    for inner in dependant.dependencies:
        yield from _names(inner)
