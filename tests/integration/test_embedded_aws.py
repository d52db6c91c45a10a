"""The embedded AWS stand-in: it comes up, keeps its promises while it runs, and always goes."""

import asyncio
import contextlib
import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from benchling_connector.simulator.aws import EmbeddedAws, EmbeddedAwsError
from tests.aws import SESSION, Queue, make_queue

PARENT = """
import sys
from benchling_connector.simulator.aws import EmbeddedAws
aws = EmbeddedAws()
aws.start()
print(aws.pid, flush=True)
sys.stdin.read()
"""


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def held_poll(queue: Queue) -> http.client.HTTPConnection:
    """A connection of its own on which the stand-in holds a long poll of 20 s."""
    address = urlsplit(queue.url)
    poll = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    body = json.dumps({"QueueUrl": queue.url, "WaitTimeSeconds": 20})
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AmazonSQS.ReceiveMessage",
    }
    poll.request("POST", "/", body, headers)
    # The poll's bytes are there before these are sent, and each takes several turns of the loop.
    for _ in range(3):
        await queue.attributes()
    return poll


def test_it_listens_on_loopback_only(aws: EmbeddedAws):
    assert aws.pid is not None
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(aws.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_the_environment_points_an_sdk_at_it(aws: EmbeddedAws):
    environment = aws.environment()
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint_url
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == aws.region
    assert environment["AWS_ACCESS_KEY_ID"] == aws.credentials.access_key_id


async def test_a_queue_url_is_reachable_as_it_stands(aws: EmbeddedAws, queue: Queue):
    assert queue.url.startswith(aws.endpoint_url + "/")


async def test_messages_sent_come_back_in_order_and_once(queue: Queue):
    ids = await queue.send({"n": n} for n in range(25))
    received = await queue.receive_all()
    assert [message["MessageId"] for message in received] == ids
    assert [json.loads(message["Body"])["n"] for message in received] == list(range(25))
    assert await queue.counts() == (0, 25, 0)
    assert await queue.dead_letters() == []


async def test_a_batch_settles_what_its_handles_name_and_tells_what_it_does_not_know(queue: Queue):
    await queue.send(["kept", "seen again", "deleted"])
    handles = {one["Body"]: one["ReceiptHandle"] for one in await queue.receive_all()}

    changed = await queue.client.change_message_visibility_batch(
        QueueUrl=queue.url,
        Entries=[
            {"Id": "0", "ReceiptHandle": handles["seen again"], "VisibilityTimeout": 0},
            {"Id": "1", "ReceiptHandle": "no handle", "VisibilityTimeout": 0},
        ],
    )
    deleted = await queue.client.delete_message_batch(
        QueueUrl=queue.url,
        Entries=[
            {"Id": "0", "ReceiptHandle": handles["deleted"]},
            {"Id": "1", "ReceiptHandle": "no handle"},
        ],
    )

    for answer in (changed, deleted):
        assert [one["Id"] for one in answer["Successful"]] == ["0"]
        assert [(one["Id"], one["SenderFault"]) for one in answer["Failed"]] == [("1", True)]
    assert await queue.counts() == (1, 1, 0)
    assert [one["Body"] for one in await queue.receive_all()] == ["seen again"]


async def test_a_message_received_too_often_is_dead_lettered(aws: EmbeddedAws):
    async with SESSION.create_client("sqs", **aws.client_arguments()) as client:
        queue = await make_queue(client, max_receive_count=1)
        await queue.send(["poison"])
        once = await client.receive_message(QueueUrl=queue.url, VisibilityTimeout=0)
        assert len(once["Messages"]) == 1
        assert await queue.receive_all() == []
        assert [message["Body"] for message in await queue.dead_letters()] == ["poison"]


async def test_a_long_poll_that_its_client_gave_up_takes_no_message(queue: Queue):
    poll = await held_poll(queue)
    poll.close()
    for _ in range(3):
        await queue.attributes()
    await queue.send(["still here"])
    assert [message["Body"] for message in await queue.receive_all()] == ["still here"]


async def test_only_partner_sources_put_partner_events(aws: EmbeddedAws):
    async with SESSION.create_client("events", **aws.client_arguments()) as client:
        entry = {"Source": "acme.lims", "DetailType": "t", "Detail": "{}"}
        answer = await client.put_partner_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 1
    assert "ErrorCode" in answer["Entries"][0]


async def test_stopping_answers_a_long_poll_at_once():
    async with (
        EmbeddedAws() as aws,
        SESSION.create_client("sqs", **aws.client_arguments()) as client,
    ):
        queue = await make_queue(client)
        poll = await held_poll(queue)
        await asyncio.to_thread(aws.stop)
        with contextlib.closing(poll):
            answer = poll.getresponse()
            assert answer.status == http.client.OK
            assert "Messages" not in json.loads(answer.read())
        assert not aws.running


async def test_a_folder_keeps_queues_and_their_urls_between_runs(tmp_path: Path):
    async with (
        EmbeddedAws(tmp_path) as aws,
        SESSION.create_client("sqs", **aws.client_arguments()) as client,
    ):
        queue = await make_queue(client)
        await queue.send(["kept"])
    async with (
        EmbeddedAws(tmp_path) as aws,
        SESSION.create_client("sqs", **aws.client_arguments()) as client,
    ):
        answer = await client.receive_message(QueueUrl=queue.url)
        assert [message["Body"] for message in answer["Messages"]] == ["kept"]


def test_a_port_in_use_is_refused_with_a_remedy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stand_in = EmbeddedAws(port=port)
        with pytest.raises(EmbeddedAwsError, match=rf"{port}.*choose another"):
            stand_in.start()
    assert stand_in.pid is None


def test_a_remembered_port_that_is_taken_gives_way_to_a_free_one(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "port").write_text(str(port))
        with EmbeddedAws(tmp_path) as aws:
            assert aws.endpoint_url != f"http://127.0.0.1:{port}"
            assert aws.running


def test_without_ministack_the_remedy_is_the_extra(monkeypatch: pytest.MonkeyPatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "ministack" else find_spec(name, *more),
    )
    with pytest.raises(EmbeddedAwsError, match=r"pip install 'benchling-connector\[demo\]'"):
        EmbeddedAws().start()


def test_it_dies_with_a_parent_that_is_killed_and_tidies_up(tmp_path: Path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        assert list(tmp_path.iterdir())
        parent.kill()
        parent.wait()
        until(lambda: gone(pid))
    assert list(tmp_path.iterdir()) == []


def test_sigterm_ends_it_cleanly_and_sigint_does_not():
    with EmbeddedAws() as aws:
        assert aws.pid is not None
        os.kill(aws.pid, signal.SIGINT)
        assert aws.running
        os.kill(aws.pid, signal.SIGTERM)
        until(lambda: not aws.running)
        assert aws.exit_status == 0
