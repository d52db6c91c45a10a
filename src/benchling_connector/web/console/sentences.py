"""The one sentence about a connector that matters now, and what can be done with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchling_connector.domain.connectors import ConnectorView
from benchling_connector.domain.lifecycle import (
    HealthWord,
    Mode,
    Network,
    Refusal,
    Wish,
    moved,
)
from benchling_connector.domain.problems import PROBLEMS

__all__ = ["Sentence", "sentence_of", "wishes_of"]

BENCHLING = "benchling"
_OFFERED = (Wish.START, Wish.STOP, Wish.ENABLE, Wish.DISABLE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`word` says of what kind it is. `code` is one of the troubleshooting guide, if any."""

    word: str
    text: str
    remedy: str = ""
    code: str | None = None


def sentence_of(view: ConnectorView) -> Sentence:
    """What is wrong, if anything is; else what the connector waits for, or that it is well."""
    trouble = view.trouble
    if trouble is not None:
        known = PROBLEMS.get(trouble.code)
        return Sentence(
            view.health,
            trouble.sentence or (known.title if known else f"It says {trouble.code}."),
            trouble.remedy or (known.remedy if known else ""),
            trouble.code,
        )
    if view.health in (HealthWord.CRITICAL, HealthWord.WARNING):
        return Sentence(view.health, "The connector says so, and not why.")
    if view.mode is Mode.DISABLED:
        return Sentence(view.mode, "No worker runs.", "Enable it to configure and start it.")
    if not is_configured(view):
        return Sentence(
            view.mode, "It is not configured.", "Give it a configuration, then start it."
        )
    if view.network is Network.OFFLINE:
        return Sentence(view.network, "No worker is there yet.")
    if view.mode is Mode.IDLE:
        return Sentence(view.mode, "It takes commands and uploads nothing.", "Start it.")
    if view.health is HealthWord.HEALTHY:
        return Sentence(view.health, "It is at work.")
    return Sentence(view.mode, "Its worker begins; it has not said yet how it is.")


def is_configured(view: ConnectorView) -> bool:
    """Whether it can be started; only Benchling's is configured here."""
    return view.config_version is not None or view.type != BENCHLING


def wishes_of(view: ConnectorView) -> Sequence[Wish]:
    """What would be granted now, and change something."""
    configured = is_configured(view)
    return tuple(
        wish
        for wish in _OFFERED
        if not isinstance(then := moved(view.mode, wish, configured=configured), Refusal)
        and then != view.mode
    )
