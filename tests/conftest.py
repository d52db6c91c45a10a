"""What all tests share."""

import hypothesis
import structlog

from tests.aws import aws, queue  # noqa: F401 - fixtures
from tests.postgres import postgres  # noqa: F401 - fixtures

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
