"""The dashboard and the alert rules: that they load, and ask for metrics that there are."""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from benchling_connector import monitoring
from benchling_connector.domain.exposed import EXPOSED

DASHBOARD: dict[str, Any] = json.loads(monitoring.read("grafana-dashboard"))
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load(monitoring.read("prometheus-alerts"))["groups"]
    for rule in group["rules"]
]
PANELS = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
QUERIES = [
    *(pytest.param(one["expr"], id=one["alert"]) for one in RULES),
    *(
        pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
        for panel in PANELS
        for target in panel["targets"]
    ),
]

LABELS = {
    metric.name + ("_total" if metric.kind == "counter" else ""): set(metric.labels)
    for metric in EXPOSED.values()
}
COUNTERS = {name for name in LABELS if name.endswith("_total")}
MADE_BY_PROMETHEUS = {"job", "instance"}


def parsed(query: str) -> Any:
    """By Prometheus's grammar; Grafana's variables stand for what Grafana puts there."""
    query = query.replace("$__rate_interval", "5m").replace("$connector", ".*")
    return promql_parser.parse(query)


def selectors(node: Any, *, rated: bool = False) -> Iterator[tuple[Any, bool]]:
    """Every selector of a query, and whether it is of a rate."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node, rated
    elif isinstance(node, promql_parser.MatrixSelector):
        yield node.vector_selector, rated
    elif isinstance(node, promql_parser.Call):
        for argument in node.args:
            yield from selectors(argument, rated=node.func.name in ("rate", "increase"))
    elif isinstance(node, promql_parser.BinaryExpr):
        yield from selectors(node.lhs)
        yield from selectors(node.rhs)
    elif isinstance(node, (promql_parser.AggregateExpr, promql_parser.ParenExpr)):
        yield from selectors(node.expr)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_metrics_and_labels_that_there_are(query: str) -> None:
    found = list(selectors(parsed(query)))
    assert found
    for selector, _ in found:
        assert selector.name in LABELS
        matched = {matcher.name for matcher in selector.matchers.matchers}
        assert matched <= LABELS[selector.name] | MADE_BY_PROMETHEUS


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_looks_at_the_rates_of_counters_and_the_values_of_gauges(query: str) -> None:
    for selector, rated in selectors(parsed(query)):
        assert rated == (selector.name in COUNTERS)


def test_a_query_that_asks_for_nothing_that_there_is_would_be_noticed() -> None:
    ((selector, _),) = selectors(parsed("rate(benchling_connector_nonsense_total[5m])"))
    assert selector.name not in LABELS


def test_every_metric_of_a_worker_is_on_the_dashboard_or_in_a_rule() -> None:
    asked = {
        selector.name for one in QUERIES for selector, _ in selectors(parsed(str(one.values[0])))
    }
    shown = {name for name in LABELS if "platform" not in name}
    assert shown - asked <= {
        "benchling_connector_messages_in_flight",
        "benchling_connector_last_message_timestamp_seconds",
        "benchling_connector_alerts_open",
        "benchling_connector_commands_open",
    }


def test_every_rule_says_how_bad_it_is_and_what_it_means() -> None:
    names = [one["alert"] for one in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))


def test_a_rule_names_only_labels_that_its_query_leaves() -> None:
    for rule in RULES:
        named = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        left = set.intersection(
            *({*LABELS[selector.name]} for selector, _ in selectors(parsed(rule["expr"]))),
        )
        by = re.search(r"by \(([^)]*)\)", rule["expr"])
        left = left & set(by[1].split(", ")) if by else left
        assert named <= left | ({"connector"} if "on (connector_id)" in rule["expr"] else set())


def test_the_dashboard_is_of_a_schema_that_grafana_10_and_later_load() -> None:
    assert DASHBOARD["schemaVersion"] == 39
    assert re.fullmatch(r"[a-z-]{1,40}", DASHBOARD["uid"])
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert {panel["type"] for panel in PANELS} <= {"timeseries", "stat", "state-timeline"}
    assert all(panel["targets"] for panel in PANELS)


def test_no_panel_of_the_dashboard_lies_upon_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_panel_asks_the_data_source_that_the_user_chose() -> None:
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "connector"}
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(one["datasource"]["uid"] == "${datasource}" for one in panel["targets"])


def test_the_variable_of_the_dashboard_is_made_of_a_metric_that_there_is() -> None:
    (variable,) = (one for one in DASHBOARD["templating"]["list"] if one["name"] == "connector")
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
    assert found is not None
    assert found[2] in LABELS[found[1]]
