"""The audit's chain: what is found when somebody has been at it."""

from dataclasses import replace

import pytest

from benchling_connector.domain.audit import (
    FIRST,
    AuditRecord,
    Finding,
    Head,
    Verdict,
    hash_of,
    head_of,
    wrong_with,
)
from tests.ledgers import NOON

START = Head(0, FIRST)


def entry(number: int = 1, previous: str = FIRST, actor: str = "ann") -> AuditRecord:
    record = AuditRecord(
        number, NOON, actor, "cli", None, "connector.created", "c1", None, None, "{}", None,
        previous, "",
    )  # fmt: skip
    return replace(record, hash=hash_of(record))


def test_an_entry_that_follows_is_right() -> None:
    first = entry()
    assert wrong_with(first, START, Head(1, first.hash)) is None
    assert wrong_with(entry(2, first.hash), Head(1, first.hash), None) is None


@pytest.mark.parametrize(
    ("record", "number", "words"),
    [
        (entry(2), 1, "is missing"),
        (entry(0), 0, "was put in"),
        (replace(entry(), actor="bob"), 1, "was changed"),
        (replace(entry(), actor=b"ann"), 1, "was changed"),  # type: ignore[arg-type]
        (entry(previous="1" * 64), 1, "does not follow"),
    ],
)
def test_what_is_wrong_is_told_with_its_number(
    record: AuditRecord, number: int, words: str
) -> None:
    found = wrong_with(record, START, None)
    assert found is not None
    assert found.number == number
    assert words in found.sentence


def test_an_entry_that_is_not_the_one_noted_elsewhere_is_found() -> None:
    found = wrong_with(entry(), START, Head(1, "2" * 64))
    assert found is not None
    assert "noted" in found.sentence


def test_a_head_is_noted_and_read_again() -> None:
    head = Head(17, "a" * 64)
    assert head_of(f" {head}\n") == head
    assert head_of("17") is None


def test_a_verdict_without_a_finding_is_intact() -> None:
    assert Verdict(1, START, None).intact
    assert not Verdict(1, START, Finding(1, "No.")).intact
