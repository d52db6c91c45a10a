"""`quarantine retry` and `quarantine discard`: which messages, and what becomes of them."""

from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated

import typer

from benchling_connector.adapters.ledger import open_quarantine
from benchling_connector.adapters.sqs import open_outlet
from benchling_connector.adapters.system import SystemClock
from benchling_connector.cli.flags import Load, configured
from benchling_connector.cli.options import Since, Until, Where, grouped, period
from benchling_connector.cli.outcomes import Manner, carry_out, who
from benchling_connector.cli.recording import record_decisions
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.domain.records import QuarantineFilter
from benchling_connector.redelivery import Selection, Tell
from benchling_connector.redelivery import discard as discard_messages
from benchling_connector.redelivery import retry as retry_messages

__all__ = ["Reason", "discard", "retry"]

REASONS = tuple(code for code in PROBLEMS if code.startswith("event-"))
"""What a message can be in quarantine for."""


def known_reason(glob: str | None) -> str | None:
    """The glob itself. Wrong usage if it fits no reason: a mistyped one must not look like none."""
    if glob is None or any(fnmatchcase(code, glob.replace("[", "[[]")) for code in REASONS):
        return glob
    closest = get_close_matches(glob, REASONS, n=1, cutoff=0.0)[0]
    raise typer.BadParameter(f"{glob!r} fits no reason. Did you mean {closest}?")


Reason = Annotated[
    str | None,
    typer.Option(
        metavar="GLOB",
        callback=known_reason,
        help="Code of the reason: `event-not-json`, `event-without-*`.",
    ),
]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Messages in quarantine, by their IDs or by what they have in common."""

    message_ids: Annotated[list[str] | None, typer.Argument(help="SQS's message IDs.")] = None
    reason: Reason = None
    since: Since = None
    until: Until = None
    everything: Annotated[
        bool, typer.Option("--all", help="All that are in quarantine, unless narrowed down.")
    ] = False

    def selection(self) -> Selection:
        """Wrong usage unless it is asked for in one way, and in so many words."""
        filters = (self.reason, self.since, self.until)
        by_filter = self.everything or any(one is not None for one in filters)
        if self.message_ids and by_filter:
            raise typer.BadParameter("name messages by their IDs, or by what they have in common.")
        if self.message_ids:
            return tuple(self.message_ids)
        if not by_filter:
            raise typer.BadParameter(
                "name messages by their IDs, or by --reason, --since, --until or --all."
            )
        return QuarantineFilter(code=self.reason, **period(self.since, self.until))


@grouped
@configured
def retry(*, load: Load, chosen: Chosen, manner: Manner) -> None:
    """Send messages in quarantine to the queue again, where they take the main street anew."""
    selection = chosen.selection()
    configuration = load()

    async def work(tell: Tell) -> None:
        async with (
            open_quarantine(
                configuration.database_url,
                configuration.connector_id,
                connector_name=configuration.connector_name,
                to_decide=not manner.dry_run,
                record=record_decisions,
            ) as quarantine,
            open_outlet(configuration.sqs_url, configuration.aws_region) as outlet,
        ):
            await retry_messages(
                quarantine,
                outlet,
                selection,
                who=who(),
                clock=SystemClock(),
                tell=tell,
                dry_run=manner.dry_run,
            )

    carry_out(work, manner)


@grouped
def discard(
    *,
    because: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; kept with your name and the time.")
    ],
    where: Where,
    chosen: Chosen,
    manner: Manner,
) -> None:
    """Record that messages in quarantine are not needed. Their bytes are kept for a while."""
    if not because.strip():
        raise typer.BadParameter("say why.", param_hint="--because")
    selection = chosen.selection()
    url = where.url()

    async def work(tell: Tell) -> None:
        writable = not manner.dry_run
        async with open_quarantine(
            url, where.connector, to_decide=writable, record=record_decisions
        ) as quarantine:
            await discard_messages(
                quarantine,
                selection,
                because=because.strip(),
                who=who(),
                clock=SystemClock(),
                tell=tell,
                dry_run=manner.dry_run,
            )

    carry_out(work, manner)
