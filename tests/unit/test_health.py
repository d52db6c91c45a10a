"""Health is what the worst finding makes of it."""

import pytest

from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.domain.health import CRITICAL_AFTER_S, Finding, State, health_of

REFUSED = ConfigurationError("benchling-credentials-refused")
FAILING = TransientError("benchling-failing", "GET /api/v2/entries answered 500.")


@pytest.mark.parametrize(
    ("findings", "tls_off", "state", "code"),
    [
        ([], False, State.HEALTHY, None),
        ([], True, State.WARNING, "tls-verification-off"),
        ([Finding(FAILING, 1)], True, State.WARNING, "benchling-failing"),
        ([Finding(FAILING, CRITICAL_AFTER_S)], False, State.CRITICAL, "benchling-failing"),
        ([Finding(FAILING, 9), Finding(REFUSED, 1)], False, State.CRITICAL, REFUSED.code),
        ([Finding(FAILING, 500), Finding(REFUSED, 1)], False, State.CRITICAL, "benchling-failing"),
    ],
)
def test_the_worst_finding_decides(findings, tls_off, state, code) -> None:
    health = health_of(findings, tls_verification_off=tls_off)
    assert (health.state, health.code) == (state, code)
    assert (health.remedy is None) == (code is None)
    assert (health.sentence is None) == (code is None)
