"""What may be asked of a connector, how it may be labelled, and how one queue is written."""

import pytest

from benchling_connector.domain.commands import CUSTOM_PREFIX, Action
from benchling_connector.domain.errors import ConfigurationError, InvalidInput
from benchling_connector.domain.labels import label_problems, metadata_problems
from benchling_connector.domain.orders import MOST_BYTES, custom_action, order
from benchling_connector.domain.paging import cursor_after, place_after
from benchling_connector.domain.queue_url import one_form
from benchling_connector.domain.records import BadCursorError
from benchling_connector.domain.validating import problems_of
from benchling_connector.domain.versions import difference_of
from tests.ledgers import NOON


@pytest.mark.parametrize(
    "action",
    ["", "Start", "TetraScience.Connector", "TetraScience.Connector.Custom", "X.Connector.A.B"],
)
def test_an_action_that_there_is_not_is_refused_with_those_that_there_are(action: str) -> None:
    with pytest.raises(InvalidInput, match=r"TetraScience\.Connector\.Start, "):
        order(action, None)


@pytest.mark.parametrize("body", [None, {}, {"level": "loud"}, {"level": 1}, "loud", ["debug"]])
def test_a_log_level_that_there_is_not_is_refused(body: object) -> None:
    with pytest.raises(InvalidInput, match="debug, info, warning, error"):
        order(Action.SET_LOG_LEVEL, body)


@pytest.mark.parametrize(
    "body", ["x", ["config"], {"confg": {}}, {"config": []}, {"config": {"client_secret": 1}}]
)
def test_a_configuration_of_another_form_is_refused(body: object) -> None:
    with pytest.raises(InvalidInput, match="body"):
        order(Action.TEST_CONFIG, body)


def test_a_body_is_as_large_as_a_message_of_the_platform() -> None:
    custom = f"{CUSTOM_PREFIX}RunCheck"
    assert order(custom, "x" * (MOST_BYTES - 2)).body
    with pytest.raises(InvalidInput, match="bytes"):
        order(custom, "x" * (MOST_BYTES - 1))


def test_secrets_are_taken_out_of_a_body_and_not_shown() -> None:
    one = order(Action.VALIDATE_CONFIG, {"config": {"client_secret": "hush", "client_id": "a"}})
    assert one.body == {"config": {"client_id": "a"}}
    assert one.config == {"client_id": "a", "client_secret": "hush"}
    assert "hush" not in repr(one)


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("Start", "TetraScience.Connector.Start"),
        ("RunCheck", "TetraScience.Connector.Benchling.RunCheck"),
        ("Other.Do", "TetraScience.Connector.Other.Do"),
        ("TetraScience.Connector.X.Y", "TetraScience.Connector.X.Y"),
    ],
)
def test_an_action_may_be_named_in_short(name: str, action: str) -> None:
    assert custom_action(name, CUSTOM_PREFIX) == action


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("a Z_-+.9", "a/b, c", True),
        ("n" * 128, "v" * 256, True),
        ("n" * 129, "v", False),
        ("n", "v" * 257, False),
        ("a/b", "v", False),
        ("ä", "v", False),
        ("", "v", False),
        (" ", "v", False),
        ("n", "a\n", False),
    ],
)
def test_labels_have_the_platforms_lengths_and_characters(
    name: str, value: str, good: bool
) -> None:
    assert (label_problems([(name, value)]) == []) == good


def test_metadata_and_tags_have_one_and_a_half_kilobytes_together() -> None:
    assert metadata_problems({"k" * 500: "v" * 500}, ["t" * 536]) == []
    (problem,) = metadata_problems({"k" * 500: "v" * 500}, ["t" * 537])
    assert (problem.key, "1537 bytes" in problem.problem) == ("metadata", True)


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/q", "eu-west-1/123456789012/q"),
        ("https://eu-west-1.queue.amazonaws.com/123456789012/q", "eu-west-1/123456789012/q"),
        ("https://sqs.eu-west-1.api.aws/123456789012/q", "eu-west-1/123456789012/q"),
        ("http://LOCALHOST:4566/000000000000/q/", "localhost:4566/000000000000/q"),
        ("https://stand-in/q", "stand-in:443/q"),
    ],
)
def test_a_queue_has_one_form(url: str, form: str) -> None:
    assert one_form(url) == form


def test_what_is_no_queues_url_has_no_form() -> None:
    with pytest.raises(ConfigurationError):
        one_form("https://sqs.eu-west-1.amazonaws.com/q")


def test_each_key_has_one_problem_and_a_valid_configuration_none() -> None:
    good = {
        "benchling_url": "https://acme.benchling.com",
        "client_id": "a",
        "client_secret": "b",
        "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
        "aws_region": "us-east-1",
    }
    assert problems_of(good) == []
    bad = {**good, "events_per_file": 99, "api_requests_per_30s": 0, "events_per_fil": 1}
    assert sorted(one.key for one in problems_of(bad)) == [
        "api_requests_per_30s",
        "events_per_fil",
        "events_per_file",
    ]


def test_a_difference_names_what_came_went_and_changed() -> None:
    found = difference_of({"a": 1, "b": 2, "c": 3}, {"b": 2, "c": 4, "d": 5})
    assert [(one.key, one.old, one.new) for one in found] == [
        ("a", 1, None),
        ("c", 3, 4),
        ("d", None, 5),
    ]


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA", "WzEsMl0", "WzFlOTk5LCAiYSJd", "\N{BULLET}"])
def test_what_no_listing_gave_out_is_no_cursor(cursor: str) -> None:
    with pytest.raises(BadCursorError):
        place_after(cursor)


def test_a_cursor_leads_back_to_its_place() -> None:
    assert place_after(cursor_after(NOON, "ä-1")) == (NOON, "ä-1")
