"""The endpoint that a queue is asked by, as AWS's own tools would choose it."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.utils import is_valid_uri, validate_region_name

from benchling_connector.adapters.aws import configured_endpoint
from benchling_connector.adapters.sqs.errors import NOT_FOUND
from benchling_connector.domain.errors import ConfigurationError
from benchling_connector.domain.queue_url import QueueAddress

if TYPE_CHECKING:
    from aiobotocore.session import AioSession

__all__ = ["endpoint_of"]


def endpoint_of(address: QueueAddress, region: str, session: "AioSession") -> str:
    """The URL to ask: the queue's own host if it is a particular one, else what the environment or
    the profile says, else the Region's.

    Raises `ConfigurationError` (`queue-not-found`) when that cannot be the URL of an endpoint, and
    botocore's errors for a Region that cannot be one and a profile that cannot be read.
    """
    validate_region_name(region)
    endpoint = (
        address.endpoint_url
        or configured_endpoint(session, "sqs")
        or _of_region(address, region, session)
    )
    if not is_valid_uri(endpoint):  # no host with an underscore, for one
        raise ConfigurationError(NOT_FOUND, f"{endpoint} cannot be an endpoint of SQS.")
    return endpoint


def _of_region(address: QueueAddress, region: str, session: "AioSession") -> str:
    suffix = (urlsplit(address.queue_url).hostname or "").removeprefix(f"sqs.{region}.")
    fips = session.get_config_variable("use_fips_endpoint")
    dual = session.get_config_variable("use_dualstack_endpoint")
    if dual:
        partitions = session.get_component("data_loader").load_data("partitions")["partitions"]
        suffixes = {one["outputs"]["dnsSuffix"]: one["outputs"] for one in partitions}
        suffix = str(suffixes[suffix]["dualStackDnsSuffix"])
    elif region.startswith("us-gov-"):
        fips = False  # its standard endpoints are FIPS endpoints
    return f"https://sqs{'-fips' if fips else ''}.{region}.{suffix}"
