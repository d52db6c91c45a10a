"""A client secret that is empty: where it would stand."""

from benchling_connector.domain.errors import ConfigurationError
from benchling_connector.settings import Sources

__all__ = ["secret_missing"]


def secret_missing(load: Sources) -> ConfigurationError:
    """The error for a client secret that is there and empty."""
    sentence = f"The client secret is empty: nothing stands in {load.place_of('client_secret')}."
    return ConfigurationError("client-secret-missing", sentence)
