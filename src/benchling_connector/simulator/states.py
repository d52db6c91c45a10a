"""How one state of a resource becomes the next, and what its text says of itself.

A resource whose text was given or changed keeps that text (`raw`): only the members that the new
state differs in are exchanged.
"""

import json
from contextlib import suppress
from dataclasses import replace

from benchling_connector.simulator.jsontemplate import members, with_members
from benchling_connector.simulator.resources import (
    Renderer,
    Resource,
    archive_record,
    registry_entry_id,
    timestamp,
)

__all__ = ["archived", "changed", "registered_as", "updated"]


def updated(
    renderer: Renderer, old: Resource, moment: int, changes: dict[str, str] | None
) -> Resource:
    """The state from `moment` on (microseconds). `changes`: JSON texts by top-level property."""
    new = replace(old, modified=moment, version=old.version + 1)
    if changes or old.raw is not None:
        return changed(renderer, old, new, changes or {})
    return new


def archived(renderer: Renderer, old: Resource, moment: int, reason: str | None) -> Resource:
    """In the archive from `moment` on (microseconds); out of it without a `reason`."""
    new = replace(old, modified=moment, version=old.version + 1, archived=reason)
    if new.raw is not None:
        return changed(renderer, old, new, {"archiveRecord": archive_record(reason)})
    return new


def changed(renderer: Renderer, old: Resource, new: Resource, changes: dict[str, str]) -> Resource:
    """`new` with the text of `old`, but for these members and the time of the change."""
    text = renderer.body(old).decode()
    if "modifiedAt" in members(text):
        changes = {"modifiedAt": f'"{timestamp(new.modified)}"', **changes}
    return replace(new, raw=with_members(text, changes).encode())


def registered_as(resource: Resource) -> str:
    """The `entityRegistryId` of an entity: its text's own, else the one it was made with."""
    if resource.raw is not None:
        with suppress(ValueError):
            own = json.loads(members(resource.raw.decode()).get("entityRegistryId", "null"))
            return str(own or registry_entry_id(resource))
    return registry_entry_id(resource)
