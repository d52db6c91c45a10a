"""`metrics`: what was measured of a connector."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from benchling_connector.cli.options import AsJson, Since, Until, grouped, period
from benchling_connector.cli.platform_place import ConnectorName, Place, find, on_platform
from benchling_connector.cli.showing import show_document, show_rows
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.samples import SAMPLED
from benchling_connector.domain.series import Range, Series
from benchling_connector.platform.services import Services

__all__ = ["app", "document_of"]

app = typer.Typer(add_completion=False)

COLUMNS = ("NAME", "UNIT", "LAST", "MEAN", "LARGEST", "MEANING")
LAST_HOUR = timedelta(hours=1)


@app.command()
@grouped
def metrics(
    *,
    connector: ConnectorName,
    place: Place,
    since: Since = None,
    until: Until = None,
    points: Annotated[int, typer.Option(min=2, max=2000, help="At most so many in a series.")] = 60,
    worker: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this worker, by its ID.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what was measured of a connector in the last hour, or since another time.

    Of what only grows, the values are rates, per second.
    """
    given = period(since, until)
    end = given["until"] or datetime.now(UTC)
    begin = given["since"] or end - LAST_HOUR
    if begin >= end:
        raise typer.BadParameter("it is not before now.", param_hint="--since")

    async def work(services: Services) -> tuple[str, Range, list[Series]]:
        mine = (await find(services, connector)).connector_id
        span, series = await services.samples.series(
            mine, begin, end, points=points, worker_id=worker
        )
        return mine, span, list(series)

    mine, span, series = on_platform(place, work)
    if as_json:
        show_document(document_of(mine, span, series), as_json=True)
        return
    if series:
        show_rows(COLUMNS, map(_cells, series))
    else:
        typer.echo("Nothing was measured.", err=True)


def document_of(connector_id: str, span: Range, series: list[Series]) -> dict[str, object]:
    """What `metrics --json` prints: as the API answers."""
    return {
        "connectorId": connector_id,
        "since": moment(span.since),
        "until": moment(span.until),
        "resolution": span.resolution,
        "step": span.step,
        "series": [_series(one) for one in series],
    }


def _series(series: Series) -> dict[str, object]:
    known = SAMPLED.get(series.name)
    return {
        "name": series.name,
        "kind": series.kind,
        "unit": known.unit if known else None,
        "meaning": known.meaning if known else None,
        "points": [
            {"at": moment(one.at), "value": one.value, "largest": one.largest}
            for one in series.points
        ],
    }


def _cells(series: Series) -> tuple[str, ...]:
    known = SAMPLED.get(series.name)
    unit = known.unit if known else ""
    values = [one.value for one in series.points]
    most = max(one.value if one.largest is None else one.largest for one in series.points)
    return (
        series.name,
        f"{unit}/s" if series.kind == "counter" else unit,
        _number(values[-1]),
        _number(sum(values) / len(values)),
        _number(most),
        known.meaning if known else "",
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"
