"""What all tests share."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import structlog

from tests.aws import aws, queue  # noqa: F401 - fixtures
from tests.postgres import postgres  # noqa: F401 - fixtures

_configure = structlog.configure


def _configure_uncached(**settings: Any) -> None:
    """A logger that is kept after its first use would not notice the next configuration."""
    _configure(**{**settings, "cache_logger_on_first_use": False})


structlog.configure = _configure_uncached  # type: ignore[assignment]

# Drawing a traceback with all its variables takes longer than the tests.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)

# Machines of many speeds run these tests: what counts is the claim, not the time.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The program sets logs up for its whole process; a test is only a guest in this one."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
