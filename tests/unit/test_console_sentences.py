"""The one sentence about a connector, and what can be done with it."""

from dataclasses import replace

import pytest

from benchling_connector.domain.connectors import ConnectorView, Trouble
from benchling_connector.domain.lifecycle import HealthWord, Host, Mode, Network, Wish
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.web.console.places import HOME, own_path
from benchling_connector.web.console.sentences import sentence_of, wishes_of
from tests.ledgers import NOON

AT_WORK = ConnectorView(
    connector_id="c1",
    name="lab",
    type="benchling",
    host=Host.LOCAL,
    description="",
    version="",
    labels=(),
    metadata={},
    tags=(),
    mode=Mode.RUNNING,
    network=Network.ONLINE,
    health=HealthWord.HEALTHY,
    trouble=None,
    config_version=1,
    queue=None,
    log_level=None,
    seen_at=NOON,
    created_at=NOON,
    updated_at=NOON,
    workers=(),
)


def test_what_is_wrong_comes_before_all_else_in_the_workers_own_words() -> None:
    trouble = Trouble("benchling-credentials-refused", "Benchling refuses it.", "Enter another.")
    view = replace(AT_WORK, health=HealthWord.CRITICAL, trouble=trouble, network=Network.OFFLINE)
    said = sentence_of(view)

    assert (said.word, said.code) == ("CRITICAL", "benchling-credentials-refused")
    assert (said.text, said.remedy) == ("Benchling refuses it.", "Enter another.")


def test_a_code_alone_is_said_in_the_words_of_its_problem() -> None:
    view = replace(AT_WORK, health=HealthWord.WARNING, trouble=Trouble("queue-not-found"))
    said = sentence_of(view)

    assert (said.text, said.remedy) == (
        PROBLEMS["queue-not-found"].title,
        PROBLEMS["queue-not-found"].remedy,
    )


def test_a_code_that_only_its_sender_knows_is_said_as_it_is() -> None:
    view = replace(AT_WORK, health=HealthWord.CRITICAL, trouble=Trouble("E-42"))

    assert "E-42" in sentence_of(view).text


@pytest.mark.parametrize(
    ("other", "word", "text"),
    [
        ({}, "HEALTHY", "It is at work."),
        ({"health": HealthWord.UNKNOWN}, "RUNNING", "has not said yet"),
        ({"health": HealthWord.CRITICAL}, "CRITICAL", "and not why"),
        ({"mode": Mode.IDLE}, "IDLE", "uploads nothing"),
        ({"mode": Mode.IDLE, "config_version": None}, "IDLE", "not configured"),
        ({"mode": Mode.IDLE, "config_version": None, "type": "other"}, "IDLE", "uploads nothing"),
        ({"network": Network.OFFLINE}, "OFFLINE", "No worker is there"),
        ({"mode": Mode.DISABLED, "network": Network.OFFLINE}, "DISABLED", "No worker runs"),
    ],
)
def test_else_it_says_what_the_connector_waits_for(
    other: dict[str, object], word: str, text: str
) -> None:
    said = sentence_of(replace(AT_WORK, **other))  # type: ignore[arg-type]

    assert said.word == word
    assert text in said.text


@pytest.mark.parametrize(
    ("mode", "config_version", "wishes"),
    [
        (Mode.RUNNING, 1, (Wish.STOP, Wish.DISABLE)),
        (Mode.IDLE, 1, (Wish.START, Wish.DISABLE)),
        (Mode.IDLE, None, (Wish.DISABLE,)),
        (Mode.DISABLED, 1, (Wish.ENABLE,)),
    ],
)
def test_only_what_would_be_granted_and_change_something_is_offered(
    mode: Mode, config_version: int | None, wishes: tuple[Wish, ...]
) -> None:
    view = replace(AT_WORK, mode=mode, config_version=config_version)

    assert wishes_of(view) == wishes


@pytest.mark.parametrize("path", ["/", "/connectors?search=a%20b&filter=all", "/connectors/a:b.c"])
def test_a_path_of_this_host_is_a_place_to_go(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path", [None, "", "x", "//x", "/\\x", "/x\n", "/ x", "/é", "http://x/", "/" + "x" * 2000]
)
def test_whatever_may_lead_elsewhere_leads_home(path: str | None) -> None:
    assert own_path(path) == HOME
