"""A worker is online while it is heard of; a metric has one value or one for each label."""

from datetime import datetime, timedelta

from benchling_connector.domain.metrics import Metric, counter, gauge
from benchling_connector.domain.status import OFFLINE, ConnectorStatus, WorkerStatus
from tests.unit.samples import NOON


def worker(
    name: str, seen_at: datetime, ended_at: datetime | None = None, *, is_gone: bool = False
) -> WorkerStatus:
    return WorkerStatus(
        name, "host", 1, NOON, seen_at, NOON, ended_at, {}, mode="IDLE", is_gone=is_gone
    )


def test_a_worker_is_online_until_it_missed_three_heartbeats_or_has_ended() -> None:
    assert worker("a", NOON - timedelta(seconds=90)).network(NOON) == "ONLINE"
    assert worker("a", NOON - timedelta(seconds=91)).network(NOON) == OFFLINE
    assert worker("a", NOON, ended_at=NOON).network(NOON) == OFFLINE


def test_a_worker_whose_process_is_gone_is_offline_before_it_missed_a_heartbeat() -> None:
    assert worker("a", NOON, is_gone=True).network(NOON) == OFFLINE


def test_a_connector_tells_its_workers_that_are_alive() -> None:
    alive, dead = worker("a", NOON), worker("b", NOON - timedelta(hours=1))
    status = ConnectorStatus("con-1", "benchling", (alive, dead), {}, 0, 0, ())
    assert status.alive(NOON) == (alive,)


def test_a_metric_has_one_value_or_one_for_each_label() -> None:
    assert counter("files", "Files.", 3) == Metric(
        "benchling_connector_files", "counter", "Files.", (("", 3.0),)
    )
    by_code = [("lake-failing", 2.0)]
    assert gauge("errors", "Errors.", by_code, "code") == Metric(
        "benchling_connector_errors", "gauge", "Errors.", (("lake-failing", 2.0),), "code"
    )
