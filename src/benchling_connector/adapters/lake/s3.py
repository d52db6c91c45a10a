"""S3 as botocore would find it: endpoint, Region and credentials, for obstore's store.

obstore knows fewer ways to credentials than botocore (no profiles, no SSO, no chained roles), and
a connector whose queue and lake disagree about who they are is hard to explain.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import NoCredentialsError
from obstore.store import S3Store

from benchling_connector.adapters.aws import (
    FOREIGN,
    configured_endpoint,
    identity_error,
    new_session,
)
from benchling_connector.adapters.lake.address import BucketAddress
from benchling_connector.adapters.lake.errors import FAILING
from benchling_connector.domain.errors import ConnectorError, TransientError

if TYPE_CHECKING:
    from aiobotocore.session import AioSession
    from obstore.store import ClientConfig, RetryConfig, S3Credential

__all__ = ["Identity", "s3_store"]

# botocore renews what ends within 10 minutes, and obstore asks again 5 minutes before the end it
# was told: so what obstore holds always has some minutes to live.
_LIFETIME = timedelta(minutes=10)


class Identity:
    """botocore's default chain as obstore asks for credentials.

    obstore tells of a failure only by its text: `failure` keeps it, as an error of ours, until
    credentials are found again.
    """

    def __init__(self, session: "AioSession") -> None:
        self.failure: ConnectorError | None = None
        self._session = session

    async def __call__(self) -> "S3Credential":
        """Credentials that are valid now. Raises what botocore raises."""
        try:
            credentials = await self._session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            frozen = await credentials.get_frozen_credentials()
        except FOREIGN as error:
            self.failure = identity_error(error) or TransientError(
                FAILING, f"AWS credentials cannot be looked up ({type(error).__name__})."
            )
            raise
        self.failure = None
        return {
            "access_key_id": frozen.access_key or "",
            "secret_access_key": frozen.secret_key or "",
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _LIFETIME,
        }


def s3_store(
    address: BucketAddress,
    region: str,
    client_options: "ClientConfig",
    retry_config: "RetryConfig",
    ca_bundle: Path | None = None,
) -> tuple[S3Store, Identity]:
    """A store for the bucket, and who it is. Nothing is asked yet.

    Raises botocore's errors for a profile that does not exist or a file that cannot be read, and
    `InvalidConfiguration` for a `ca_bundle` that cannot be used.
    """
    session = new_session(ca_bundle)
    endpoint = configured_endpoint(session, "s3")
    options: ClientConfig = {**client_options}
    if endpoint is None:
        # A dot in a bucket's name has no place in a host name that TLS is to verify.
        by_host = "." not in address.bucket
        host = f"s3.{region}.{_suffix(session, region)}"
        endpoint = f"https://{address.bucket}.{host}" if by_host else f"https://{host}"
    else:
        by_host = False
        options["allow_http"] = endpoint.startswith("http://")
    bundle = session.get_config_variable("ca_bundle")
    if bundle and endpoint.startswith("https://"):
        # Trusted besides the system's store.
        options["root_certificate"] = Path(bundle).read_bytes()
    identity = Identity(session)
    store = S3Store(
        address.bucket,
        config={
            "region": region,
            "endpoint": endpoint,
            "virtual_hosted_style_request": by_host,
            "checksum_algorithm": "SHA256",
        },
        client_options=options,
        retry_config=retry_config,
        credential_provider=identity,
    )
    return store, identity


def _suffix(session: "AioSession", region: str) -> str:
    partitions = session.get_component("data_loader").load_data("partitions")["partitions"]
    for partition in partitions:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return str(partition["outputs"]["dnsSuffix"])
    return "amazonaws.com"
