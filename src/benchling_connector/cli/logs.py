"""Structured logs on stderr: JSON lines, or coloured lines on a terminal."""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["set_up_logs"]


def set_up_logs(
    *, terminal: bool | None = None, level: str = "info", to: TextIO | None = None
) -> None:
    """Sets up structlog, and the libraries' loggers to say what they must the same way.

    A line is one JSON object: `at` (UTC), `level`, `action` (a fixed word) and ids as fields.
    """
    stream = to or sys.stderr
    pretty = stream.isatty() if terminal is None else terminal
    processors: list[Processor] = [
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
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_ToStructlog()], level=logging.WARNING, force=True)
    # What they say beside is said by our own lines, once and with a remedy.
    for chatty in ("aiobotocore", "botocore", "aiohttp.client", "aiohttp.server", "alembic"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


class _ToStructlog(logging.Handler):
    """Passes what libraries log on, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        logger.log(record.levelno, "library.said", library=record.name, text=record.getMessage())


def _action_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = {"at": event.pop("at"), "level": event.pop("level"), "action": event.pop("event")}
    return {**first, **event}
