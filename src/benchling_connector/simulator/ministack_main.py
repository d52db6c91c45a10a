"""Runs the AWS stand-in as a child process: `python -m` and this module's name.

Takes `--port` (0: a free one) and `--scratch`, a folder to remove at the end. Binds to 127.0.0.1
only and prints one line of JSON, `{"port": N}`, to stdout as soon as connections are accepted.
Ends cleanly, with its state saved when `PERSIST_STATE=1`, on SIGTERM, when stdin is closed, or
when its parent is gone. SIGINT is the parent's to handle: at a Ctrl-C the queue has to outlive
the connector that drains it.

What ministack lacks of AWS is mended first, see `ministack_mends`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import threading
from typing import Any, cast

from benchling_connector.simulator.ministack_mends import mend, over_loopback
from benchling_connector.simulator.ministack_speed import quicken

HOST = "127.0.0.1"
_PARENT_POLL_SECONDS = 1.0
_LAST_WORD_SECONDS = 10.0


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((HOST, port))
    # Listening from here on: whoever connects before the server is up waits instead of failing.
    listener.listen(128)
    return listener


def _end_with_parent(parent: int) -> None:
    """Blocks until stdin ends or `parent` is not the parent any more, then ends this process."""
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _PARENT_POLL_SECONDS)
        if readable and not os.read(0, 4096):
            break
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_LAST_WORD_SECONDS)
    os._exit(1)


async def _serve(listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    stopping = asyncio.Event()
    mend(stopping)
    quicken()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.loglevel = os.environ.get("LOG_LEVEL", "WARNING")

    async def stop() -> None:
        await stopping.wait()

    await serve(cast("Any", over_loopback(app)), config, shutdown_trigger=stop)


def main() -> None:
    """Starts the stand-in and stays until it is told to stop."""
    parser = argparse.ArgumentParser(description="The embedded AWS stand-in.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--scratch", help="folder to remove at the end")
    arguments = parser.parse_args()
    port = arguments.port

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        listener = _bind(port)
    except OSError as error:
        sys.exit(f"{HOST}:{port} cannot be opened: {error.strerror}")
    port = listener.getsockname()[1]
    # ministack reads these while it is imported.
    os.environ.update(GATEWAY_PORT=str(port), MINISTACK_HOST=HOST, BIND_HOST=HOST)
    print(json.dumps({"port": port}), flush=True)  # noqa: T201 - the answer to the parent
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(listener))
    if arguments.scratch:
        # A parent that was killed cannot do it any more.
        shutil.rmtree(arguments.scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
