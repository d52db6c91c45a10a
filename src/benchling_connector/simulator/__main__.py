"""A simulated tenant as a process: `python -m benchling_connector.simulator --port 0`.

Prints one line of JSON with its URL and credentials as soon as it answers; ends with status 0 on
SIGTERM or SIGINT. `control` documents the calls below `/_simulator/`.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence

from benchling_connector.simulator.behaviour import Behaviour, Latency
from benchling_connector.simulator.control import Control
from benchling_connector.simulator.limits import RateLimit
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    Tenant,
)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchling_connector.simulator", description="A simulated Benchling tenant."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    add("--seed", type=int, default=1, help="same seed, same tenant (%(default)s)")
    add("--resources", type=int, default=0, help="resources at the start, over all families")
    add("--resource-bytes", type=int, default=0, help="fill each resource up to this size")
    add("--client-id", default=DEFAULT_CLIENT_ID, help="the app's client ID (%(default)s)")
    add("--client-secret", default=DEFAULT_CLIENT_SECRET, help="the app's secret (%(default)s)")
    add("--token-lifetime", type=int, default=900, help="seconds (%(default)s)")
    add("--rate-limit", type=int, default=300, help="calls per window and app (%(default)s)")
    add("--rate-window", type=float, default=30.0, help="seconds (%(default)s)")
    add("--latency", type=float, default=0.0, help="seconds that every answer takes")
    add("--jitter", type=float, default=0.0, help="up to so many seconds more")
    add("--no-event-log", action="store_true", help="keep List Events empty, for long runs")
    return parser


async def serve(given: argparse.Namespace) -> None:
    """Serves until SIGTERM or SIGINT."""
    tenant = Tenant(
        given.seed,
        resources=given.resources,
        resource_bytes=given.resource_bytes,
        client_id=given.client_id,
        client_secret=given.client_secret,
        token_lifetime=given.token_lifetime,
        rate_limit=RateLimit(given.rate_limit, given.rate_window),
        log_events=not given.no_event_log,
    )
    tenant.behaviour = Behaviour(latency=Latency(given.latency, given.jitter))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with TenantServer(
        tenant, host=given.host, port=given.port, control=Control(tenant)
    ) as server:
        ready = {"url": server.url, "clientId": given.client_id, "seed": given.seed}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the process."""
    asyncio.run(serve(arguments().parse_args(argv)))


if __name__ == "__main__":
    main()
