"""What traffic looks like: the realistic mix of events, defined here and nowhere else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from benchling_connector.domain.catalog import ENTITY_FAMILIES, catalog

__all__ = ["BULK", "REPEATED", "SINGLE", "WEIGHTS", "Step", "distinct", "document", "sequence"]

WEIGHTS: Mapping[str, float] = {
    # People write all day, and the notebook saves by itself: entries are what changes most.
    "v2.entry.updated.fields": 24,
    "v2.entry.created": 5,
    "v2.entry.updated.reviewRecord": 3,
    "v2.entry.updated.assignedReviewers": 2,
    "v2.entry.updated.reviewSnapshot": 1,
    # A registry is filled by imports and from result tables, many entities at once.
    "v2.entity.registered": 25,
    # A task goes through four or five states, and most steps change a field as well.
    "v2.workflowTask.updated.status": 12,
    "v2.workflowTask.updated.fields": 8,
    "v2.workflowTask.created": 5,
    "v2.workflowTask.updated.assignee": 2,
    "v2.workflowTask.updated.scheduledOn": 1,
    "v2.workflowTaskGroup.created": 1,
    "v2.workflowTaskGroup.updated.watchers": 0.5,
    "v2.workflowTaskGroup.mappingCompleted": 0.5,
    "v2.workflowOutput.created": 2,
    "v2.workflowOutput.updated.fields": 1,
    # One laboratory asks another a few times a day, and instruments report their runs.
    "v2.request.created": 0.5,
    "v2.request.updated.fields": 0.5,
    "v2.request.updated.status": 1,
    "v2.assayRun.created": 1.5,
    "v2.assayRun.updated.fields": 0.5,
    # Read one at a time, and rare: few laboratories have robots connected or work in stages.
    "v2.automationInputGenerator.completed": 0.4,
    "v2.automationOutputProcessor.uploaded": 0.4,
    "v2.automationOutputProcessor.completed": 0.4,
    "v2.automationFileTransform.updated.status.succeeded": 0.4,
    "v2-alpha.stageEntry.created": 0.2,
    "v2-alpha.stageEntry.updated.fields": 0.2,
    "v2.worksheet.updated.reviewSnapshot": 0.2,
}
"""Weights by event type. The order of magnitude is the point: entry updates, registrations and
workflow tasks dominate."""

REPEATED = 0.3
"""The share of events about a resource that an event has named before."""

RECENT = 20
"""A repetition is about one of so many resources of its family that were named last."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event to come: its type, its family, and the step whose resource it is about, if any."""

    event_type: str
    family: str
    about: int | None = None


def sequence(count: int, seed: int = 1, only: Sequence[str] = ()) -> list[Step]:
    """So many events of the realistic mix, or of those of its types that are named; the same for
    the same seed. Updates repeat what was named lately, so that `REPEATED` of all events do."""
    weights = {name: WEIGHTS[name] for name in only or WEIGHTS}
    random = Random(seed)
    updates = sum(weight for name, weight in weights.items() if ".updated." in name)
    again = min(REPEATED * sum(weights.values()) / updates, 1.0) if updates else 0.0
    entities = sorted(name for name in catalog().families if name.startswith("entity."))
    recent: dict[str, list[int]] = {}
    steps: list[Step] = []
    for number, name in enumerate(random.choices(list(weights), list(weights.values()), k=count)):
        family = catalog().event_types[name].family
        if family == ENTITY_FAMILIES:
            family = random.choice(entities)
        known = recent.setdefault(family, [])
        about = None
        if known and ".updated." in name and random.random() < again:
            about = random.choice(known)
        else:
            known.append(number)
            del known[:-RECENT]
        steps.append(Step(name, family, about))
    return steps


def document(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """As the simulated tenant's control API takes it."""
    return [
        {"eventType": step.event_type, "family": step.family, "about": step.about} for step in steps
    ]


def distinct(steps: Sequence[Step]) -> dict[str, int]:
    """By family how many resources there are."""
    return dict(Counter(step.family for step in steps if step.about is None))


BULK = tuple(
    name
    for name in WEIGHTS
    if (family := catalog().event_types[name].family) == ENTITY_FAMILIES
    or catalog().families[family].many
)
"""The types of the mix whose resources are read many at a time."""

SINGLE = tuple(name for name in WEIGHTS if name not in BULK)
"""Those whose resources are read one at a time."""
