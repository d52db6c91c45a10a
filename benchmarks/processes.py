"""What benchmarks start and measure: a tenant of its own, processes, their memory and CPU."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil

__all__ = [
    "Finished",
    "TenantProcess",
    "cpu_seconds",
    "measured",
    "run_process",
    "start_process",
    "tenant_process",
]

LOOKS_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended: seconds it took, its peak memory in bytes, and its CPU seconds."""

    status: int
    seconds: float
    peak_rss: int
    cpu_s: float


class TenantProcess:
    """A simulated tenant in a process of its own, by its control API."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer to a control call."""
        return json.loads(self._call(method, path, body))

    def events(self, wanted: dict[str, Any]) -> list[str]:
        """The bodies of messages with new events, as `POST events` is asked for them."""
        answer = self._call("POST", "events", wanted)
        made = msgspec.json.decode(answer, type=dict[str, list[msgspec.Raw]])["events"]
        return [bytes(one).decode() for one in made]

    def api_calls(self) -> int:
        """Answered calls since the last reset."""
        return int(self.call("GET", "stats")["total"])

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> bytes:
        request = urllib.request.Request(
            f"{self.url}/_simulator/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            return bytes(answer.read())


@contextmanager
def tenant_process(*options: str) -> Iterator[TenantProcess]:
    """Starts a simulated tenant; ends it with the block."""
    command = [sys.executable, "-m", "benchling_connector.simulator", "--no-event-log", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield TenantProcess(json.loads(process.stdout.readline())["url"], process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def measured(process: subprocess.Popen[Any], begun: float | None = None) -> Finished:
    """Waits for a process and watches its memory. `begun`: when it did, by the monotonic clock."""
    begun, peak, cpu_s = time.monotonic() if begun is None else begun, 0, 0.0
    while process.returncode is None:
        peak = max(peak, _high_water(process.pid))
        # Its end and what it used up, in one: a look at a process that has ended is too late.
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu_s = usage.ru_utime + usage.ru_stime
        else:
            time.sleep(LOOKS_EVERY_S)
    return Finished(process.returncode, time.monotonic() - begun, peak, cpu_s)


def _high_water(pid: int) -> int:
    """Bytes of memory at their most so far, where the system tells it; else now."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return int(psutil.Process(pid).memory_info().rss)
    except (OSError, psutil.Error):
        return 0


def start_process(
    command: Sequence[str], environment: dict[str, str], log: Path
) -> subprocess.Popen[Any]:
    """Starts a command, its output in a file. Whoever starts it waits for it."""
    with log.open("w") as output:
        return subprocess.Popen(
            list(command), env={**os.environ, **environment}, stdout=output, stderr=output
        )


async def run_process(command: Sequence[str], environment: dict[str, str], log: Path) -> Finished:
    """Runs a command to its end, its output in a file. Raises `AssertionError` where it failed."""
    process = start_process(command, environment, log)
    try:
        finished = await asyncio.to_thread(measured, process)
    except asyncio.CancelledError:
        process.kill()
        raise
    assert finished.status == 0, log.read_text()[-2000:]
    return finished
