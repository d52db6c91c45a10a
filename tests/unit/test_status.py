"""A worker is online while its lease runs; a metric has one value or one for each label."""

from datetime import datetime, timedelta

from benchling_connector.domain.metrics import Metric, counter, gauge
from benchling_connector.domain.status import OFFLINE, ConnectorStatus, WorkerStatus
from tests.unit.samples import NOON


def worker(name: str, lease_until: datetime, ended_at: datetime | None = None) -> WorkerStatus:
    return WorkerStatus(name, "host", 1, NOON, NOON, lease_until, ended_at, {})


def test_a_worker_is_online_for_as_long_as_its_lease_runs_and_it_has_not_ended() -> None:
    soon = NOON + timedelta(seconds=1)
    assert worker("a", soon).network(NOON) == "ONLINE"
    assert worker("a", NOON).network(NOON) == OFFLINE
    assert worker("a", soon, ended_at=NOON).network(NOON) == OFFLINE


def test_a_connector_tells_its_workers_that_are_alive() -> None:
    alive, dead = worker("a", NOON + timedelta(hours=1)), worker("b", NOON)
    status = ConnectorStatus("con-1", "benchling", (alive, dead), {}, 0, ())
    assert status.alive(NOON) == (alive,)


def test_a_metric_has_one_value_or_one_for_each_label() -> None:
    assert counter("files", "Files.", 3) == Metric(
        "benchling_connector_files", "counter", "Files.", (("", 3.0),)
    )
    by_code = [("lake-failing", 2.0)]
    assert gauge("errors", "Errors.", by_code, "code") == Metric(
        "benchling_connector_errors", "gauge", "Errors.", (("lake-failing", 2.0),), "code"
    )
