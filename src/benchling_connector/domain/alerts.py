"""When somebody has to be told of a connector, and when it is over again.

`findings` says what is wrong as things are; `changes` compares that with the alerts that are open.
An alert is of one kind and code, and there is one of each at a time. It is over when what it tells
of has not been seen for a minute.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from benchling_connector.domain.lifecycle import HealthWord, Mode
from benchling_connector.domain.problems import PROBLEMS

__all__ = [
    "CALM",
    "RETENTION",
    "AlertKind",
    "Changes",
    "Finding",
    "Open",
    "Rules",
    "Seen",
    "Severity",
    "changes",
    "findings",
]

CALM = timedelta(seconds=60)
"""For so long nothing of it was seen before an alert is over."""
WARNING_LASTS = timedelta(minutes=5)
"""A warning that passes sooner is nothing to wake anybody for. What is critical, is at once."""
QUARANTINE_RECENT = timedelta(hours=1)
RETENTION = timedelta(days=14)
"""How long the queue of the template keeps an event, the longest that SQS can."""
EXPIRING = 0.7
"""Of the retention: when so much of it is over, somebody still has days to mend it."""


class AlertKind(StrEnum):
    """What an alert is about."""

    HEALTH = "health"
    QUARANTINE = "quarantine"
    DEAD_LETTERS = "dead-letters"
    NO_EVENTS = "no-events"
    EXPIRING = "expiring"


class Severity(StrEnum):
    """How bad it is: WARNING, somebody should look; CRITICAL, now."""

    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is a matter of taste. `no_event`: silence for so long is an alert; None, never."""

    no_event: timedelta | None = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of one connector.

    `code`, `sentence`, `remedy` and `health_since` are of its health. `quarantined` messages nobody
    has decided about, the newest of `quarantined_at`. `event_at`: the queue handed over a message
    last; `worked_at`: a worker of it was seen working last; `oldest_at`: the oldest message known
    that is not settled was sent. None is unknown.
    """

    connector_id: str
    created_at: datetime
    mode: Mode
    health: HealthWord = HealthWord.UNKNOWN
    code: str | None = None
    sentence: str | None = None
    remedy: str | None = None
    health_since: datetime | None = None
    quarantined: int = 0
    quarantined_at: datetime | None = None
    dead_letters: int | None = None
    event_at: datetime | None = None
    worked_at: datetime | None = None
    oldest_at: datetime | None = None
    retention: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, for people. `code` is of `PROBLEMS`, or a worker's own."""

    kind: AlertKind
    code: str
    severity: Severity
    sentence: str
    remedy: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Open:
    """An alert that is open. `cleared_at`: since when nothing of it was seen."""

    alert_id: str
    kind: str
    code: str
    cleared_at: datetime | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of alerts: findings to raise, IDs of those that calmed down, came back, or are
    over.
    """

    raised: tuple[Finding, ...] = ()
    calmed: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    over: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.raised or self.calmed or self.back or self.over)


def findings(seen: Seen, rules: Rules, now: datetime) -> tuple[Finding, ...]:
    """All that is wrong with a connector."""
    return (
        *_health(seen, now),
        *_quarantine(seen, now),
        *_dead_letters(seen, now),
        *_no_events(seen, rules, now),
        *_expiring(seen, now),
    )


def changes(found: Sequence[Finding], known: Sequence[Open], now: datetime) -> Changes:
    """What becomes of the open alerts of one connector."""
    wrong = {(one.kind.value, one.code): one for one in found}
    open_ = {(one.kind, one.code) for one in known}
    gone = [one for one in known if (one.kind, one.code) not in wrong]
    return Changes(
        raised=tuple(one for key, one in wrong.items() if key not in open_),
        calmed=tuple(one.alert_id for one in gone if one.cleared_at is None),
        back=tuple(
            one.alert_id
            for one in known
            if one.cleared_at is not None and (one.kind, one.code) in wrong
        ),
        over=tuple(
            one.alert_id
            for one in gone
            if one.cleared_at is not None and now - one.cleared_at >= CALM
        ),
    )


def _health(seen: Seen, now: datetime) -> Iterator[Finding]:
    code = seen.code or "worker-silent"
    if code == "messages-quarantined" and seen.health is HealthWord.WARNING:
        return  # there is a kind of its own for it
    since = seen.health_since or now
    lasts = seen.health is HealthWord.WARNING and now - since >= WARNING_LASTS
    if seen.health is not HealthWord.CRITICAL and not lasts:
        return
    problem = PROBLEMS.get(code)
    yield Finding(
        AlertKind.HEALTH,
        code,
        Severity.CRITICAL if seen.health is HealthWord.CRITICAL else Severity.WARNING,
        seen.sentence or (problem.title if problem else "The connector is not well."),
        seen.remedy or (problem.remedy if problem else "Look at its health table."),
        since,
    )


def _quarantine(seen: Seen, now: datetime) -> Iterator[Finding]:
    newest = seen.quarantined_at
    if seen.quarantined and newest is not None and now - newest < QUARANTINE_RECENT:
        yield _of(
            AlertKind.QUARANTINE,
            "messages-quarantined",
            Severity.WARNING,
            newest,
            f"{_messages(seen.quarantined)} in quarantine, the newest within the last hour.",
        )


def _dead_letters(seen: Seen, now: datetime) -> Iterator[Finding]:
    if seen.dead_letters:
        yield _of(
            AlertKind.DEAD_LETTERS,
            "dead-letters-waiting",
            Severity.WARNING,
            now,
            f"{_messages(seen.dead_letters)} in the dead-letter queue.",
        )


def _no_events(seen: Seen, rules: Rules, now: datetime) -> Iterator[Finding]:
    since = seen.event_at or seen.created_at
    if seen.mode is not Mode.RUNNING or rules.no_event is None or now - since < rules.no_event:
        return
    yield _of(
        AlertKind.NO_EVENTS,
        "no-events",
        Severity.WARNING,
        since,
        f"No event has come for {_hours(now - since)}.",
    )


def _expiring(seen: Seen, now: datetime) -> Iterator[Finding]:
    """The oldest that may wait: what is known to, or what came just after the last work."""
    waiting = [at for at in (seen.oldest_at, _idle_since(seen)) if at is not None]
    retention = seen.retention or RETENTION
    if not waiting or now - min(waiting) < retention * EXPIRING:
        return
    age, left = now - min(waiting), retention - (now - min(waiting))
    ends = f"in {_hours(left)}" if left > timedelta(0) else "now"
    yield _of(
        AlertKind.EXPIRING,
        "events-expiring",
        Severity.CRITICAL,
        min(waiting),
        f"Events wait for {_hours(age)}; the queue begins to lose them {ends}.",
    )


def _idle_since(seen: Seen) -> datetime | None:
    """Since when nobody works on what comes; None where somebody does, or never did."""
    working = seen.mode is Mode.RUNNING and seen.health in (HealthWord.HEALTHY, HealthWord.WARNING)
    return None if working else seen.worked_at


def _of(kind: AlertKind, code: str, severity: Severity, since: datetime, sentence: str) -> Finding:
    return Finding(kind, code, severity, sentence, PROBLEMS[code].remedy, since)


def _messages(count: int) -> str:
    return "1 message is" if count == 1 else f"{count:,} messages are"


def _hours(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    if hours >= 48:
        return f"{hours // 24} days"
    return "1 hour" if hours == 1 else f"{hours} hours"
