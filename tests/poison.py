"""What must have become of hostile bodies: each in one place, with every byte that it had."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

from benchling_connector.domain.jsontext import elements, members
from benchling_connector.simulator.events import BenchlingEvent
from benchling_connector.simulator.mutations import Hostile
from tests.acceptance.world import valid

_DEEP = re.compile(rb'(?P<arrays>\[{20,})(?P<end>\]{20,})|(?P<objects>(?:\{"a":){20,})1\}{20,}')
_LONG = re.compile(rb"[0-9]{1000,}")


def mixed(
    hostile: Iterable[Hostile], good: Iterable[BenchlingEvent], random: Random
) -> list[tuple[str, str]]:
    """Bodies and what is wrong with each ("good": nothing), shuffled."""
    bodies = [(one.body, one.name) for one in hostile]
    bodies += [(event.envelope().decode(), "good") for event in good]
    random.shuffle(bodies)
    return bodies


def hold_to_account(
    sent: Mapping[str, tuple[str, str]],
    files: Mapping[Path, bytes],
    states: Mapping[str, str],
    quarantine: Mapping[str, bytes],
) -> Counter[str]:
    """Whether every body is stored once or quarantined, unchanged, and every good one stored.

    `sent`: body and name by message ID. `states`: the ledger's, by message ID. `files`: the RAW
    files by their path in the lake. `quarantine`: raw bytes by message ID. Gives how many ended
    where.
    """
    stored = Counter(text for file in files.values() for text in envelopes(file))
    for path, file in files.items():
        valid(path, legible(file))
    assert set(states) == set(sent)
    for message_id, (body, name) in sent.items():
        raw, state = body.encode("utf-8", "surrogatepass"), states[message_id]
        if state == "stored":
            text = raw.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
            assert stored[text] == 1, name
        else:
            assert (state, quarantine[message_id]) == ("quarantined", raw), name
        assert state == "stored" or name != "good"
    counts = Counter(states.values())
    assert stored.total() == counts["stored"]
    assert len(quarantine) == counts["quarantined"]
    return counts


def envelopes(body: bytes) -> list[bytes]:
    """The texts of the events in a RAW file, cut out of it."""
    return [
        event
        for resource in elements(members(body).value["resources"]).value
        for event in elements(members(resource).value["events"]).value
    ]


def legible(body: bytes) -> bytes:
    """The same JSON, without what the standard library cannot read: thousands of levels or digits.

    Cuts only what is balanced, so that a file that was no JSON stays none.
    """
    return _LONG.sub(b"0", _DEEP.sub(_flat, body))


def _flat(match: re.Match[bytes]) -> bytes:
    if match["arrays"]:
        levels = min(len(match["arrays"]), len(match["end"]))
        return b"[" * (len(match["arrays"]) - levels + 1) + b"]" * (len(match["end"]) - levels + 1)
    opened = match["objects"].count(b"{")
    closed = match[0].count(b"}")
    return b'{"a":' * max(opened - closed, 0) + b"1" + b"}" * max(closed - opened, 0)
