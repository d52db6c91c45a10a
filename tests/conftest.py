"""What all tests share."""

import hypothesis

from tests.aws import aws, queue  # noqa: F401 - fixtures
from tests.postgres import postgres  # noqa: F401 - fixtures

# Machines of many speeds run these tests: what counts is the claim, not the time.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")
