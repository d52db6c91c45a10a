"""Who we are at AWS: botocore's default chain of credentials, and what its failures mean.

Queue and lake both ask here, so that the same profile, role or key is found and refused alike.
"""

import functools
import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from botocore import exceptions
from botocore.httpsession import where
from botocore.loaders import JSONFileLoader, Loader, create_loader

from benchling_connector.adapters.trust import bundle_file, read_bundle
from benchling_connector.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from aiobotocore.session import AioSession

__all__ = [
    "FOREIGN",
    "IDENTITY_PROBLEMS",
    "code_of",
    "configured_endpoint",
    "identity_error",
    "new_session",
    "refused",
]

FOREIGN = (
    exceptions.BotoCoreError,
    exceptions.ClientError,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
)
"""What a call through aiobotocore raises when the world is at fault, not the program."""

MISSING = "aws-credentials-missing"
REFUSED = "aws-credentials-refused"
IDENTITY_PROBLEMS = frozenset({MISSING, REFUSED})
"""After one of these codes the identity is looked up anew: it may have been mended."""

# Names, because the three releases of botocore that this runs on do not define the same classes.
_MISSING_ERRORS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ProfileNotFound",
    "ConfigNotFound",
    "ConfigParseError",
    "InvalidConfigError",
    "UnknownCredentialError",
    "RefreshWithMFAUnsupportedError",
    "MetadataRetrievalError",
    "MissingDependencyException",
    "NoAuthTokenError",
    "TokenRetrievalError",
    "SSOError",
    "LoginError",
)
_MISSING_TYPES: tuple[type[Exception], ...] = tuple(
    getattr(exceptions, name) for name in _MISSING_ERRORS if hasattr(exceptions, name)
)

_REFUSED_CODES = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidIdentityToken",
        "InvalidSecurity",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotSignedUp",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
# Calls that botocore makes on its own, on the way to credentials.
_IDENTITY_CALLS = frozenset(
    {"AssumeRole", "AssumeRoleWithWebIdentity", "CreateToken", "GetRoleCredentials"}
)


def new_session(ca_bundle: Path | None = None) -> "AioSession":
    """A session that has looked at nothing yet: environment and files are read when it is used.

    With `ca_bundle` its authorities are trusted besides those that AWS's tools trust: botocore's
    own, or the ones that AWS_CA_BUNDLE or the profile name instead. It holds for the calls that
    botocore makes on the way to credentials, too. Raises `InvalidConfiguration` when the bundle
    cannot be used, and botocore's errors for a profile that cannot be read.
    """
    # It brings botocore's clients along. The first call can be made in a thread, at the start.
    from aiobotocore.session import AioSession

    session = AioSession()
    session.register_component("data_loader", _loader(os.environ.get("AWS_DATA_PATH")))
    if ca_bundle is not None:
        base = Path(session.get_config_variable("ca_bundle") or where()).expanduser()
        content = b"\n".join((base.read_bytes(), read_bundle(ca_bundle)))
        session.set_config_variable("ca_bundle", bundle_file(content))
    return session


def configured_endpoint(session: "AioSession", service: str) -> str | None:
    """The endpoint that the environment or the profile asks for, as AWS's own tools read it.

    `service` is its name in a profile (`sqs`). Raises botocore's errors for a profile that cannot
    be read. https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    profile = session.get_scoped_config()
    services = session.full_config.get("services", {}).get(profile.get("services"), {})
    own = services.get(service, {})
    configured: object = (
        os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}")
        or os.environ.get("AWS_ENDPOINT_URL")
        or (own.get("endpoint_url") if isinstance(own, dict) else None)
        or profile.get("endpoint_url")
    )
    return str(configured).rstrip("/") if configured else None


def code_of(error: Exception) -> str | None:
    """The code in AWS's answer; None when there was no answer."""
    if not isinstance(error, exceptions.ClientError):
        return None
    return str(error.response.get("Error", {}).get("Code", "")) or None


def identity_error(error: Exception) -> ConfigurationError | None:
    """What the error says of our credentials; None when it is about something else.

    No message of AWS's is quoted: one about a signature repeats the signed headers.
    """
    if isinstance(error, exceptions.ClientError):
        code, call = code_of(error), error.operation_name
        if call in _IDENTITY_CALLS and not _passes(error):
            return ConfigurationError(REFUSED, f"AWS refuses {call} with {code}.")
        return refused(code)
    if isinstance(error, _MISSING_TYPES):
        return ConfigurationError(MISSING, f"No AWS credentials ({type(error).__name__}).")
    return None


def refused(code: str | None) -> ConfigurationError | None:
    """The error for a code by which AWS refuses credentials; None for any other code."""
    if code not in _REFUSED_CODES:
        return None
    return ConfigurationError(REFUSED, f"AWS refuses the credentials with {code}.")


def _passes(error: exceptions.ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or "Throttl" in (code_of(error) or "")


class _Descriptions:
    """botocore's descriptions of AWS, read by msgspec: megabytes of JSON with every start."""

    def __init__(self) -> None:
        self._botocores = JSONFileLoader()

    def exists(self, file_path: str) -> bool:
        return bool(self._botocores.exists(file_path))

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - whatever is in there
        for name, opened in ((f"{file_path}.json", open), (f"{file_path}.json.gz", gzip.open)):
            if Path(name).is_file():
                with opened(name, "rb") as file:
                    content = file.read()
                try:
                    return msgspec.json.decode(content)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    break
        return self._botocores.load_file(file_path)  # which says what is wrong as botocore does


# A loader keeps the service descriptions it has read; a new session need not read them again.
@functools.cache
def _loader(search_path: str | None) -> Loader:
    loader = create_loader(search_path)
    loader.file_loader = _Descriptions()
    return loader
