"""Fixtures of the suites that run over several implementations of a port."""

from tests.postgres import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]
