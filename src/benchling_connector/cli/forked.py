"""A verb in a process that was forked from one which has imported all of it."""

import shlex
import sys

__all__ = ["PRELOAD", "work"]

PRELOAD = "benchling_connector.cli.preload"
"""What such a process's parent imports."""


def work(*arguments: str) -> None:
    """Does what the command line with these arguments does, and looks like it in a list of
    processes."""
    from setproctitle import setproctitle

    setproctitle(shlex.join(["benchling-connector", *arguments]))
    sys.argv = ["benchling-connector", *arguments]
    from benchling_connector.cli.main import main

    main()
