"""How long a start takes: imports, and from `exec` to the first message asked for.

Everything is measured in rounds, one thing after the other, so that a busy machine is busy for all
of them. The first receive is seen from outside, by a proxy in front of the AWS stand-in. Beside it
stand a bare interpreter, and one that imports what any such program would. Bytecode is warm.
"""

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
from aiobotocore.session import get_session

from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from benchmarks.processes import tenant_process
from benchmarks.result import Cell, Figure, Peer, Result, Table

LIBRARIES = "import aiobotocore.session, aiohttp, sqlalchemy.ext.asyncio"
RECEIVE = b"AmazonSQS.ReceiveMessage"
PATIENCE_S = 60.0
ROUNDS = 3
YARDSTICK = "the libraries"
FIRST_START, SECOND_START = "first receive, first start", "first receive, second start"


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and seconds of CPU, user and system."""

    seconds: float
    cpu_s: float


class Gatekeeper:
    """A TCP proxy on the loopback that tells when a word first passes towards the server."""

    def __init__(self, port: int, word: bytes) -> None:
        self.seen = asyncio.Event()
        self._port = port
        self._word = word
        self._talks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Listens until the block ends; gives its port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.ensure_future(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._pass_on(reader, requests, watch=True)),
                    asyncio.ensure_future(self._pass_on(answers, writer, watch=False)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            requests.close()
            writer.close()

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, watch: bool
    ) -> None:
        before = b""
        try:
            while data := await source.read(65_536):
                if watch:
                    if self._word in before + data:
                        self.seen.set()
                    before = data[-len(self._word) :]
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass


def to_the_end(command: Sequence[str]) -> Took:
    """Runs a command to its end."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = Took(time.monotonic() - began, usage.ru_utime + usage.ru_stime)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    assert process.returncode == 0, complaint.decode()[-2000:]
    return took


async def to_first_receive(
    command: Sequence[str], environment: Mapping[str, str], gatekeeper: Gatekeeper
) -> Took:
    """Starts a connector, waits until it asks for messages, and stops it."""
    gatekeeper.seen.clear()
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                await gatekeeper.seen.wait()
            seconds = time.monotonic() - began
            spent = psutil.Process(process.pid).cpu_times()
        except TimeoutError:
            process.kill()
            output.seek(0)
            raise AssertionError(output.read().decode()[-2000:]) from None
        finally:
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait)
    return Took(seconds, spent.user + spent.system)


async def bench(rounds: int) -> dict[str, list[Took]]:
    """Everything measured `rounds` times, by name."""
    python, connector = [sys.executable], [sys.executable, "-m", "benchling_connector"]
    with tempfile.TemporaryDirectory() as folder, tenant_process() as tenant:
        home = Path(folder) / "data"
        async with EmbeddedAws() as aws:
            async with get_session().create_client("sqs", **aws.client_arguments()) as sqs:
                made = await sqs.create_queue(QueueName="start")
            queue = urlsplit(str(made["QueueUrl"]))
            gatekeeper = Gatekeeper(queue.port or 80, RECEIVE)
            async with gatekeeper.open() as port:
                run = [
                    *connector, "run", "--benchling-url", tenant.url,
                    "--client-id", DEFAULT_CLIENT_ID, "--aws-region", aws.region,
                    "--sqs-url", urlunsplit(queue._replace(netloc=f"127.0.0.1:{port}")),
                    "--data-dir", str(home), "--log-level", "warning",
                ]  # fmt: skip
                environment = {
                    **aws.environment(),
                    "BENCHLING_CONNECTOR_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
                }
                del environment["AWS_ENDPOINT_URL"]  # the way past the gatekeeper
                ended = {
                    "python -c pass": [*python, "-c", "pass"],
                    YARDSTICK: [*python, "-c", LIBRARIES],
                    "import of `run`": [*python, "-c", "import benchling_connector.cli.run"],
                    "--version": [*connector, "--version"],
                    "--help": [*connector, "--help"],
                    "run --help": [*connector, "run", "--help"],
                    "status": [*connector, "status", "--data-dir", str(home)],
                    "status --json": [*connector, "status", "--json", "--data-dir", str(home)],
                    "events ls": [*connector, "events", "ls", "--data-dir", str(home)],
                    "quarantine ls": [*connector, "quarantine", "ls", "--data-dir", str(home)],
                }
                taken: dict[str, list[Took]] = {}

                async def one_round() -> None:
                    shutil.rmtree(home, ignore_errors=True)
                    for name in (FIRST_START, SECOND_START):
                        took = await to_first_receive(run, environment, gatekeeper)
                        taken.setdefault(name, []).append(took)
                    for name, command in ended.items():
                        took = await asyncio.to_thread(to_the_end, command)
                        taken.setdefault(name, []).append(took)

                await one_round()  # makes the bytecode
                taken.clear()
                for _ in range(rounds):
                    await one_round()
    return {name: taken[name] for name in (*ended, FIRST_START, SECOND_START)}


def run(*, quick: bool = False) -> Result:
    """Measures everything."""
    return measure(1 if quick else ROUNDS)


def measure(rounds: int) -> Result:
    """The same in so many rounds."""
    taken = asyncio.run(bench(rounds))
    least = {name: min(took.cpu_s for took in times) for name, times in taken.items()}
    rows: list[tuple[Cell, ...]] = []
    for name, times in taken.items():
        seconds, cpu = [took.seconds for took in times], [took.cpu_s for took in times]
        rows.append(
            (name, min(seconds), statistics.median(seconds), min(cpu), statistics.median(cpu),
             least[name] / least[YARDSTICK])
        )  # fmt: skip
    return Result(
        name="start",
        title="A start",
        about=f"{rounds} rounds, one thing after the other. The first receive is seen from "
        "outside, by a proxy in front of the AWS stand-in; the first start makes the database. "
        f"Beside it: `{LIBRARIES}` in a bare interpreter, which any such program would need.",
        figures=tuple(
            Figure(
                f"{name}, CPU at its least",
                least[name],
                "s",
                Peer(YARDSTICK, least[YARDSTICK]),
                note="seconds of CPU, user and system",
            )
            for name in (SECOND_START, FIRST_START, "--version")
        ),
        tables=(
            Table(
                "Seconds",
                ("", "seconds, least", "median", "CPU, least", "median", "beside the libraries"),
                tuple(rows),
            ),
        ),
    )


def main() -> None:
    """Prints what `measure` found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    print(measure(parser.parse_args().rounds).text())


if __name__ == "__main__":
    main()
