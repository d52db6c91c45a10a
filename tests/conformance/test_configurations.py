"""Configurations in versions, with their secrets, on both databases."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from benchling_connector.database.identity import connector_identity
from benchling_connector.database.platform_tables import (
    audit,
    commands,
    configurations,
    connector_data,
    settings,
)
from benchling_connector.database.tables import connectors
from benchling_connector.domain.commands import Action
from benchling_connector.domain.connectors import Change
from benchling_connector.domain.errors import (
    ConfigurationError,
    InvalidConfiguration,
    NotFound,
    Refused,
)
from benchling_connector.domain.lifecycle import Wish
from benchling_connector.domain.orders import order
from benchling_connector.domain.queue_url import one_form
from benchling_connector.platform.keys import KeyPlace, ensure_key, new_key
from benchling_connector.platform.rotation import rotate
from benchling_connector.platform.values import NewValue
from tests.platforms import ANN, CONFIGURATION, SECRET, Platform

OTHER_QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/other"


async def save(platform: Platform, connector_id: str, /, **more: object) -> tuple[int, bool]:
    given = {key: value for key, value in {**CONFIGURATION, **more}.items() if value is not None}
    saved = await platform.services.configurations.save(ANN, connector_id, given)
    return saved.version, saved.changed


async def everything(platform: Platform) -> str:
    """All that the database holds of configurations, commands and the audit, as one text."""
    async with platform.desk.reading() as connection:
        tables = (configurations, commands, audit, connector_data, connectors)
        return str([(await connection.execute(select(table))).all() for table in tables])


async def test_a_saved_configuration_holds_and_the_workers_are_told(platform: Platform) -> None:
    made = await platform.connector()
    assert await save(platform, made.connector_id) == (1, True)
    view = await platform.services.registry.get(made.connector_id)
    assert (view.config_version, view.queue) == (1, "us-east-1/123456789012/benchling-events")
    command = await platform.services.commands.latest(made.connector_id, Action.UPDATE_CONFIG)
    assert command.body == {"version": 1}
    whole = await platform.services.configurations.content(made.connector_id, secrets=True)
    assert whole == CONFIGURATION


async def test_no_secret_stands_anywhere_in_the_clear(platform: Platform) -> None:
    made = await platform.configured()
    sent = order(Action.TEST_CONFIG, {"config": CONFIGURATION})
    await platform.services.commands.create(ANN, made.connector_id, sent)
    values = [NewValue("token", SECRET, secure=True)]
    await platform.services.values.save(ANN, made.connector_id, values)
    assert SECRET not in await everything(platform)
    version = await platform.services.configurations.get(made.connector_id)
    assert SECRET not in str(version)
    assert set(version.fingerprints) == {"client_secret"}
    assert len(version.fingerprints["client_secret"]) == 12


@pytest.mark.parametrize("given", [None, "", "  "])
async def test_a_secret_left_out_or_empty_stays(platform: Platform, given: str | None) -> None:
    made = await platform.configured()
    await save(platform, made.connector_id, client_secret=given, events_per_file=5)
    whole = await platform.services.configurations.content(made.connector_id, secrets=True)
    assert (whole["client_secret"], whole["events_per_file"]) == (SECRET, 5)


async def test_the_same_once_more_is_no_new_version(platform: Platform) -> None:
    made = await platform.configured()
    for secret in (SECRET, "", None):
        assert await save(platform, made.connector_id, client_secret=secret) == (1, False)
    assert await save(platform, made.connector_id, client_secret="another") == (2, True)


async def test_every_problem_is_told_by_field_and_nothing_is_written(platform: Platform) -> None:
    made = await platform.connector()
    given = {
        "benchling_url": "acme",
        "client_id": "app-1",
        "client_secret": "",
        "sqs_urll": "x",
        "aws_region": "us-east-1",
        "connector_id": "another",
        "database_url": "sqlite:////elsewhere.db",
        "client_secret_file": "/etc/passwd",
    }
    with pytest.raises(InvalidConfiguration) as refused:
        await platform.services.configurations.save(ANN, made.connector_id, given)
    problems = {one.key: str(one) for one in refused.value.fields}
    assert set(problems) == {*given, "sqs_url"} - {"client_id", "aws_region"}
    assert "Did you mean sqs_url?" in problems["sqs_urll"]
    assert "Leave it out" in problems["database_url"]
    assert await platform.audited() == ["connector.created"]


async def test_what_the_platform_knows_itself_may_be_said_but_not_otherwise(
    platform: Platform,
) -> None:
    made = await platform.connector("lab")
    own = {"connector_id": made.connector_id, "connector_name": "lab", "database_url": platform.url}
    await save(platform, made.connector_id, **own)
    renamed = Change(name="office")
    await platform.services.registry.edit(ANN, made.connector_id, renamed)
    with pytest.raises(InvalidConfiguration, match="rename the connector"):
        await save(platform, made.connector_id, **own)


async def test_a_file_of_the_platforms_machine_is_not_read_for_anybody(
    platform: Platform, tmp_path: Path
) -> None:
    made = await platform.connector()
    (tmp_path / "secret").write_text("x")
    with pytest.raises(InvalidConfiguration, match="where the platform runs"):
        await save(
            platform,
            made.connector_id,
            client_secret=None,
            client_secret_file=str(tmp_path / "secret"),
        )


@pytest.mark.parametrize(
    "sqs_url",
    [
        "https://sqs.us-east-1.amazonaws.com/123456789012/benchling-events",
        "https://queue.amazonaws.com/123456789012/benchling-events",
        "https://sqs-fips.us-east-1.amazonaws.com/123456789012/benchling-events/",
    ],
)
async def test_one_queue_has_one_connector_however_it_is_called(
    platform: Platform, sqs_url: str
) -> None:
    await platform.configured("the first")
    other = await platform.connector("the second")
    with pytest.raises(Refused, match="the first") as refused:
        await save(platform, other.connector_id, sqs_url=sqs_url)
    assert refused.value.code == "queue-taken"
    assert await save(platform, other.connector_id, sqs_url=OTHER_QUEUE) == (1, True)


async def test_a_queue_that_a_worker_brought_with_it_is_taken_like_any_other(
    platform: Platform,
) -> None:
    engine, queue = platform.desk.engine, one_form(str(CONFIGURATION["sqs_url"]))
    await connector_identity(engine, "by-hand", "bench", platform.time(), str, queue=queue)
    made = await platform.connector()
    with pytest.raises(Refused, match="bench") as refused:
        await save(platform, made.connector_id)
    assert refused.value.code == "queue-taken"
    await connector_identity(engine, "by-hand", "bench", platform.time(), str, queue="another")
    assert await save(platform, made.connector_id) == (1, True)
    with pytest.raises(InvalidConfiguration, match="lab"):
        await connector_identity(engine, "by-hand", "bench", platform.time(), str, queue=queue)


async def test_of_several_who_want_one_queue_at_once_one_gets_it(platform: Platform) -> None:
    made = [await platform.connector(f"c{number}") for number in range(4)]
    outcomes = await asyncio.gather(
        *(save(platform, one.connector_id) for one in made), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Refused"] * 3 + ["tuple"]
    assert (await platform.audited()).count("configuration.saved") == 1


async def test_of_several_who_save_at_once_on_one_version_one_does(platform: Platform) -> None:
    made = await platform.configured()
    service = platform.services.configurations
    outcomes = await asyncio.gather(
        *(
            service.save(
                ANN, made.connector_id, {**CONFIGURATION, "events_per_file": number}, expected=1
            )
            for number in range(1, 5)
        ),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Refused"] * 3 + ["Saved"]
    assert [one.version for one in await service.history(made.connector_id)] == [2, 1]


async def test_a_connector_that_changes_its_queue_frees_the_one_before(platform: Platform) -> None:
    first = await platform.configured("the first")
    second = await platform.connector("the second")
    await save(platform, first.connector_id, sqs_url=OTHER_QUEUE)
    await save(platform, second.connector_id)
    with pytest.raises(Refused, match="the second"):
        await platform.services.configurations.restore(ANN, first.connector_id, 1)


async def test_the_second_of_two_who_save_gets_the_difference(platform: Platform) -> None:
    made = await platform.configured()
    await save(platform, made.connector_id, events_per_file=5, client_secret="another")
    with pytest.raises(Refused) as refused:
        await platform.services.configurations.save(
            ANN, made.connector_id, {**CONFIGURATION, "events_per_file": 7}, expected=1
        )
    assert refused.value.code == "configuration-changed"
    assert refused.value.details["version"] == 2
    difference = refused.value.details["difference"]
    assert isinstance(difference, list)
    assert [(one["key"], one["old"], one["new"]) for one in difference[1:]] == [
        ("events_per_file", 5, 7)
    ]
    assert difference[0]["key"] == "client_secret"
    assert not {SECRET, "another"} & set(str(difference).split("'"))
    saved = await platform.services.configurations.save(
        ANN, made.connector_id, {"events_per_file": 7, **CONFIGURATION}, expected=2
    )
    assert saved.version == 3


async def test_zero_expects_that_nothing_was_saved_yet(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.configurations
    await service.save(ANN, made.connector_id, CONFIGURATION, expected=0)
    with pytest.raises(Refused):
        await service.save(ANN, made.connector_id, CONFIGURATION, expected=0)


async def test_an_earlier_version_is_restored_with_its_secret_as_a_new_one(
    platform: Platform,
) -> None:
    made = await platform.configured()
    await save(platform, made.connector_id, client_secret="another", events_per_file=5)
    service = platform.services.configurations
    saved = await service.restore(ANN, made.connector_id, 1, "it was better")
    assert saved.version == 3
    assert await service.content(made.connector_id, secrets=True) == CONFIGURATION
    version = await service.get(made.connector_id)
    assert (version.restored_from, version.reason, version.created_by) == (
        1,
        "it was better",
        "ann@lab-7",
    )
    assert [one.key for one in version.difference] == ["client_secret", "events_per_file"]
    assert (await platform.audited())[-1] == "configuration.restored"
    with pytest.raises(NotFound):
        await service.restore(ANN, made.connector_id, 9)


async def test_the_history_tells_who_when_why_and_what(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.configurations
    for number in range(1, 4):
        given = {**CONFIGURATION, "events_per_file": number}
        await service.save(ANN, made.connector_id, given, reason=f"why {number}")
        platform.time.pass_by(minutes=1)
    found = await service.history(made.connector_id)
    assert [(one.version, one.reason) for one in found] == [
        (3, "why 3"),
        (2, "why 2"),
        (1, "why 1"),
    ]
    assert [[each.key for each in one.difference] for one in found[:2]] == [["events_per_file"]] * 2
    page = await service.history(made.connector_id, limit=1, before=3)
    assert page == [found[1]]


async def test_what_was_never_configured_has_no_history_and_no_keys(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.configurations
    assert await service.history(made.connector_id) == []
    assert await service.content(made.connector_id, secrets=True) == {}
    with pytest.raises(NotFound):
        await service.get(made.connector_id)
    with pytest.raises(Refused):
        await service.check(ANN, made.connector_id, None)


async def test_a_check_takes_the_secret_that_is_kept_and_is_in_the_audit(
    platform: Platform,
) -> None:
    made = await platform.configured()
    given = {key: value for key, value in CONFIGURATION.items() if key != "client_secret"}
    draft = await platform.services.configurations.check(
        ANN, made.connector_id, {**given, "client_id": "app-2"}
    )
    assert draft.whole() == {**CONFIGURATION, "client_id": "app-2"}
    held = await platform.services.configurations.check(ANN, made.connector_id, None)
    assert held.whole() == CONFIGURATION
    assert await platform.audited() == [
        "connector.created",
        "configuration.saved",
        *["configuration.tested"] * 2,
    ]
    async with platform.desk.reading() as connection:
        query = select(audit.c.old, audit.c.new).where(audit.c.action == "configuration.tested")
        tested = [tuple(map(json.loads, row)) for row in await connection.execute(query)]
    assert tested == [({"client_id": "app-1"}, {"client_id": "app-2"}), ({}, {})]


async def test_a_secret_of_another_connector_is_not_decrypted(platform: Platform) -> None:
    one, other = await platform.configured("one"), await platform.connector("other")
    await save(platform, other.connector_id, sqs_url=OTHER_QUEUE, client_secret="another")
    columns = configurations.c
    async with platform.desk.writing() as connection:
        stolen = await connection.scalar(
            select(columns.secrets).where(columns.connector_id == one.connector_id)
        )
        await connection.execute(
            update(configurations)
            .where(columns.connector_id == other.connector_id)
            .values(secrets=stolen)
        )
    with pytest.raises(ConfigurationError) as refused:
        await platform.services.configurations.content(other.connector_id, secrets=True)
    assert refused.value.code == "secrets-undecryptable"


async def with_secrets(platform: Platform) -> str:
    """A connector with one secret of every kind; its ID."""
    made = await platform.configured()
    values = [NewValue("token", SECRET, secure=True), NewValue("plain", 1)]
    await platform.services.values.save(ANN, made.connector_id, values)
    sent = order(Action.TEST_CONFIG, {"config": CONFIGURATION})
    await platform.services.commands.create(ANN, made.connector_id, sent)
    return made.connector_id


async def test_a_rotation_encrypts_everything_under_a_new_key_and_drops_the_old_one(
    platform: Platform,
) -> None:
    connector_id = await with_secrets(platform)
    place = platform.services.key_place
    old_keys, old = place.keys(), await everything(platform)
    before = await platform.services.configurations.get(connector_id)
    done = await rotate(platform.desk, place, ANN)
    assert (done.kept, done.dropped) == (3, 0)
    assert len(place.keys()) == 1
    assert place.keys() != old_keys
    async with platform.desk.reading() as connection:
        for column in (configurations.c.secrets, commands.c.secrets, connector_data.c.value):
            texts = [text for text in await connection.scalars(select(column)) if text]
            assert all(text not in old for text in texts if "gAAA" in text)
    # The services were open all the while.
    service = platform.services.configurations
    assert await service.content(connector_id, secrets=True) == CONFIGURATION
    found = await platform.services.values.get(connector_id, ["token"], secure=True)
    assert found[0].value == SECRET
    after = await service.get(connector_id)
    assert after.fingerprints != before.fingerprints
    assert await save(platform, connector_id) == (1, False)
    assert (await platform.audited())[-1] == "secrets.rotated"


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "expired"])
async def test_a_rotation_forgets_the_secrets_of_commands_that_nobody_will_take(
    platform: Platform, *, ended: bool
) -> None:
    made = await platform.connector()
    sent = order(Action.TEST_CONFIG, {"config": CONFIGURATION})
    await platform.services.commands.create(ANN, made.connector_id, sent)
    place = platform.services.key_place
    place.replace((new_key(),))
    with pytest.raises(ConfigurationError, match="decrypt"):
        await rotate(platform.desk, place, ANN)
    if ended:
        async with platform.desk.writing() as connection:
            await connection.execute(update(commands).values(ended_at=platform.time()))
    else:
        platform.time.pass_by(minutes=10)
    done = await rotate(platform.desk, place, ANN)
    assert (done.kept, done.dropped) == (0, 0)
    async with platform.desk.reading() as connection:
        assert await connection.scalar(select(commands.c.secrets)) is None


async def test_a_rotation_that_ended_anywhere_has_lost_nothing(platform: Platform) -> None:
    connector_id = await with_secrets(platform)
    place = platform.services.key_place
    place.replace((new_key(), *place.keys()))  # and then it died: nothing is encrypted anew
    assert await platform.services.configurations.content(connector_id, secrets=True)
    both = place.keys()
    await rotate(platform.desk, place, ANN)
    place.replace((*place.keys(), *both))  # and then it died: no old key is dropped
    assert await platform.services.configurations.content(connector_id, secrets=True)
    await rotate(platform.desk, place, ANN)
    assert len(place.keys()) == 1
    assert await platform.services.configurations.content(connector_id, secrets=True)


async def test_a_rotation_with_keys_of_the_environment_takes_the_first(
    platform: Platform, tmp_path: Path
) -> None:
    connector_id = await with_secrets(platform)
    file = platform.services.key_place
    first = new_key()
    given = KeyPlace(tmp_path / "none", f"{first},{file.keys()[0]}")
    await rotate(platform.desk, given, ANN)
    with pytest.raises(ConfigurationError):
        await platform.services.configurations.content(connector_id, secrets=True)
    file.replace((first,))
    assert await platform.services.configurations.content(connector_id, secrets=True)


async def test_a_database_that_has_a_key_gets_no_other(platform: Platform, tmp_path: Path) -> None:
    place = platform.services.key_place
    elsewhere = KeyPlace(tmp_path / "elsewhere" / "platform.key")
    with pytest.raises(ConfigurationError, match="has a key already, and it is not at") as refused:
        await ensure_key(platform.desk, elsewhere)
    assert refused.value.code == "secrets-undecryptable"
    assert not elsewhere.file.exists()
    for given in (None, new_key()):
        other = KeyPlace(tmp_path / "other.key", given)
        if given is None:
            other.make(new_key())
        with pytest.raises(ConfigurationError, match="has another key than the one"):
            await ensure_key(platform.desk, other)
    (known,) = place.keys()
    await ensure_key(platform.desk, KeyPlace(place.file, f"{new_key()},{known}"))


async def test_a_rotated_key_is_the_databases_from_then_on(platform: Platform) -> None:
    place = platform.services.key_place
    (before,) = place.keys()
    await rotate(platform.desk, place, ANN)
    await ensure_key(platform.desk, place)
    with pytest.raises(ConfigurationError, match="has another key"):
        await ensure_key(platform.desk, KeyPlace(place.file, before))


async def test_no_key_is_made_where_there_are_secrets_already(platform: Platform) -> None:
    await with_secrets(platform)
    place = platform.services.key_place
    place.file.unlink()
    async with platform.desk.writing() as connection:
        await connection.execute(delete(settings).where(settings.c.name == "key"))
    with pytest.raises(ConfigurationError, match="holds secrets, and there is no key") as refused:
        await ensure_key(platform.desk, place)
    assert refused.value.code == "secrets-undecryptable"
    assert not place.file.exists()


async def test_secrets_whose_key_is_lost_can_be_dropped_and_given_anew(platform: Platform) -> None:
    connector_id = await with_secrets(platform)
    place = platform.services.key_place
    place.file.unlink()
    done = await rotate(platform.desk, place, ANN, discard_lost=True)
    assert (done.kept, done.dropped) == (0, 3)
    with pytest.raises(InvalidConfiguration, match="client_secret: is required"):
        await save(platform, connector_id, client_secret=None)
    assert await save(platform, connector_id) == (2, True)
    assert await platform.services.values.get(connector_id, ["token"], secure=True) == ()


async def test_a_deleted_connectors_queue_does_not_count(platform: Platform) -> None:
    made = await platform.configured("the first")
    for wish in (Wish.DISABLE, Wish.DELETE):
        await platform.services.registry.move(ANN, made.connector_id, wish)
    other = await platform.connector("the second")
    assert await save(platform, other.connector_id) == (1, True)


async def test_the_audit_tells_what_changed_with_secrets_as_fingerprints(
    platform: Platform,
) -> None:
    made = await platform.configured()
    await save(platform, made.connector_id, client_secret="another", events_per_file=5)
    async with platform.desk.reading() as connection:
        query = select(audit.c.old, audit.c.new).order_by(audit.c.number.desc()).limit(1)
        old, new = map(json.loads, (await connection.execute(query)).one())
    assert old["events_per_file"] is None
    assert new["events_per_file"] == 5
    assert old["client_secret"]["fingerprint"] != new["client_secret"]["fingerprint"]
