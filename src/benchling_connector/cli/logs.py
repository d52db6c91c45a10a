"""Structured logs on stderr: JSON lines, or coloured lines on a terminal."""

import logging
import os
import sys
from pathlib import Path
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["limit_log", "set_log_level", "set_up_logs"]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
KEPT = 3
"""Files that a log was before, `….1` the newest."""


def set_up_logs(
    *, terminal: bool | None = None, level: str = "info", to: TextIO | None = None
) -> None:
    """Sets up structlog, and the libraries' loggers to say what they must the same way.

    A line is one JSON object: `at` (UTC), `level`, `action` (a fixed word) and ids as fields.
    """
    stream = to or sys.stderr
    set_log_level(level)
    pretty = stream.isatty() if terminal is None else terminal
    processors: list[Processor] = [
        _loud_enough,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp" if pretty else "at"),
    ]
    if pretty:
        processors.append(
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        )
    else:
        processors += [
            structlog.processors.format_exc_info,
            _action_first,
            structlog.processors.JSONRenderer(),
        ]
    structlog.configure(
        processors=processors,
        # Everything comes to the processors: loggers are made once, and the level may change.
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_ToStructlog()], level=logging.WARNING, force=True)
    # What they say beside is said by our own lines, once and with a remedy.
    for chatty in ("aiobotocore", "botocore", "aiohttp.client", "aiohttp.server", "alembic"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


_threshold = logging.INFO


def set_log_level(level: str) -> None:
    """From now on what is below `debug`, `info`, `warning` or `error` is not logged."""
    global _threshold
    _threshold = LEVELS[level.lower()]


def _loud_enough(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if LEVELS.get(method, logging.ERROR) < _threshold:
        raise structlog.DropEvent
    return event


def limit_log(path: Path, most_bytes: int) -> None:
    """Begins a new file for what goes to stderr, which is this file, if it is larger than that.

    Nothing is lost: whoever writes next writes to the new one.
    """
    if path.stat().st_size <= most_bytes:
        return
    for number in range(KEPT, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
        if newer.exists():
            newer.replace(older)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    for standard in (sys.stdout, sys.stderr):
        os.dup2(file, standard.fileno())
    os.close(file)


class _ToStructlog(logging.Handler):
    """Passes what libraries log on, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        logger.log(record.levelno, "library.said", library=record.name, text=record.getMessage())


def _action_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = {"at": event.pop("at"), "level": event.pop("level"), "action": event.pop("event")}
    return {**first, **event}
