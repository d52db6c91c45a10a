"""A name for this process that no other has, and whether the process of a name has ended.

Only Linux tells enough: the boot, the namespace that a process ID belongs to, and when the process
of that ID began. Elsewhere there is no name, and nobody can be told to be gone.
"""

import os
from pathlib import Path

__all__ = ["is_gone", "own_name"]

_PROC = Path("/proc")
_ENDED = (b"Z", b"X", b"x")
"""States of processes that do nothing any more, though their parents have not noticed."""
_UNTOLD = "untold"
"""The start of a process that is there, and of which the system does not tell it."""


def own_name() -> str | None:
    """`boot/namespace/pid/start` of this process; None where the system does not tell."""
    start = _start_of(os.getpid())
    world = _world()
    return f"{world}/{os.getpid()}/{start}" if world and start not in (None, _UNTOLD) else None


def is_gone(name: str) -> bool:
    """Whether the process of this name has ended for sure; False for one of another machine."""
    world, _, rest = name.rpartition("/")
    world, _, pid = world.rpartition("/")
    if not world or world != _world() or not pid.isdecimal():
        return False
    return _start_of(int(pid)) not in (rest, _UNTOLD)


def _world() -> str | None:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        # A process ID means something in its namespace only, and /proc shows one of them.
        namespace = (_PROC / "self/ns/pid").readlink()
        if str((_PROC / "self").readlink()) != str(os.getpid()):
            return None
    except OSError:
        return None
    return f"{boot}/{namespace}"


def _start_of(pid: int) -> str | None:
    """Clock ticks from the boot to the begin of a process; None when it has ended, `_UNTOLD`
    when it may be there."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        # Of other users' processes a /proc with `hidepid` shows nothing.
        return None if _is_free(pid) else _UNTOLD
    except OSError:
        return _UNTOLD
    # The name before may hold spaces and parentheses.
    fields = stat.rpartition(b")")[2].split()
    return None if fields[0] in _ENDED else fields[19].decode()


def _is_free(pid: int) -> bool:
    """Whether no process has this ID, as signals tell, which see those of other users, too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
