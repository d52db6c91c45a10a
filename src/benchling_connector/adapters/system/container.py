"""CPU and memory: of this process, and of the container it runs in, as its cgroup tells them.

A container is a cgroup, of version 2 or 1. Where there is none that tells, the machine takes its
place.
"""

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["measure"]

_CGROUP = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")

_NONE_BYTES = 1 << 60
"""Version 1 writes a number beyond this where there is no limit."""
_MICRO, _NANO = 1e-6, 1e-9

_Ask = Callable[[Path], float | None]


def measure(cgroup: Path = _CGROUP, own: Path = _OWN) -> dict[str, float]:
    """Numbers by name, in seconds, bytes and cores; see `domain/samples.py`."""
    import psutil  # slow to import, and nothing needs it in the first seconds

    process = psutil.Process(os.getpid())
    times = process.cpu_times()
    groups = _groups(cgroup, own)
    machine = psutil.virtual_memory()
    used = _first(groups, _memory_used)
    limit = _least(groups, _memory_limit)
    cpu = _first(groups, _cpu_used)
    cores = _least(groups, _cpu_limit)
    busy = psutil.cpu_times()
    all_cores = float(psutil.cpu_count() or 1)
    return {
        "process_cpu_seconds": times.user + times.system,
        "process_memory_bytes": float(process.memory_info().rss),
        "container_cpu_seconds": busy.user + busy.system if cpu is None else cpu,
        "container_cpu_limit_cores": min(all_cores, cores or all_cores),
        "container_memory_bytes": float(machine.used) if used is None else used,
        "container_memory_limit_bytes": float(min(machine.total, limit or machine.total)),
    }


def _groups(cgroup: Path, own: Path) -> list[Path]:
    """The folders of this process's cgroups, each before those above it."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    found: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and not {"memory", "cpu", "cpuacct"} & set(controllers.split(",")):
            continue
        for root in (
            cgroup / controllers,
            *(cgroup / one for one in controllers.split(",") if one),
        ):
            folder = root / path.lstrip("/")
            # In a container its own folder may be mounted as the root, whatever its path outside.
            folder = folder if folder.is_dir() else root
            while folder != root.parent and folder.is_dir():
                found.append(folder)
                folder = folder.parent
    return list(dict.fromkeys(found))


def _memory_used(group: Path) -> float | None:
    used, cache = _number(group / "memory.current"), "inactive_file"
    if used is None:
        used, cache = _number(group / "memory.usage_in_bytes"), "total_inactive_file"
    return None if used is None else max(used - (_stat(group / "memory.stat", cache) or 0.0), 0.0)


def _memory_limit(group: Path) -> float | None:
    limit = _number(group / "memory.max")
    if limit is None:
        limit = _number(group / "memory.limit_in_bytes")
    return None if limit is None or limit >= _NONE_BYTES else limit


def _cpu_used(group: Path) -> float | None:
    used = _stat(group / "cpu.stat", "usage_usec")
    if used is not None:
        return used * _MICRO
    used = _number(group / "cpuacct.usage")
    return None if used is None else used * _NANO


def _cpu_limit(group: Path) -> float | None:
    quota, _, period = _text(group / "cpu.max").partition(" ")
    if not quota:
        quota = _text(group / "cpu.cfs_quota_us")
        period = _text(group / "cpu.cfs_period_us")
    try:
        cores = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):
        return None  # `max`, or not told
    return cores if cores > 0 else None


def _first(groups: list[Path], ask: _Ask) -> float | None:
    return next((value for group in groups if (value := ask(group)) is not None), None)


def _least(groups: list[Path], ask: _Ask) -> float | None:
    return min((value for group in groups if (value := ask(group)) is not None), default=None)


def _stat(file: Path, name: str) -> float | None:
    for line in _text(file).splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return float(value)
    return None


def _number(file: Path) -> float | None:
    try:
        return float(_text(file))
    except ValueError:
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
