"""Everything that a worker imports, for the process that workers are forked from."""

import gc
from importlib import import_module

from setproctitle import setproctitle

__all__ = ["MODULES"]

MODULES = (
    "aiosqlite",
    "asyncpg",
    "psutil",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "benchling_connector.assembly",
    "benchling_connector.cli.hosting",
    "benchling_connector.cli.main",
    "benchling_connector.cli.run",
    "benchling_connector.platform.vault",
    "benchling_connector.worker.carrying",
    "benchling_connector.worker.commands",
)

for _name in MODULES:
    import_module(_name)

setproctitle("benchling-connector serve: workers are forked from here")
# A worker's collector would look through it all, and so make a copy of it.
gc.collect()
gc.freeze()
