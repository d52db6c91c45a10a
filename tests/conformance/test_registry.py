"""The registry, on both databases."""

import asyncio
import json

import pytest
from sqlalchemy import insert, select, update

from benchling_connector.database.identity import connector_identity
from benchling_connector.database.platform_tables import (
    commands,
    configurations,
    connector_data,
    tokens,
)
from benchling_connector.database.tables import connectors
from benchling_connector.domain.commands import Action, CommandStatus
from benchling_connector.domain.connectors import Change, NewConnector, Wanted
from benchling_connector.domain.errors import (
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    Refused,
)
from benchling_connector.domain.lifecycle import HealthWord, Host, Mode, Network, Wish
from benchling_connector.platform.keeping import tidy
from benchling_connector.platform.once import once
from benchling_connector.platform.values import NewValue
from tests.platforms import ANN, CONFIGURATION, Platform


async def open_commands(platform: Platform, connector_id: str) -> list[tuple[str, str]]:
    page = await platform.services.commands.list(connector_id)
    return [(one.action.rpartition(".")[2], one.status) for one in reversed(page.rows)]


async def test_a_new_connector_is_enabled_idle_and_of_unknown_health(platform: Platform) -> None:
    made = await platform.connector("Größe", labels=(("site", "Basel"),), tags=("a",))
    assert (made.mode, made.network, made.health) == (
        Mode.IDLE,
        Network.OFFLINE,
        HealthWord.UNKNOWN,
    )
    assert [(one.number, one.name, one.value) for one in made.labels] == [(1, "site", "Basel")]
    assert await platform.services.registry.get(made.connector_id) == made
    assert await platform.audited() == ["connector.created"]


async def test_what_the_tetra_data_platform_would_refuse_is_refused_by_field(
    platform: Platform,
) -> None:
    new = NewConnector(
        " ", labels=(("a;b", "x"), ("n" * 129, "y" * 257)), metadata={"k": "ü"}, tags=("t" * 1536,)
    )
    with pytest.raises(InvalidInput) as refused:
        await platform.services.registry.create(ANN, new)
    assert [one.key for one in refused.value.fields] == [
        "name",
        "labels.0.name",
        "labels.1.name",
        "labels.1.value",
        "metadata.k",
        "metadata",
    ]
    assert await platform.audited() == []


async def test_a_name_is_found_in_upper_and_lower_case_of_any_language(platform: Platform) -> None:
    for name in ("Größe", "lab", "ÄRGER_1"):
        await platform.connector(name)
    registry = platform.services.registry
    found = [[one.name for one in (await registry.list(search=s)).rows] for s in ("ä", "GRÖ", "_")]
    assert found == [["ÄRGER_1"], ["Größe"], ["ÄRGER_1"]]


async def test_pages_give_every_connector_once(platform: Platform) -> None:
    made = []
    for number in range(7):
        made.append((await platform.connector(f"c{number}")).connector_id)
        if number % 3 == 0:
            platform.time.pass_by(
                seconds=1
            )  # several of one moment stand in the order of their IDs
    registry, found, cursor = platform.services.registry, [], None
    while True:
        page = await registry.list(limit=2, cursor=cursor)
        found += [one.connector_id for one in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert found == made


async def test_online_offline_and_disabled_are_told_apart(platform: Platform) -> None:
    online, silent, spoke, disabled, ended = [
        (await platform.connector(name)).connector_id
        for name in ("online", "silent", "spoke", "disabled", "ended")
    ]
    await platform.worker(silent)
    await platform.worker(ended, ended_at=platform.time())
    platform.time.pass_by(seconds=91)
    await platform.worker(online)
    await platform.services.registry.hear(spoke)
    await platform.services.registry.move(ANN, disabled, Wish.DISABLE)

    async def named(wanted: Wanted) -> list[str]:
        page = await platform.services.registry.list(wanted=wanted)
        return [one.name for one in page.rows]

    assert await named(Wanted.ONLINE) == ["online", "spoke"]
    assert await named(Wanted.OFFLINE) == ["silent", "ended"]
    assert await named(Wanted.DISABLED) == ["disabled"]
    assert len(await named(Wanted.ALL)) == 5


async def test_the_list_and_the_view_agree_on_who_is_online_to_the_microsecond(
    platform: Platform,
) -> None:
    made = await platform.connector()
    await platform.worker(made.connector_id)
    registry = platform.services.registry
    for step, word in ({"seconds": 90}, Network.ONLINE), ({"microseconds": 1}, Network.OFFLINE):
        platform.time.pass_by(**step)
        view = await registry.get(made.connector_id)
        listed = await registry.list(wanted=Wanted.ONLINE)
        assert view.network is word
        assert bool(listed.rows) == (word is Network.ONLINE)


async def test_health_is_the_worst_of_its_workers_with_the_reason(platform: Platform) -> None:
    made = await platform.connector()
    await platform.worker(made.connector_id, report=json.dumps({"health": "HEALTHY"}))
    report = {"health": "CRITICAL", "code": "queue-not-found", "sentence": "No.", "since": "x"}
    await platform.worker(made.connector_id, report=json.dumps(report))
    view = await platform.services.registry.get(made.connector_id)
    assert view.health is HealthWord.CRITICAL
    assert view.trouble is not None
    assert (view.trouble.code, view.trouble.sentence) == ("queue-not-found", "No.")
    assert [one.health for one in view.workers] == ["CRITICAL", "HEALTHY"]


async def test_a_running_connector_whose_worker_went_silent_is_critical(
    platform: Platform,
) -> None:
    made = await platform.configured()
    await platform.worker(made.connector_id, report=json.dumps({"health": "HEALTHY"}))
    await platform.services.registry.move(ANN, made.connector_id, Wish.START)
    platform.time.pass_by(minutes=2)
    view = await platform.services.registry.get(made.connector_id)
    assert view.health is HealthWord.CRITICAL
    assert view.trouble is not None
    assert view.trouble.code == "worker-silent"


async def test_a_worker_whose_process_is_gone_is_offline_as_soon_as_that_is_found(
    platform: Platform,
) -> None:
    made = await platform.configured()
    await platform.services.registry.move(ANN, made.connector_id, Wish.START)
    well = json.dumps({"health": "HEALTHY"})
    await platform.worker(made.connector_id, process="gone", report=well)
    await tidy(platform.desk.engine, platform.time(), lambda name: name == "gone")
    view = await platform.services.registry.get(made.connector_id)
    assert (view.network, view.health) == (Network.OFFLINE, HealthWord.CRITICAL)
    await platform.worker(made.connector_id, process="lives", report=well)
    await tidy(platform.desk.engine, platform.time(), lambda name: name == "gone")
    view = await platform.services.registry.get(made.connector_id)
    assert (view.network, view.health) == (Network.ONLINE, HealthWord.HEALTHY)


async def test_what_a_connector_says_by_http_counts_while_it_is_online(platform: Platform) -> None:
    made = await platform.connector(type="other", host=Host.STANDALONE)
    registry = platform.services.registry
    await registry.said(made.connector_id, "WARNING", "disk-full")
    view = await registry.get(made.connector_id)
    assert (view.health, view.network) == (HealthWord.WARNING, Network.ONLINE)
    assert view.trouble is not None
    assert view.trouble.code == "disk-full"
    platform.time.pass_by(minutes=2)
    view = await registry.get(made.connector_id)
    assert (view.health, view.network) == (HealthWord.UNKNOWN, Network.OFFLINE)


async def test_a_connector_that_was_only_run_is_listed_too(platform: Platform) -> None:
    async with platform.desk.writing() as connection:
        await connection.execute(
            insert(connectors).values(connector_id="c1", name="by hand", created_at=platform.time())
        )
    (found,) = (await platform.services.registry.list()).rows
    assert (found.name, found.mode, found.host) == ("by hand", Mode.RUNNING, Host.STANDALONE)


async def test_an_edit_changes_what_is_given_and_tells_the_audit_old_and_new(
    platform: Platform,
) -> None:
    made = await platform.connector(
        labels=(("a", "1"), ("b", "2")), metadata={"k": "v"}, description="old"
    )
    change = Change(name="new", labels_to_drop=(1,), labels_to_add=(("c", "3"),), tags=("t",))
    view = await platform.services.registry.edit(ANN, made.connector_id, change)
    assert (view.name, view.description, view.metadata) == ("new", "old", {"k": "v"})
    assert [(one.number, one.name) for one in view.labels] == [(2, "b"), (3, "c")]
    assert await platform.audited() == ["connector.created", "connector.edited"]
    await platform.services.registry.edit(ANN, made.connector_id, change=Change(name="new"))
    assert len(await platform.audited()) == 2


async def test_an_edit_is_held_to_the_limits_together_with_what_stays(platform: Platform) -> None:
    made = await platform.connector(metadata={"k": "v" * 1000})
    change = Change(tags=("t" * 600,))
    with pytest.raises(InvalidInput):
        await platform.services.registry.edit(ANN, made.connector_id, change)


async def test_each_move_tells_the_workers_and_the_audit(platform: Platform) -> None:
    made = await platform.configured()
    await platform.worker(made.connector_id)
    for wish, mode in (
        (Wish.START, Mode.RUNNING),
        (Wish.START, Mode.RUNNING),
        (Wish.STOP, Mode.IDLE),
        (Wish.DISABLE, Mode.DISABLED),
    ):
        assert await platform.services.registry.move(ANN, made.connector_id, wish, "why") == mode
    assert await open_commands(platform, made.connector_id) == [
        ("UpdateConfig", CommandStatus.CREATED),
        ("Start", CommandStatus.PENDING),
        ("Stop", CommandStatus.PENDING),
        ("Shutdown", CommandStatus.PENDING),
    ]
    assert (await platform.audited())[2:] == [
        "connector.started",
        "connector.stopped",
        "connector.disabled",
    ]


async def test_no_end_is_left_waiting_for_a_later_worker(platform: Platform) -> None:
    made = await platform.connector()
    registry = platform.services.registry
    await registry.move(ANN, made.connector_id, Wish.DISABLE)
    assert await open_commands(platform, made.connector_id) == []
    await registry.move(ANN, made.connector_id, Wish.ENABLE)
    await platform.worker(made.connector_id)
    await registry.move(ANN, made.connector_id, Wish.DISABLE)
    await registry.move(ANN, made.connector_id, Wish.ENABLE)
    assert await open_commands(platform, made.connector_id) == [("Shutdown", "REJECTED")]


@pytest.mark.parametrize(
    ("before", "wish", "code"),
    [
        ((), Wish.START, "connector-not-configured"),
        ((Wish.DISABLE,), Wish.START, "connector-disabled"),
        ((Wish.DISABLE,), Wish.STOP, "connector-disabled"),
        ((), Wish.DELETE, "connector-enabled"),
    ],
)
async def test_what_is_not_possible_is_refused_and_leaves_no_trace(
    platform: Platform, before: tuple[Wish, ...], wish: Wish, code: str
) -> None:
    made = await platform.connector()
    for one in before:
        await platform.services.registry.move(ANN, made.connector_id, one)
    audited = await platform.audited()
    with pytest.raises(Refused) as refused:
        await platform.services.registry.move(ANN, made.connector_id, wish)
    assert refused.value.code == code
    assert await platform.audited() == audited


async def test_a_deleted_connector_is_gone_with_its_tokens_and_frees_its_queue(
    platform: Platform,
) -> None:
    made = await platform.configured()
    await platform.token(None, made.connector_id)
    registry = platform.services.registry
    await registry.move(ANN, made.connector_id, Wish.DISABLE)
    assert await registry.move(ANN, made.connector_id, Wish.DELETE) is None
    with pytest.raises(NotFound):
        await registry.get(made.connector_id)
    assert (await registry.list()).rows == ()
    async with platform.desk.reading() as connection:
        assert await connection.scalar(select(tokens.c.revoked_at)) == platform.time()
        # Its rows stay: so does what the ledger knows of its files.
        assert await connection.scalar(select(connectors.c.deleted_at)) == platform.time()
        assert await connection.scalar(select(commands.c.status)) == CommandStatus.REJECTED
    await platform.configured("the next one")


async def test_a_deleted_connectors_secrets_are_forgotten_and_nobody_elses(
    platform: Platform,
) -> None:
    made = await platform.configured()
    other = await platform.configured("other", sqs_url=f"{CONFIGURATION['sqs_url']}-2")
    values = [NewValue("key", "a secret", secure=True), NewValue("plain", 1)]
    for one in (made, other):
        await platform.services.values.save(ANN, one.connector_id, values)
    for wish in (Wish.DISABLE, Wish.DELETE):
        await platform.services.registry.move(ANN, made.connector_id, wish)
    async with platform.desk.reading() as connection:
        kept = select(configurations.c.connector_id).where(configurations.c.secrets != "{}")
        assert (await connection.scalars(kept)).all() == [other.connector_id]
        secure = select(connector_data.c.connector_id).where(connector_data.c.secure)
        assert (await connection.scalars(secure)).all() == [other.connector_id]


async def test_a_deleted_connector_is_not_run_any_more(platform: Platform) -> None:
    made = await platform.connector("lab")
    for wish in (Wish.DISABLE, Wish.DELETE):
        await platform.services.registry.move(ANN, made.connector_id, wish)
    engine, now = platform.desk.engine, platform.time()
    with pytest.raises(InvalidConfiguration, match="was deleted"):
        await connector_identity(engine, made.connector_id, "lab", now, lambda: "new")
    made_anew = await connector_identity(engine, None, "lab", now, lambda: "new")
    assert made_anew.connector_id == "new"


async def test_what_is_created_with_one_key_at_once_is_created_once(platform: Platform) -> None:
    registry = platform.services.registry
    one = once(ANN, "key-1", "connector", {"name": "lab"})
    made = await asyncio.gather(*(registry.create(ANN, NewConnector("lab"), one) for _ in range(5)))
    assert len({view.connector_id for view in made}) == 1
    assert await platform.audited() == ["connector.created"]
    other = once(ANN, "key-1", "connector", {"name": "other"})
    with pytest.raises(Refused, match="idempotency key"):
        await registry.create(ANN, NewConnector("other"), other)
    platform.time.pass_by(days=1, seconds=1)
    await registry.create(ANN, NewConnector("x"), once(ANN, "key-2", "connector", {}))
    again = await registry.create(ANN, NewConnector("lab"), one)
    assert again.connector_id not in {view.connector_id for view in made}


async def test_a_supervisors_trouble_is_the_connectors(platform: Platform) -> None:
    made = await platform.connector()
    trouble = {"code": "connector-failing", "sentence": "It ended with 1.", "since": "x"}
    async with platform.desk.writing() as connection:
        await connection.execute(update(connectors).values(trouble=json.dumps(trouble)))
    view = await platform.services.registry.get(made.connector_id)
    assert view.health is HealthWord.CRITICAL
    assert view.trouble is not None
    assert view.trouble.sentence == "It ended with 1."


async def test_the_action_of_a_start_is_the_tetra_data_platforms(platform: Platform) -> None:
    made = await platform.configured()
    await platform.services.registry.move(ANN, made.connector_id, Wish.START)
    command = await platform.services.commands.latest(made.connector_id, Action.START)
    assert (command.action, command.created_by) == ("TetraScience.Connector.Start", "ann@lab-7")
