"""What benchmarks start and measure: a tenant of its own, a queue, a process and its memory."""

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

import psutil

__all__ = ["Finished", "TenantProcess", "measured", "run_process", "tenant_process"]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended: seconds it took, its peak memory in bytes, and its CPU seconds."""

    status: int
    seconds: float
    peak_rss: int
    cpu_s: float


class TenantProcess:
    """A simulated tenant in a process of its own, by its control API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_simulator/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            return json.load(answer)

    def api_calls(self) -> int:
        """Answered calls since the last reset."""
        return int(self.call("GET", "stats")["total"])


@contextmanager
def tenant_process(*options: str) -> Iterator[TenantProcess]:
    """Starts a simulated tenant; ends it with the block."""
    command = [sys.executable, "-m", "benchling_connector.simulator", "--no-event-log", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield TenantProcess(json.loads(process.stdout.readline())["url"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def measured(process: subprocess.Popen[Any]) -> Finished:
    """Waits for a process and watches its memory."""
    begun, peak, cpu = time.monotonic(), 0, 0.0
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
            times = watched.cpu_times()
            cpu = times.user + times.system
        except psutil.Error:
            break
        time.sleep(0.02)
    return Finished(process.wait(), time.monotonic() - begun, peak, cpu)


async def run_process(command: Sequence[str], environment: dict[str, str], log: Path) -> Finished:
    """Runs a command to its end, its output in a file."""
    with log.open("w") as output:
        process = subprocess.Popen(
            list(command), env={**os.environ, **environment}, stdout=output, stderr=output
        )
        return await asyncio.to_thread(measured, process)
