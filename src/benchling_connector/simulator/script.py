"""A script of what happens in the tenant, step by step, for those who want a mix of their own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchling_connector.simulator.events import BenchlingEvent
from benchling_connector.simulator.tenant import Tenant

__all__ = ["enacted"]


def enacted(tenant: Tenant, steps: Iterable[Mapping[str, Any]]) -> Iterator[BenchlingEvent]:
    """One event for each step, `{"eventType", "family", "about"}`, as it is asked for.

    `about` is the number of an earlier step, counted from 0: its resource is changed and named
    again. Without it the event is about a new resource. Raises `ValueError` for a step that is
    about none before it.
    """
    named: list[tuple[str, str] | None] = []
    for number, step in enumerate(steps):
        about = step.get("about")
        if about is None:
            event = tenant.emit(step["eventType"], family=step.get("family"))
        else:
            subject = named[about] if 0 <= about < number else None
            if subject is None:
                raise ValueError(f"step {number} is about {about}, which has no resource")
            family, resource_id = subject
            tenant.update(family, resource_id)
            event = tenant.emit(step["eventType"], resource_id, family=family)
        resource = event.resource
        named.append((resource.family, resource.id) if resource else None)
        yield event
