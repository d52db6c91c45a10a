"""Forks processes of the program that have everything imported: `python -m` and this name.

Takes a line of JSON on stdin for each, `{"arguments": […], "log": path}`; says on stdout
`{"pid": N}` when it lives, and `{"pid": N, "status": S}` when it has ended. Ends with stdin, and
takes those that live with it.
"""

import contextlib
import gc
import json
import os
import select
import signal
import sys
from importlib import import_module

from benchling_connector.cli.main import main

# What `run` imports in the end, some of it late.
IMPORTED = (
    *("benchling_connector.cli.run", "benchling_connector.adapters.lake.objects", "yaml"),
    "benchling_connector.adapters.status",
    *("alembic.command", "alembic.config", "aiosqlite", "asyncpg", "sqlalchemy.dialects.sqlite"),
    *("sqlalchemy.dialects.postgresql", "aiobotocore.session", "aiohttp", "rich.live"),
)


def serve() -> list[str]:
    """Forks what is asked for. Returns in the children only: the arguments of each."""
    ears, mouth = os.pipe()
    os.set_blocking(mouth, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # Else a signal for the whole group would leave the children behind.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.set_wakeup_fd(mouth)
    alive: set[int] = set()
    text = b""
    while True:
        readable, _, _ = select.select([0, ears], [], [])
        if ears in readable:
            os.read(ears, 4096)
            _bury(alive)
        if 0 not in readable:
            continue
        more = os.read(0, 65536)
        if not more:
            for pid in alive:
                os.kill(pid, signal.SIGKILL)
            while alive:
                _bury(alive)
            sys.exit()
        *lines, text = (text + more).split(b"\n")
        for line in lines:
            wish = json.loads(line)
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                _become(wish["log"], ears, mouth)
                return list(wish["arguments"])
            alive.add(pid)
            _say({"pid": pid})


def _become(log: str, *inherited: int) -> None:
    """stdin from nowhere, stdout and stderr into the log, nothing of the forker's."""
    for descriptor in inherited:
        os.close(descriptor)
    for path, flags, numbers in (
        (os.devnull, os.O_RDONLY, (0,)),
        (log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, (1, 2)),
    ):
        descriptor = os.open(path, flags)
        for number in numbers:
            os.dup2(descriptor, number)
        os.close(descriptor)


def _bury(alive: set[int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            alive.discard(pid)
            _say({"pid": pid, "status": os.waitstatus_to_exitcode(status)})


def _say(what: dict[str, int]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    for name in IMPORTED:
        import_module(name)
    gc.freeze()
    sys.argv = ["benchling-connector", *serve()]
    main()
