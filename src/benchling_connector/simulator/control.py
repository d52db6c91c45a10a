"""The control API below `/_simulator/`, for a tenant that runs as a process of its own.

Every call takes and gives JSON. `POST override/{family}/{id}` takes a resource's exact bytes, and
`GET body/{family}/{id}` gives them. `POST events` and `POST publish` take how many, and of which
types, or a `sequence` of steps (`script`).
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import fields, replace
from itertools import islice
from typing import Any, Final, TypeVar

from aiohttp import web

from benchling_connector.simulator.behaviour import Latency
from benchling_connector.simulator.events import BenchlingEvent
from benchling_connector.simulator.faults import FaultKind, FaultPlan
from benchling_connector.simulator.publisher import Bus, Publisher, Queue
from benchling_connector.simulator.resources import Resource, timestamp
from benchling_connector.simulator.script import enacted
from benchling_connector.simulator.tenant import Tenant, UnknownResourceError

Body = Mapping[str, Any]
T = TypeVar("T")

_LATENCY: Final = "latency"


class Control:
    """Answers the control calls for one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._calls: dict[str, Callable[[Body], object]] = {
            "GET stats": self._stats,
            "POST stats/reset": self._reset,
            "GET tenant": self._about,
            "POST resources": self._create,
            "POST update": self._update,
            "POST archive": self._archive,
            "POST unarchive": self._unarchive,
            "POST faults": self._plan,
            "POST faults/once": self._once,
            "POST faults/clear": self._clear,
            "POST permissions": self._permissions,
            "POST rate-limit": self._rate_limit,
            "POST tokens": self._tokens,
            "POST behaviour": self._behaviour,
        }
        self._others: dict[str, Callable[[Body], Awaitable[web.Response]]] = {
            "POST events": self._events,
            "POST publish": self._publish,
        }

    async def __call__(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answers one call; `path` is what stands after `/_simulator/`."""
        raw = await request.read()
        try:
            if answer := self._bytes(request.method, path, raw):
                return answer
            body: Body = json.loads(raw) if raw else {}
            name = f"{request.method} {path}"
            if name in self._others:
                return await self._others[name](body)
            if name not in self._calls:
                return web.json_response({"error": f"no such call: {name}"}, status=404)
            return web.json_response(self._calls[name](body))
        except (ValueError, TypeError, KeyError, UnknownResourceError) as error:
            message = f"{type(error).__name__}: {error}"
            return web.json_response({"error": message}, status=400)

    def _bytes(self, method: str, path: str, raw: bytes) -> web.Response | None:
        verb, _, rest = path.partition("/")
        family, _, resource_id = rest.partition("/")
        if (method, verb) == ("POST", "override"):
            return web.json_response(_summary(self._tenant.override(family, resource_id, raw)))
        if (method, verb) == ("GET", "body"):
            body = self._tenant.body(family, resource_id)
            return web.Response(body=body, content_type="application/json")
        return None

    # What it holds and what it counted

    def _stats(self, _: Body) -> object:
        tenant = self._tenant
        windows = {
            app: [{"start": one.start, "used": one.used, "refused": one.refused} for one in history]
            for app, history in tenant.limiter.windows.items()
        }
        return {
            **tenant.stats.document(),
            "events": tenant.event_count,
            "faults": dict(tenant.faults.injected),
            "tokensIssued": tenant.tokens.issued,
            "windows": windows,
        }

    def _reset(self, _: Body) -> object:
        self._tenant.stats.reset()
        return {}

    def _about(self, _: Body) -> object:
        tenant = self._tenant
        return {
            "url": tenant.public_url,
            "seed": tenant.seed,
            "clientId": tenant.client_id,
            "appId": tenant.content.app.id,
            "registryId": tenant.content.registry.id,
            "families": {name: list(tenant.held(name)) for name in tenant.families()},
        }

    # What happens in it

    def _create(self, body: Body) -> object:
        family, count = body["family"], int(body.get("count", 1))
        made = [self._tenant.create(family, schema=body.get("schema")) for _ in range(count)]
        return {"ids": [resource.id for resource in made]}

    def _update(self, body: Body) -> object:
        changes = {key: json.dumps(value) for key, value in body.get("changes", {}).items()}
        return _summary(self._tenant.update(body["family"], body["id"], changes))

    def _archive(self, body: Body) -> object:
        reason = body.get("reason", "Made in error")
        return _summary(self._tenant.archive(body["family"], body["id"], reason))

    def _unarchive(self, body: Body) -> object:
        return _summary(self._tenant.unarchive(body["family"], body["id"]))

    async def _events(self, body: Body) -> web.Response:
        envelopes = b",".join(event.envelope() for event in self._chosen(body))
        answer = b"".join((b'{"events":[', envelopes, b"]}"))
        return web.Response(body=answer, content_type="application/json")

    async def _publish(self, body: Body) -> web.Response:
        target = Queue(body["queueUrl"]) if "queueUrl" in body else Bus(body["bus"])
        if isinstance(target, Bus):
            target = replace(target, partner=bool(body.get("partner", False)))
        async with Publisher(
            target,
            endpoint_url=body.get("endpointUrl"),
            region=body.get("region", "us-east-1"),
        ) as publisher:
            published = await publisher.publish(self._chosen(body), rate=body.get("rate"))
        return web.json_response(
            {
                "events": published.events,
                "calls": published.calls,
                "retried": published.retried,
            }
        )

    def _chosen(self, body: Body) -> Iterable[BenchlingEvent]:
        count = int(body.get("count", 1))
        if "sequence" in body:
            return enacted(self._tenant, body["sequence"])
        if "eventType" not in body:
            return islice(self._tenant.activity(body.get("eventTypes", ())), count)
        return (
            self._tenant.emit(body["eventType"], body.get("resourceId"), family=body.get("family"))
            for _ in range(count)
        )

    # How it answers

    def _plan(self, body: Body) -> object:
        given = dict(body)
        probabilities = {
            FaultKind(kind): float(value) for kind, value in given.pop("probabilities", {}).items()
        }
        plan = _changed(FaultPlan(), given)
        self._tenant.faults.plan = replace(plan, probabilities=probabilities)
        return {}

    def _once(self, body: Body) -> object:
        self._tenant.faults.once(
            FaultKind(body["kind"]),
            route=body.get("route", "*"),
            resource_id=body.get("resourceId"),
            times=int(body.get("times", 1)),
        )
        return {}

    def _clear(self, _: Body) -> object:
        self._tenant.faults.clear()
        return {}

    def _permissions(self, body: Body) -> object:
        tenant = self._tenant
        tenant.forbid(*body.get("forbid", ()))
        tenant.allow(*body.get("allow", ()))
        tenant.everything_forbidden = body.get("everything", tenant.everything_forbidden)
        return {"forbidden": sorted(tenant.forbidden), "everything": tenant.everything_forbidden}

    def _rate_limit(self, body: Body) -> object:
        limiter = self._tenant.limiter
        limiter.config = _changed(limiter.config, body)
        return {}

    def _tokens(self, body: Body) -> object:
        tokens = self._tenant.tokens
        tokens.lifetime = int(body.get("lifetime", tokens.lifetime))
        if "clientSecret" in body:
            tokens.register(body.get("clientId", self._tenant.client_id), body["clientSecret"])
        if body.get("revoke"):
            tokens.revoke_all()
        return {}

    def _behaviour(self, body: Body) -> object:
        given = dict(body)
        if _LATENCY in given:
            given[_LATENCY] = _changed(Latency(), given[_LATENCY])
        self._tenant.behaviour = _changed(self._tenant.behaviour, given)
        return {}


def _changed(data: T, changes: Body) -> T:
    """The data class with the properties given in camelCase changed."""
    named = {re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", key): changes[key] for key in changes}
    unknown = set(named) - {field.name for field in fields(data)}  # type: ignore[arg-type]
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    changed: T = replace(data, **named)  # type: ignore[type-var]
    return changed


def _summary(resource: Resource) -> Mapping[str, str]:
    return {
        "family": resource.family,
        "id": resource.id,
        "modifiedAt": timestamp(resource.modified),
    }
