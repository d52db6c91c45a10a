"""Alerts in the database: raised, told once to each channel, resolved."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from benchling_connector.database.platform_tables import alert_channels, audit, deliveries
from benchling_connector.database.tables import quarantine
from benchling_connector.domain.alerts import AlertKind, Rules
from benchling_connector.domain.channels import ChannelKind
from benchling_connector.domain.errors import ConfigurationError, Refused, TransientError
from benchling_connector.domain.lifecycle import Mode
from benchling_connector.platform.alerts import AlertFilter
from benchling_connector.platform.channels import NewChannel
from tests.watched import ADMIN, Watched

SECRET = "https://hooks.example.com/secret"
BROKEN = ("raised", "lake-failing")
MENDED = ("resolved", "lake-failing")


async def channel(watched: Watched, name: str = "ops", **more: object) -> str:
    new = NewChannel(name, ChannelKind.WEBHOOK, {"url": SECRET}, **more)  # type: ignore[arg-type]
    return (await watched.services.outward.channels.create(new, ADMIN)).channel_id


async def at_work(watched: Watched) -> None:
    await watched.connector()
    await watched.worker()


async def calm_down(watched: Watched) -> list[tuple[str, str]]:
    """Well for more than a minute, looked at twice."""
    await watched.says("HEALTHY")
    told = await watched.look()
    watched.clock.advance(seconds=61)
    await watched.says("HEALTHY")
    return told + await watched.look()


async def test_trouble_is_told_once_and_so_is_its_end(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    assert await watched.look() == []
    await watched.says("CRITICAL", "lake-failing")
    assert await watched.look() == [BROKEN]
    assert await watched.look() == []
    assert await calm_down(watched) == [MENDED]
    assert await watched.look() == []


async def test_an_open_alert_is_listed_and_closes(watched: Watched) -> None:
    await at_work(watched)
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    (alert,) = (await watched.services.alerts.list(AlertFilter(is_open=True))).rows
    assert (alert.connector_name, alert.code, alert.resolved_at) == (
        "name of c1",
        "lake-failing",
        None,
    )
    assert await watched.services.alerts.count_open() == {"c1": 1}
    await calm_down(watched)
    assert (await watched.services.alerts.list(AlertFilter(is_open=True))).rows == ()
    (alert,) = (await watched.services.alerts.list(AlertFilter("c1"))).rows
    assert alert.resolved_at == watched.clock.now()


async def test_trouble_that_comes_back_later_is_told_again(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    for _ in range(2):
        await watched.says("CRITICAL", "lake-failing")
        assert await watched.look() == [BROKEN]
        assert await calm_down(watched) == [MENDED]


async def test_a_worker_that_flaps_makes_one_alert(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    told = []
    for _ in range(10):
        await watched.says("CRITICAL", "lake-failing")
        told += await watched.look()
        watched.clock.advance(seconds=20)
        await watched.says("HEALTHY")
        told += await watched.look()
        watched.clock.advance(seconds=20)
    assert told == [BROKEN]


async def test_each_channel_gets_the_kinds_that_it_wants(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched, "all")
    await channel(watched, "letters", wanted=[AlertKind.DEAD_LETTERS])
    await channel(watched, "off", enabled=False)
    await watched.says("CRITICAL", "lake-failing")
    assert await watched.look() == [BROKEN]
    await watched.measured(dead_letter_messages=2.0)
    assert await watched.look() == [("raised", "dead-letters-waiting")] * 2


async def test_a_notice_that_fails_is_tried_again_with_growing_pauses(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    watched.outbox.failing = True
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    (alert,) = (await watched.services.alerts.list(AlertFilter())).rows
    pauses = []
    for _ in range(4):
        (delivery,) = await watched.services.outward.notices.of_alert(alert.alert_id)
        assert (delivery.error, delivery.next_at is None) == ("nobody there", False)
        assert delivery.next_at is not None
        pauses.append((delivery.next_at - watched.clock.now()).total_seconds())
        watched.clock.at = delivery.next_at
        await watched.services.outward.notices.deliver()
    assert pauses == [10, 20, 40, 80]
    watched.outbox.failing = False
    watched.clock.advance(minutes=15)
    await watched.services.outward.notices.deliver()
    assert watched.outbox.told() == [BROKEN]


async def test_after_a_day_a_notice_is_given_up_and_its_error_kept(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    watched.outbox.failing = True
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    watched.clock.advance(days=1)
    await watched.services.outward.notices.deliver()
    watched.clock.advance(days=1)
    assert await watched.services.outward.notices.deliver() == 0
    (alert,) = (await watched.services.alerts.list(AlertFilter())).rows
    (delivery,) = await watched.services.outward.notices.of_alert(alert.alert_id)
    assert (delivery.next_at, delivery.delivered_at, delivery.error) == (None, None, "nobody there")


async def test_a_notice_is_sent_again_under_the_same_id_after_a_crash_in_between(
    watched: Watched,
) -> None:
    await at_work(watched)
    await channel(watched)
    notices = watched.services.outward.notices
    delivered = notices._delivered

    async def crash(_: object) -> None:
        raise KeyError("killed between sending and writing it down")

    notices._delivered = crash  # type: ignore[method-assign, assignment]
    await watched.says("CRITICAL", "lake-failing")
    with pytest.raises(KeyError):
        await watched.look()
    notices._delivered = delivered  # type: ignore[method-assign]
    assert await watched.look() == []
    watched.clock.advance(seconds=60)
    await watched.says("CRITICAL", "lake-failing")
    assert await watched.look() == [BROKEN]
    first, second = (notice.notice_id for _, notice in watched.outbox.sent)
    assert first == second


@pytest.mark.parametrize("how", ["deleted", "switched off"])
@pytest.mark.parametrize("heard", [True, False])
async def test_a_channel_that_is_gone_or_off_is_told_no_more(
    watched: Watched, how: str, heard: bool
) -> None:
    await at_work(watched)
    made = await channel(watched)
    watched.outbox.failing = not heard
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    channels = watched.services.outward.channels
    if how == "deleted":
        await channels.delete(made, ADMIN)
    else:
        await channels.change(made, ADMIN, enabled=False)
    watched.outbox.failing = False
    await calm_down(watched)
    watched.clock.advance(hours=1)
    assert await watched.look() == []
    async with watched.services.desk.reading() as connection:
        due = select(deliveries.c.id).where(deliveries.c.next_at.is_not(None))
        assert (await connection.scalars(due)).all() == []


async def test_who_has_not_heard_of_trouble_need_not_hear_of_its_end(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    watched.outbox.failing = True
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    await calm_down(watched)
    watched.outbox.failing = False
    watched.clock.advance(hours=1)
    assert await watched.services.outward.notices.deliver() == 0


async def test_two_platforms_that_look_at_once_tell_once(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    await watched.says("CRITICAL", "lake-failing")
    import asyncio

    look = watched.services.outward.watching.look
    await asyncio.gather(look(), look(), look())
    assert watched.outbox.told() == [BROKEN]


async def test_a_worker_that_went_silent_is_told_of_for_as_long_as_it_is(
    watched: Watched,
) -> None:
    await at_work(watched)
    await channel(watched)
    await watched.look()
    watched.clock.advance(seconds=91)
    assert await watched.look() == [("raised", "worker-silent")]
    watched.clock.advance(days=3)
    assert ("resolved", "worker-silent") not in await watched.look()


async def test_a_connector_that_is_stopped_for_days_is_told_of_before_events_are_lost(
    watched: Watched,
) -> None:
    await at_work(watched)
    await channel(watched)
    await watched.look()
    await watched.change(mode=Mode.IDLE.value)
    await watched.says("HEALTHY")
    watched.clock.advance(days=9, hours=18)
    assert await watched.look() == []
    watched.clock.advance(hours=2)
    assert await watched.look() == [("raised", "events-expiring")]


async def test_silence_counts_from_the_last_message_that_any_worker_saw(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    await watched.services.alerts.change_rules(Rules(timedelta(hours=2)), ADMIN)
    watched.clock.advance(hours=1)
    seen_at = watched.clock.now().timestamp()
    await watched.says("HEALTHY")
    await watched.measured(last_message_timestamp_seconds=seen_at)
    await watched.look()
    watched.clock.advance(minutes=119)
    await watched.says("HEALTHY")
    assert await watched.look() == []
    watched.clock.advance(minutes=1)
    await watched.says("HEALTHY")
    assert await watched.look() == [("raised", "no-events")]


async def test_quarantine_is_told_of_and_over_after_an_hour(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    now = watched.clock.now()
    async with watched.services.desk.writing() as connection:
        await connection.execute(
            insert(quarantine).values(
                message_id="m1",
                connector_id="c1",
                body=b"{",
                code="event-not-json",
                sentence="s",
                receive_count=1,
                received_at=now,
                quarantined_at=now,
            )
        )
    assert await watched.look() == [("raised", "messages-quarantined")]
    watched.clock.advance(hours=1)
    assert await calm_down(watched) == [("resolved", "messages-quarantined")]


async def test_the_alerts_of_a_deleted_connector_are_over(watched: Watched) -> None:
    await at_work(watched)
    await channel(watched)
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    await watched.change(deleted_at=watched.clock.now())
    assert await watched.look() == [MENDED]


async def test_a_channels_secrets_are_encrypted_for_it_and_never_shown(watched: Watched) -> None:
    channel_id = await channel(watched)
    (shown,) = await watched.services.outward.channels.all()
    assert (shown.content, shown.secrets) == ({"host": "hooks.example.com"}, ("url",))
    async with watched.services.desk.reading() as connection:
        kept = await connection.scalar(select(alert_channels.c.secrets))
        told = await connection.scalar(select(audit.c.new))
    assert SECRET not in str(kept)
    vault = watched.services.vault
    assert vault.unseal(json.loads(str(kept))["url"], channel_id, "url") == SECRET
    with pytest.raises(ConfigurationError):
        vault.unseal(json.loads(str(kept))["url"], "another", "url")
    assert SECRET not in str(told)
    assert json.loads(str(told))["secrets"] == {"url": vault.fingerprint(SECRET)}


async def test_two_channels_of_one_name_are_refused(watched: Watched) -> None:
    await channel(watched)
    with pytest.raises(Refused) as caught:
        await channel(watched)
    assert caught.value.code == "alert-channel-taken"


async def test_a_test_takes_the_way_of_alerts_and_says_when_it_fails(watched: Watched) -> None:
    await channel(watched)
    (ops,) = await watched.services.outward.channels.all()
    await watched.services.outward.notices.test(ops, ADMIN)
    ((address, notice),) = watched.outbox.sent
    assert (address.secrets, notice.what.value) == ({"url": SECRET}, "test")
    watched.outbox.failing = True
    with pytest.raises(TransientError):
        await watched.services.outward.notices.test(ops, ADMIN)


async def test_a_deleted_channel_is_told_nothing_more(watched: Watched) -> None:
    await at_work(watched)
    channel_id = await channel(watched)
    watched.outbox.failing = True
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    assert await watched.services.outward.channels.delete(channel_id, ADMIN)
    watched.outbox.failing = False
    watched.clock.advance(hours=1)
    assert await watched.services.outward.notices.deliver() == 0
    async with watched.services.desk.reading() as connection:
        deeds = list(await connection.scalars(select(audit.c.action).order_by(audit.c.number)))
    assert deeds == ["alert-channel.created", "alert-channel.deleted"]


async def test_alerts_come_page_by_page(watched: Watched) -> None:
    for number in range(5):
        await watched.connector(f"c{number}")
        await watched.worker(f"w{number}", f"c{number}")
        await watched.says("CRITICAL", "lake-failing", f"w{number}")
    await watched.look()
    alerts, seen, cursor = watched.services.alerts, [], None
    while True:
        page = await alerts.list(AlertFilter(), 2, cursor)
        seen += [one.alert_id for one in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5


async def test_alerts_that_have_been_over_for_long_are_forgotten_and_open_ones_are_not(
    watched: Watched,
) -> None:
    await at_work(watched)
    await channel(watched)
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    await calm_down(watched)
    await watched.says("CRITICAL", "queue-failing")
    await watched.look()
    watched.clock.advance(days=90, seconds=1)
    await watched.services.outward.watching.keep()
    left = (await watched.services.alerts.list(AlertFilter())).rows
    assert [one.code for one in left] == ["queue-failing"]
