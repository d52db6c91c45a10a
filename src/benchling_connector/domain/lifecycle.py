"""What a connector is, is meant to be, and can become: one table of states and what moves them.

Meanings as on the Tetra Data Platform. CONNECTION says whether any worker may run at all, MODE what
is wanted of those that run, NETWORK whether one was heard of lately, HEALTH what it says of itself,
HOST where it is meant to live. CONNECTION and MODE are one state, moved by wishes (`TRANSITIONS`);
NETWORK and HEALTH are observed (`network_of`, `health_of`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

__all__ = [
    "GONE",
    "HEARTBEAT",
    "MISSED",
    "TRANSITIONS",
    "Connection",
    "HealthWord",
    "Host",
    "Mode",
    "Network",
    "Observed",
    "Refusal",
    "Wish",
    "connection_of",
    "health_of",
    "moved",
    "network_of",
    "runs",
]

HEARTBEAT = timedelta(seconds=30)
"""A worker is heard of at least so often."""
MISSED = 3
"""So many heartbeats that did not come make it OFFLINE."""


class Connection(StrEnum):
    """Whether a worker may run."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class Mode(StrEnum):
    """What is wanted: IDLE takes commands and uploads nothing. DISABLED goes with CONNECTION."""

    IDLE = "IDLE"
    RUNNING = "RUNNING"
    DISABLED = "DISABLED"


class Network(StrEnum):
    """Whether a worker was heard of lately."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class HealthWord(StrEnum):
    """How it is. N/A: it has never reported, or is not meant to run."""

    HEALTHY = "HEALTHY"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    UNKNOWN = "N/A"


class Host(StrEnum):
    """Where a connector is meant to live: as a process of the platform, or somewhere else."""

    CLOUD = "cloud"
    HUB = "hub"
    LOCAL = "local"
    STANDALONE = "standalone"


class Wish(StrEnum):
    """What a person or program can ask for."""

    START = "start"
    STOP = "stop"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a wish is not granted in a state; `code` is one of `PROBLEMS`."""

    code: str


GONE = "deleted"
"""The end of a connector: no mode any more. Its files and what the ledger knows stay."""

_DISABLED = Refusal("connector-disabled")
_ENABLED = Refusal("connector-enabled")

TRANSITIONS: dict[tuple[Mode, Wish], Mode | Refusal | str] = {
    (Mode.IDLE, Wish.START): Mode.RUNNING,
    (Mode.IDLE, Wish.STOP): Mode.IDLE,
    (Mode.IDLE, Wish.ENABLE): Mode.IDLE,
    (Mode.IDLE, Wish.DISABLE): Mode.DISABLED,
    (Mode.IDLE, Wish.DELETE): _ENABLED,
    (Mode.RUNNING, Wish.START): Mode.RUNNING,
    (Mode.RUNNING, Wish.STOP): Mode.IDLE,
    (Mode.RUNNING, Wish.ENABLE): Mode.RUNNING,
    (Mode.RUNNING, Wish.DISABLE): Mode.DISABLED,
    (Mode.RUNNING, Wish.DELETE): _ENABLED,
    (Mode.DISABLED, Wish.START): _DISABLED,
    (Mode.DISABLED, Wish.STOP): _DISABLED,
    (Mode.DISABLED, Wish.ENABLE): Mode.IDLE,
    (Mode.DISABLED, Wish.DISABLE): Mode.DISABLED,
    (Mode.DISABLED, Wish.DELETE): GONE,
}
"""Every wish in every state. A connector that is enabled again is IDLE, as every new one is."""


def moved(mode: Mode, wish: Wish, *, configured: bool) -> Mode | Refusal | str:
    """The mode after a wish, `GONE`, or why not. What is not configured yet cannot be started."""
    if wish is Wish.START and mode is Mode.IDLE and not configured:
        return Refusal("connector-not-configured")
    return TRANSITIONS[mode, wish]


def connection_of(mode: Mode) -> Connection:
    """CONNECTION, as MODE tells it."""
    return Connection.DISABLED if mode is Mode.DISABLED else Connection.ENABLED


def runs(mode: Mode) -> bool:
    """Whether a worker is meant to be there."""
    return mode is not Mode.DISABLED


def network_of(seen_at: datetime | None, ended_at: datetime | None, now: datetime) -> Network:
    """Of one worker: ONLINE until three heartbeats were missed, or it said that it ends."""
    if seen_at is None or ended_at is not None or now - seen_at > HEARTBEAT * MISSED:
        return Network.OFFLINE
    return Network.ONLINE


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen of one connector.

    `reported`: what each worker that is ONLINE says of itself. `trouble`: the supervisor cannot
    keep a worker running. `lost`: its last worker went silent without having said that it ends.
    """

    mode: Mode
    reported: Sequence[HealthWord] = ()
    trouble: bool = False
    lost: bool = False


_WORST_FIRST = (HealthWord.CRITICAL, HealthWord.WARNING, HealthWord.HEALTHY)


def health_of(seen: Observed) -> HealthWord:
    """HEALTH of a connector.

    N/A when it is disabled; CRITICAL when its worker cannot be kept running; the worst that its
    workers report; CRITICAL when it is meant to be RUNNING and its worker went silent; else N/A.
    """
    if seen.mode is Mode.DISABLED:
        return HealthWord.UNKNOWN
    if seen.trouble:
        return HealthWord.CRITICAL
    for word in _WORST_FIRST:
        if word in seen.reported:
            return word
    if seen.lost and seen.mode is Mode.RUNNING and not seen.reported:
        return HealthWord.CRITICAL
    return HealthWord.UNKNOWN
