"""What benchmarks compute and show, without running one."""

import json
import math
from collections import Counter
from html.parser import HTMLParser

import pytest
from benchmarks.arithmetic import calls_by_family, least_calls, percentile, seconds_at_limit
from benchmarks.machine import Surroundings
from benchmarks.mix import BULK, REPEATED, SINGLE, WEIGHTS, distinct, sequence
from benchmarks.report import Outcome, as_html, as_json
from benchmarks.result import Figure, Goal, Peer, Plot, Result, Series, Table, shown

from benchling_connector.domain.catalog import catalog

WHERE = Surroundings({"CPU": "An <old> one", "load before": "0.1"}, {"msgspec": "0.19"})
RESULT = Result(
    name="thrift",
    title="Calls & more",
    about="What `v2.entry.created` costs.",
    figures=(
        Figure("calls", 20.0, "calls", Peer("limit", 300), Goal("at most", 25)),
        Figure("p99", math.nan, "s", goal=Goal("below", 5)),
        Figure("throughput", 50.0, "/s", Peer("plain", 100), Goal("at least", 1, "ratio")),
    ),
    tables=(Table("Rows", ("case", "calls"), (("a<b", 1_234), ("c", 0.05))),),
    plots=(Plot("Bars", "", "calls", (Series("ours", ("a", "b"), (1.0, 2.0)),), kind="bars"),),
)


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.9, 4), (0.25, 1), (0.0, 1), (1.0, 4)])
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(share: float, value: float) -> None:
    assert percentile([4, 1, 3, 2], share) == value


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


def test_the_least_possible_fills_each_call_as_its_endpoint_allows() -> None:
    distinct = {"entry": 201, "workflowTask": 100, "stageEntry": 7, "assayResult": 300}
    assert least_calls(distinct, catalog(), 100) == {
        "entry": 3,
        "workflowTask": 1,
        "stageEntry": 7,
        "assayResult": 3,
    }
    assert least_calls({"workflowTask": 1_000, "entry": 1_000}, catalog(), 500) == {
        "workflowTask": 10,
        "entry": 2,
    }


def test_calls_are_counted_by_family_whether_they_read_one_or_many() -> None:
    calls = {
        "GET /api/v2/entries:bulk-get": 3,
        "GET /api/v2/entries/{id}": 2,
        "GET /api/v2/workflow-tasks": 4,
        "POST /api/v2/token": 1,
        "GET /api/v2/projects": 1,
    }
    assert calls_by_family(calls, catalog()) == {
        "entry": 5,
        "workflowTask": 4,
        "tokens": 1,
        "other": 1,
    }


def test_at_a_limit_the_last_window_takes_no_time() -> None:
    assert seconds_at_limit(300, [300, 300], 30.0) == 0.0
    assert seconds_at_limit(301, [300, 300], 30.0) == 30.0
    assert seconds_at_limit(10_000, [300, 300], 30.0) == 990.0


def test_the_realistic_mix_is_the_same_for_the_same_seed() -> None:
    assert sequence(500, 3) == sequence(500, 3) != sequence(500, 4)


def test_the_realistic_mix_repeats_the_share_that_it_names() -> None:
    steps = sequence(20_000)
    repeated = [step for step in steps if step.about is not None]
    assert len(repeated) / len(steps) == pytest.approx(REPEATED, abs=0.02)
    assert sum(distinct(steps).values()) == len(steps) - len(repeated)
    assert all(steps[step.about].family == step.family for step in repeated if step.about)


def test_the_realistic_mix_has_the_weights_that_it_names() -> None:
    named = Counter(step.event_type for step in sequence(20_000))
    for event_type, weight in WEIGHTS.items():
        share = weight / sum(WEIGHTS.values())
        assert named[event_type] / 20_000 == pytest.approx(share, abs=0.01)


def test_every_family_of_the_realistic_mix_is_read_either_singly_or_many_at_a_time() -> None:
    assert {*BULK, *SINGLE} == set(WEIGHTS)
    assert all(catalog().families[catalog().event_types[one].family].many is None for one in SINGLE)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(1_234_567, "1,234,567"), (1234.5, "1,234"), (12.345, "12.3"), (0.01234, "0.0123"),
     (0, "0"), (0.0, "0"), (math.nan, "-"), ("as it is", "as it is")],
)  # fmt: skip
def test_numbers_are_shown_with_three_digits(cell: str | float, text: str) -> None:
    assert shown(cell) == text


def test_a_goal_is_of_the_figure_or_of_its_ratio() -> None:
    assert [figure.met for figure in RESULT.figures] == [True, False, False]
    assert Figure("x", 1.0, goal=Goal("at least", 1, "ratio")).met is None
    assert Figure("x", 1.0).met is None
    assert [Goal(bound, 5).met(5) for bound in ("at least", "at most", "above", "below")] == [
        True,
        True,
        False,
        False,
    ]


class Tags(HTMLParser):
    """Which elements there are, and whether anything is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.loaded += [
            value or ""
            for name, value in attrs
            if name == "src" or (name == "href" and not (value or "").startswith("#"))
        ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    page = as_html([Outcome("thrift", 12.0, RESULT)], WHERE, quick=False)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.loaded == []
    for text in ("Calls &amp; more", "a&lt;b", "An &lt;old&gt; one", "1 of 3 goals are met"):
        assert text in page
    assert "<code>v2.entry.created</code>" in page


def test_the_page_says_what_failed_and_whether_it_was_quick() -> None:
    page = as_html([Outcome("soak", 1.0, failure="Traceback <x>")], WHERE, quick=True)
    assert "1 of 1 benchmarks failed" in page
    assert "Traceback &lt;x&gt;" in page
    assert "A quick run" in page


def test_the_json_holds_the_figures_with_ratios_and_verdicts() -> None:
    document = json.loads(as_json([Outcome("thrift", 12.0, RESULT)], WHERE, quick=False))
    assert document["facts"]["CPU"] == "An <old> one"
    calls, p99, throughput = document["benchmarks"][0]["result"]["figures"]
    assert (calls["met"], calls["ratio"]) == (True, 20 / 300)
    assert p99["value"] is None
    assert throughput["ratio"] == 0.5


def test_a_terminal_is_shown_goals_and_tables() -> None:
    text = RESULT.text()
    assert "goal ≤ 25 calls: met" in text
    assert "ratio 0.500; goal ratio ≥ 1: NOT met" in text
    assert "1,234" in text
