"""What holds for any message body at all, and bodies to begin with."""

import json
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any, Literal, NoReturn

import msgspec

from benchling_connector.domain.answer import unread
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import Event, Rejected, decode
from benchling_connector.domain.jsontext import NotJsonError, elements, members
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.domain.rawfile import Enriched, Origin, compose, draft
from benchling_connector.simulator.hostile import BROKEN, ODD
from benchling_connector.simulator.mutations import hostile, mutation, wrong_shapes
from benchling_connector.simulator.tenant import Tenant
from tests.unit.samples import NOON, event

LONGEST_SEED = 16_384
ORIGIN = Origin("https://acme.benchling.com", "con-1", "benchling", "0.1.0")
FILE_ID = "0b6c4a3e-8e4c-4a8e-9a57-2f0a3f6f9b11"


def check(data: bytes) -> None:
    """Raises `AssertionError`, or whatever the decoder raised, if a promise of it is broken."""
    for cut in (members, elements):
        with suppress(NotJsonError):
            cut(data)
    body = _text(data)
    found = decode(body, catalog())
    assert isinstance(found, Event | Rejected)
    expected = _by_the_standard_library(body)
    if isinstance(found, Rejected):
        assert found.code in PROBLEMS
        assert found.sentence
        assert not expected or found.code == "event-bad-identifier", expected
        return
    assert expected is not False
    if expected is not None:
        assert (found.id, found.type) == (expected["id"], expected["eventType"])
    _check_event(body, found)


def _check_event(body: str, found: Event) -> None:
    assert found.envelope == body.encode().removeprefix(b"\xef\xbb\xbf").strip(b" \t\n\r")
    detail = members(found.envelope).value["detail"]
    again = decode(f'{{"id": "another", "detail": {detail.decode()}}}', catalog())
    assert isinstance(again, Event)
    assert (again.id, again.digest, again.resource) == (found.id, found.digest, found.resource)
    if not found.awkward:
        turned = msgspec.json.encode({"detail": _turned(msgspec.json.decode(detail))}).decode()
        shuffled = decode(turned, catalog())
        assert isinstance(shuffled, Event)
        assert shuffled.digest == found.digest
    _check_file(found)


def _check_file(found: Event) -> None:
    """In a RAW file it stands as it came, and it makes no other event hard to read."""
    other = event("evt_other", found.type, key="other", schema=_schema_of(found))
    both = [Enriched(one, unread(one.resource)) for one in (found, other)]
    drafts = draft(both, 10)
    for one in drafts:
        file = compose(one, FILE_ID, NOON, ORIGIN)
        assert file.path.count("/") == 3
        assert len(file.path.encode()) < 1_000
        texts = [
            text
            for resource in elements(members(file.body).value["resources"]).value
            for text in elements(members(resource).value["events"]).value
        ]
        assert sorted(texts) == sorted(item.event.envelope for item in one.content)
        if any(item.event.awkward for item in one.content):
            assert len(one.content) == 1
        else:
            assert msgspec.json.decode(file.body) == json.loads(file.body)


def _by_the_standard_library(body: str) -> dict[str, Any] | Literal[False] | None:
    """The detail, if it has what makes an event, else False; None when the standard library cannot
    say, because of thousands of levels or digits."""
    try:
        body.encode()
        document = json.loads(body.removeprefix("\ufeff"), parse_constant=_refuse)
    except RecursionError:
        return None
    except ValueError as error:
        return None if "integer string conversion" in str(error) else False
    detail = document.get("detail") if isinstance(document, dict) else None
    if not isinstance(detail, dict):
        return False
    event_id, event_type = detail.get("id"), detail.get("eventType")
    if not (isinstance(event_id, str) and event_id and isinstance(event_type, str)):
        return False
    parts = event_type.split(".")
    return detail if len(parts) > 1 and parts[1] else False


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _turned(value: Any, levels: int = 8) -> Any:
    """The same with the keys of every object, so many levels deep, in the opposite order."""
    if isinstance(value, dict) and levels:
        return {key: _turned(one, levels - 1) for key, one in reversed(value.items())}
    if isinstance(value, list) and levels:
        return [_turned(one, levels - 1) for one in value]
    return value


def _schema_of(found: Event) -> dict[str, Any] | None:
    return {"id": found.schema.id, "name": found.schema.name} if found.schema else None


def _text(data: bytes) -> str:
    # What comes from SQS is text; a lone surrogate gets into it only through the twins.
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8", "surrogatepass")
    return data.decode("latin-1")


def corpus() -> Iterator[bytes]:
    """Bodies to begin with: an event of every type, and hostile ones of every sort."""
    tenant = Tenant(seed=1)
    for event_type in catalog().event_types:
        yield tenant.emit(event_type).envelope()
    bodies = [make(tenant) for make in (*BROKEN.values(), *ODD.values())]
    small = tenant.emit("v2.novelty.seen", payload='{"id":"n_1","schema":{"id":"s","name":"S"}}')
    bodies += [one.body for one in wrong_shapes(small.envelope().decode())]
    bodies += [one.body for one in hostile(tenant, 400, 1)]
    for body in bodies:
        data = body.encode("utf-8", "surrogatepass")
        if len(data) <= LONGEST_SEED:
            yield data


def mutations(seed: int) -> Iterator[bytes]:
    """The corpus changed a little, without end; by chance, not by what the code reaches."""
    random = Random(seed)
    texts = [data.decode("utf-8", "surrogatepass") for data in corpus()]
    while True:
        text = random.choice(texts)
        for _ in range(random.choice((1, 1, 2, 4))):
            text = mutation(text, random)
        yield text.encode("utf-8", "surrogatepass")
