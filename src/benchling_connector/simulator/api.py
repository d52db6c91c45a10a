"""The tenant's API: one call in, one answer out. Decides everything, does no I/O."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from benchling_connector.simulator import files
from benchling_connector.simulator.answers import Answer, Call, bad_ids, html, json_answer, refusal
from benchling_connector.simulator.directory import Collection, directory
from benchling_connector.simulator.families import BulkGet, FamilyApi, endpoints
from benchling_connector.simulator.faults import FaultKind
from benchling_connector.simulator.lists import (
    EVENTS_PATH,
    collection,
    list_events,
    list_resources,
    split_ids,
)
from benchling_connector.simulator.paging import BadPageError, page_size, position_of, token_for
from benchling_connector.simulator.tenant import Tenant

_TOKEN_PATH: Final = "/api/v2/token"  # noqa: S105 - a path
_REGISTERED: Final = re.compile(r"/api/v2/registries/([^/]+)/registered-entities:bulk-get")
# Reading it makes Benchling create the processors that are missing.
_CREATES: Final = re.compile(r"/api/v2/assay-runs/[^/]+/automation-output-processors")
_SINGLES: Final = {
    tuple(family.path.split("{id}")): family for family in endpoints().families.values()
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call leads. `ids`: the resources it names; `counted`: against the rate limit."""

    name: str
    respond: Callable[[Call], Answer]
    ids: Sequence[str] = ()
    family: str | None = None
    authorized: bool = True
    counted: bool = True


class TenantApi:
    """Answers calls for one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.directory = directory(tenant.content, tenant.host)

    def answer(self, call: Call) -> Answer:
        """The answer to one call, counted in the tenant's statistics."""
        route = self._route(call)
        answer = self._refused(call, route)
        if answer is None and route is not None:
            answer = self._admitted(call, route)
        assert answer is not None
        stats = self.tenant.stats
        stats.calls[f"{call.method} {route.name if route else '(unknown)'}"] += 1
        stats.statuses[answer.status] += 1
        return answer

    def _refused(self, call: Call, route: Route | None) -> Answer | None:
        behaviour = self.tenant.behaviour
        if call.target_bytes > behaviour.url_limit:
            return html(414, "414 Request-URI Too Large")
        if behaviour.maintenance:
            return html(503, "Benchling is down for scheduled maintenance")
        if route is None:
            return html(behaviour.unknown_path_status, "404 Not Found")
        return None

    def _admitted(self, call: Call, route: Route) -> Answer:
        tenant = self.tenant
        now = tenant.clock()
        headers: dict[str, str] = {}
        if route.authorized:
            app = tenant.tokens.app_of(call.authorization, now)
            if app is None:
                return refusal(401, "The access token is not valid.", "authentication_error")
            if route.counted:
                budget = tenant.limiter.take(app, now)
                headers = budget.headers()
                if not budget.allowed:
                    if tenant.limiter.config.retry_after:
                        headers["Retry-After"] = str(budget.reset)
                    return replace(_THROTTLED, headers=headers)
        fault = tenant.faults.draw(route.name, route.ids, token=route.name == _TOKEN_PATH)
        if fault in _FAULT_ANSWERS:
            answer = _FAULT_ANSWERS[fault]
            fault = None
        else:
            answer = self._respond(call, route)
        plan = tenant.faults.plan
        return Answer(
            answer.status,
            answer.body,
            answer.content_type,
            {**headers, **answer.headers} if answer.headers else headers,
            self._delay(route),
            fault,
            plan.slow_seconds if fault is FaultKind.SLOW else plan.hang_seconds,
        )

    def _respond(self, call: Call, route: Route) -> Answer:
        if call.method != "GET" and route.name != _TOKEN_PATH:
            self.tenant.stats.violations.append(f"{call.method} {call.path}")
            return refusal(405, f"{call.method} is not simulated.")
        return route.respond(call)

    def _delay(self, route: Route) -> float:
        latency = self.tenant.behaviour.latency
        delay = latency.fixed
        if latency.jitter:
            delay += latency.jitter * self.tenant.random.random()
        if route.family and latency.by_family:
            delay += latency.by_family.get(route.family, 0.0)
        return delay

    # Routes

    def _route(self, call: Call) -> Route | None:
        return self._exact(call) or self._single_route(call.path) or self._nested(call.path)

    def _exact(self, call: Call) -> Route | None:
        path, tenant, table = call.path, self.tenant, endpoints()
        if bulk := table.bulk.get(path):
            ids = split_ids(call.query.get(bulk.ids_param))
            return Route(path, partial(self._bulk, bulk, ids), ids, bulk.families[0])
        if listing := table.lists.get(path):
            ids = split_ids(call.query.get("ids"))
            respond = partial(list_resources, tenant, listing)
            return Route(path, respond, ids, listing.family)
        if path == EVENTS_PATH:
            return Route(path, partial(list_events, tenant))
        if path == _TOKEN_PATH:
            return Route(path, self._token, authorized=False)
        if small := self.directory.get(path):
            return Route(path, partial(self._small_list, small))
        return None

    def _single_route(self, path: str) -> Route | None:
        head, _, last = path.rpartition("/")
        family = _SINGLES.get((f"{head}/", ""))
        if family is None:
            for (before, after), nested in _SINGLES.items():
                if after and path.startswith(before) and path.endswith(after):
                    family, last = nested, path[len(before) : -len(after)]
        if family is not None and "/" not in last:
            return Route(family.path, partial(self._single, family, last), (last,), family.name)
        if small := self.directory.get(head):
            return Route(f"{head}/{{id}}", partial(self._small_single, small, last), (last,))
        return None

    def _nested(self, path: str) -> Route | None:
        if match := _REGISTERED.fullmatch(path):
            name = catalog_name(_REGISTERED)
            return Route(name, partial(self._registered, match[1]))
        if _CREATES.fullmatch(path):
            return Route(catalog_name(_CREATES), self._creates_things)
        if found := files.route(self.tenant, path):
            return Route(*found)
        return None

    # Answers

    def _token(self, call: Call) -> Answer:
        return self.tenant.tokens.answer(call, self.tenant.clock())

    def _single(self, family: FamilyApi, resource_id: str, _: Call) -> Answer:
        tenant = self.tenant
        if not tenant.visible(family.name, resource_id):
            held = resource_id in tenant.held(family.name)
            return _unreadable(
                family.forbidden_status if held else family.unknown_status, resource_id
            )
        tenant.stats.reads[resource_id] += 1
        tenant.stats.single_reads[resource_id] += 1
        body = tenant.body(family.name, resource_id)
        if family.wrapper:
            body = b"".join((f'{{"{family.wrapper}":'.encode(), body, b"}"))
        return Answer(200, body)

    def _bulk(self, bulk: BulkGet, ids: list[str], _: Call) -> Answer:
        tenant = self.tenant
        if not ids:
            return refusal(400, f"{bulk.ids_param} is required")
        most = tenant.behaviour.max_ids.get(bulk.families[0], bulk.max_ids)
        if most is not None and len(ids) > most:
            return refusal(400, f"{bulk.ids_param} must not be more than {most}")
        found: dict[str, bytes] = {}
        # In an order of the server's own: no client may match answers to IDs by position.
        for resource_id in sorted(ids):
            for family in bulk.families:
                if tenant.visible(family, resource_id):
                    found[resource_id] = tenant.body(family, resource_id)
        bad = [resource_id for resource_id in ids if resource_id not in found]
        if bad and not tenant.behaviour.silently_missing:
            return bad_ids(bad)
        tenant.stats.read(found)
        return collection(bulk.answer_key, found.values())

    def _registered(self, registry_id: str, call: Call) -> Answer:
        tenant = self.tenant
        if registry_id != tenant.content.registry.id:
            return _unreadable(404, registry_id)
        entries = split_ids(call.query.get("entityRegistryIds"))
        if not entries:
            return refusal(400, "entityRegistryIds is required")
        found = {entry: tenant.registered[entry] for entry in entries if entry in tenant.registered}
        bad = [e for e in entries if e not in found or not tenant.visible(*found[e])]
        if bad:
            return bad_ids(bad)
        tenant.stats.read(resource_id for _, resource_id in found.values())
        return collection("entities", (self._typed(*key) for key in found.values()))

    def _typed(self, family: str, resource_id: str) -> bytes:
        resource = self.tenant.get(family, resource_id)
        body = self.tenant.renderer.body(resource)
        if resource.raw is not None:
            return body
        kind = family.removeprefix("entity.")
        return b"".join((f'{{"entityType":"{kind}",'.encode(), body[1:]))

    def _creates_things(self, call: Call) -> Answer:
        self.tenant.stats.violations.append(f"{call.method} {call.path}")
        return json_answer(200, {"automationOutputProcessors": [], "nextToken": ""})

    def _small_list(self, small: Collection, call: Call) -> Answer:
        documents = [] if self.tenant.everything_forbidden else list(small.documents.values())
        if not small.paginated:
            return json_answer(200, {small.answer_key: documents})
        try:
            size, start = (
                page_size(call.query),
                position_of(small.path, call.query.get("nextToken")),
            )
        except BadPageError as error:
            return refusal(400, str(error))
        following = start + size
        token = token_for(small.path, following) if following < len(documents) else ""
        page = documents[start:following]
        return json_answer(200, {small.answer_key: page, "nextToken": token})

    def _small_single(self, small: Collection, document_id: str, _: Call) -> Answer:
        document = small.documents.get(document_id)
        if document is None or document_id in self.tenant.forbidden:
            return _unreadable(404, document_id)
        return json_answer(200, document)


def catalog_name(pattern: re.Pattern[str]) -> str:
    """The route's name in the statistics, with `{id}` where the pattern takes any ID."""
    return pattern.pattern.replace("([^/]+)", "{id}").replace("[^/]+", "{id}")


def _unreadable(status: int, resource_id: str) -> Answer:
    if status == 403:
        return refusal(403, "You do not have permission to view this item.", invalidId=resource_id)
    return refusal(status, f"Could not find an item with ID {resource_id}", invalidId=resource_id)


_THROTTLED: Final = refusal(
    429, "Too many requests. Slow down and try again later.", "rate_limit_exceeded"
)
_FAULT_ANSWERS: Final[dict[FaultKind | None, Answer]] = {
    FaultKind.ERROR_500: refusal(500, "An internal error occurred.", "internal_server_error"),
    FaultKind.BAD_GATEWAY_502: html(502, "502 Bad Gateway"),
    FaultKind.UNAVAILABLE_503: html(503, "503 Service Temporarily Unavailable"),
    FaultKind.THROTTLED_429: _THROTTLED,
    FaultKind.HTML_200: html(200, "We will be back soon"),
}
