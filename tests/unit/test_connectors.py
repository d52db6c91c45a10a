"""What may be said of a connector, and what is told of it to others."""

import pickle
from dataclasses import replace

import pytest

from benchling_connector.domain.accounts import account_name, delay_after, require_good_password
from benchling_connector.domain.alerts import Changes
from benchling_connector.domain.channels import ChannelKind, address_of
from benchling_connector.domain.connectors import NewConnector
from benchling_connector.domain.errors import (
    FieldProblem,
    InvalidConfiguration,
    InvalidInput,
    Refused,
)
from benchling_connector.domain.exposed import EXPOSED, WORKER
from benchling_connector.domain.filerecords import Counts, FileStatus
from benchling_connector.domain.health import Health
from benchling_connector.domain.labels import MOST_BYTES, MOST_LABELS, Label, as_json
from benchling_connector.domain.notices import Notice, What, document_of, subject_of, text_of
from benchling_connector.domain.orders import order
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.samples import SAMPLED
from benchling_connector.domain.series import Range, Sample, series_of
from benchling_connector.domain.versions import Difference, Version
from tests.ledgers import NOON, at

GOOD = NewConnector(
    "lab 7",
    description="Of the lab.",
    labels=(("site", "Basel"), ("site", "Bern")),
    metadata={"room": "7"},
    tags=("a", "b"),
)


def test_what_is_said_within_the_limits_is_taken() -> None:
    assert GOOD.problems() == []


@pytest.mark.parametrize(
    ("otherwise", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"type": ""}, "connectorType"),
        ({"description": "x" * 4097}, "description"),
        ({"version": "x" * 129}, "version"),
        ({"labels": (("", "a"),)}, "labels.0.name"),
        ({"labels": (("a;b", "a"),)}, "labels.0.name"),
        ({"labels": (("a", "b" * 257),)}, "labels.0.value"),
        ({"labels": (("a", "b"), ("a", "b"))}, "labels.1"),
        ({"labels": tuple((f"n{n}", "v") for n in range(MOST_LABELS + 1))}, "labels"),
        ({"metadata": {"größe": "1"}}, "metadata.größe"),
        ({"metadata": {"a\nb": "1"}}, "metadata"),
        ({"tags": ("a", " ")}, "tags.1"),
        ({"tags": ("x" * (MOST_BYTES + 1),)}, "metadata"),
    ],
)
def test_each_limit_is_told_by_its_field(otherwise: dict[str, object], field: str) -> None:
    assert [one.key for one in replace(GOOD, **otherwise).problems()] == [field]  # type: ignore[arg-type]


def test_labels_are_kept_with_their_numbers() -> None:
    assert as_json([Label(2, "site", "Basel")]) == '[{"id": 2, "name": "site", "value": "Basel"}]'


def test_the_records_of_all_states_are_counted_together() -> None:
    assert Counts({FileStatus.SUCCESS: 3, FileStatus.ERROR: 1}).total == 4


def test_a_difference_is_told_with_both_values() -> None:
    assert Difference("a", None, 1).told() == {"key": "a", "old": None, "new": 1}


@pytest.mark.parametrize(
    "error",
    [
        Refused("queue-taken", "So.", {"with": "c1"}),
        InvalidInput([FieldProblem("a", "is wrong.", "Mend it.")]),
    ],
)
def test_an_answer_crosses_processes_whole(error: Refused) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.details) == (type(error), str(error), error.details)


def test_there_is_news_when_anything_has_changed() -> None:
    assert not Changes()
    assert Changes(over=("a",))


# Notices

RAISED = Notice(
    "n1", What.RAISED, "a1", "c1", "lab", "health", "lake-failing", "CRITICAL", "It fails.",
    "Mend it.", NOON,
)  # fmt: skip


def test_a_notice_tells_what_is_wrong_and_what_to_do() -> None:
    assert subject_of(RAISED) == "[CRITICAL] Benchling connector lab: lake-failing"
    lines = text_of(RAISED).splitlines()
    assert lines[:3] == ["It fails.", "", "Mend it."]
    assert lines[-2:] == ["Alert: a1", "Notice: n1"]


def test_a_notice_of_the_end_tells_when_and_no_remedy() -> None:
    over = replace(RAISED, what=What.RESOLVED, resolved_at=at(60))
    assert subject_of(over) == "[Resolved] Benchling connector lab: lake-failing"
    assert "Mend it." not in text_of(over)
    assert "Resolved: 2" in text_of(over)


def test_a_test_is_of_no_connector() -> None:
    test = replace(RAISED, what=What.TEST, connector_id=None, connector_name=None)
    assert subject_of(test) == "[Test] Benchling connector platform: lake-failing"


# Channels


def test_a_topic_is_named_by_its_arn() -> None:
    arn = "arn:aws:sns:us-east-1:123456789012:alerts"
    assert address_of(ChannelKind.SNS, {"topic_arn": arn}).content["topic_arn"] == arn
    with pytest.raises(InvalidConfiguration, match="ARN"):
        address_of(ChannelKind.SNS, {"topic_arn": "alerts"})


def test_a_port_that_is_no_number_is_refused() -> None:
    given = {"host": "mail.example.com", "sender": "a@example.com", "recipients": "b@example.com"}
    with pytest.raises(InvalidConfiguration, match="65535"):
        address_of(ChannelKind.SMTP, {**given, "port": "smtp"})


# People


def test_a_name_of_other_characters_is_refused() -> None:
    with pytest.raises(Refused):
        account_name("a b")
    assert account_name("Ann") == "ann"


@pytest.mark.parametrize("password", ["short", "x" * 1_001, "Maximilian-ii", "abababababababab"])
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(Refused) as refused:
        require_good_password("maximilian", password)
    assert refused.value.code == "password-refused"


def test_a_good_password_is_taken() -> None:
    require_good_password("maximilian", "four words in a row")


# Orders and series


def test_a_configuration_need_not_be_given_with_a_command() -> None:
    custom = "TetraScience.Connector.Benchling.RunCheck"
    assert order("TetraScience.Connector.TestConfig", None).config is None
    assert order("TetraScience.Connector.UpdateConfig", {"version": 2}).body == {"version": 2}
    assert order("TetraScience.Connector.SetLogLevel", "DEBUG").body == {"level": "debug"}
    assert order(custom, {"config": {}}).config is None


def test_a_gauge_of_before_the_range_is_not_in_it() -> None:
    span = Range(NOON, at(60), 10, 10)
    early = Sample("w1", at(-5), {"messages_in_flight": 7.0})
    assert series_of([early], span) == []
    (found,) = series_of([early, replace(early, at=at(5))], span)
    assert [point.value for point in found.points] == [7.0]


def test_a_counter_that_is_older_than_its_worker_did_not_grow_by_all_that_it_has() -> None:
    span = Range(NOON, at(60), 10, 10)
    first = Sample("w1", at(0), {"container_cpu_seconds": 5_000.0, "api_requests": 3.0}, born=NOON)
    later = Sample("w1", at(10), {"container_cpu_seconds": 5_005.0, "api_requests": 3.0}, born=NOON)
    found = {one.name: [p.value for p in one.points] for one in series_of([first, later], span)}
    assert found == {"container_cpu_seconds": [0.5], "api_requests": [0.3, 0.0]}


# What is shown


def test_secrets_are_shown_as_what_is_known_of_them() -> None:
    version = Version(1, NOON, "ann", None, {"a": 1}, {"client_secret": "0a1b2c"}, None)
    assert version.shown() == {"a": 1, "client_secret": {"set": True, "fingerprint": "0a1b2c"}}


def test_a_notice_for_programs_has_the_times_as_text() -> None:
    assert document_of(RAISED)["since"] == moment(NOON)
    assert document_of(RAISED)["resolvedAt"] is None


def test_every_number_that_is_sampled_is_exposed_for_each_worker() -> None:
    assert {name for name, one in EXPOSED.items() if one.labels == WORKER} == set(SAMPLED)


def test_where_nothing_is_known_health_is_not_either() -> None:
    told = Health(()).report()
    assert (told["health"], told["conditions"]) == ("N/A", [])


@pytest.mark.parametrize(("failures", "seconds"), [(4, 0.0), (5, 1.0), (7, 4.0), (99, 60.0)])
def test_who_fails_often_waits_longer(failures: int, seconds: float) -> None:
    assert delay_after(failures, 60.0) == seconds
