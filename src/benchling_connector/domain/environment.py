"""How the environment names the keys of the configuration."""

__all__ = ["ENVIRONMENT_PREFIX"]

ENVIRONMENT_PREFIX = "BENCHLING_CONNECTOR_"
