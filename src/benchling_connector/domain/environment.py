"""How the environment names the keys of the configuration, and what else it tells."""

__all__ = ["ENVIRONMENT_PREFIX", "PLATFORM_KEY", "PLATFORM_KEY_FILE", "PLATFORM_VARIABLES"]

ENVIRONMENT_PREFIX = "BENCHLING_CONNECTOR_"

PLATFORM_KEY = f"{ENVIRONMENT_PREFIX}PLATFORM_KEY"
PLATFORM_KEY_FILE = f"{ENVIRONMENT_PREFIX}PLATFORM_KEY_FILE"

PLATFORM_VARIABLES = frozenset({PLATFORM_KEY, PLATFORM_KEY_FILE})
"""Of the platform: no keys of a connector's configuration."""
