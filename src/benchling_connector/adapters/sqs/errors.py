"""What SQS and the way to it can answer, as errors of ours. One table, looked up by code."""

import re
from urllib.parse import urlsplit

import aiohttp
from botocore.exceptions import (
    ClientError,
    InvalidRegionError,
    NoRegionError,
    ProxyConnectionError,
    SSLError,
    UnknownEndpointError,
)

from benchling_connector.adapters.aws import code_of, identity_error
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError

__all__ = ["DENIED", "FAILING", "NOT_FOUND", "SEND_DENIED", "GarbageError", "quote", "translate"]

NOT_FOUND = "queue-not-found"
DENIED = "queue-access-denied"
SEND_DENIED = "queue-send-denied"
FAILING = "queue-failing"
TLS = "queue-tls"
PROXY = "proxy-failing"
PROXY_REFUSES = "407"

# Each error has two names: of the query protocol, which AWS still sends, and of the JSON protocol.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
CODES = {
    "AWS.SimpleQueueService.NonExistentQueue": NOT_FOUND,
    "AWS.SimpleQueueService.QueueDeletedRecently": NOT_FOUND,
    "InvalidAddress": NOT_FOUND,
    "NonExistentQueue": NOT_FOUND,
    "QueueDoesNotExist": NOT_FOUND,
    "AccessDenied": DENIED,
    "AccessDeniedException": DENIED,
    "AuthorizationError": DENIED,
    "KMS.AccessDeniedException": DENIED,
    "KMS.DisabledException": DENIED,
    "KMS.InvalidKeyUsageException": DENIED,
    "KMS.InvalidStateException": DENIED,
    "KMS.NotFoundException": DENIED,
    "KMS.OptInRequired": DENIED,
    "KmsAccessDenied": DENIED,
    "KmsDisabled": DENIED,
    "KmsInvalidKeyUsage": DENIED,
    "KmsInvalidState": DENIED,
    "KmsNotFound": DENIED,
    "KmsOptInRequired": DENIED,
    "NotAuthorized": DENIED,
    "UnauthorizedOperation": DENIED,
}

_KEY_ID = re.compile(r"\b(?:A3T|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}")
_LONGEST_QUOTE = 300


class GarbageError(aiohttp.ClientPayloadError):
    """What came is not SQS's JSON: cut short, or a page of somebody's on the way to it."""


def translate(error: Exception, action: str) -> ConnectorError:
    """The error of ours for what went wrong with `action`, one of SQS's (`ReceiveMessage`)."""
    identity = identity_error(error)
    if identity is not None:
        return ConfigurationError(identity.code, f"{action}: {identity.sentence}")
    if isinstance(error, NoRegionError | InvalidRegionError | UnknownEndpointError):
        return ConfigurationError(
            NOT_FOUND, "aws_region is not a Region in which SQS can be asked."
        )
    if isinstance(error, SSLError):
        return _tls(error, action)
    code = code_of(error)
    if isinstance(error, ProxyConnectionError) or code == PROXY_REFUSES:
        return TransientError(PROXY, f"{action}: the proxy {_by_proxy(error)}.")
    problem = CODES.get(code or "", FAILING)
    if problem == NOT_FOUND:
        return ConfigurationError(problem, f"{action}: SQS knows no such queue ({code}).")
    if problem == DENIED:
        problem = SEND_DENIED if action == "SendMessage" else DENIED
        return ConfigurationError(problem, f"{action} is denied ({code}): {quote(error)}")
    return TransientError(problem, f"{action} failed: {_reason(error, code)}.")


def _reason(error: Exception, code: str | None) -> str:
    if code:
        return f"SQS answered {code}"
    if isinstance(error, GarbageError):
        return "what came is not an answer of SQS"
    return type(error).__name__


def _tls(error: SSLError, action: str) -> ConnectorError:
    cause, host = (
        error.kwargs.get("error"),
        urlsplit(str(error.kwargs.get("endpoint_url"))).hostname,
    )
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        # It may be the proxy's own certificate, or that of a service on the way to credentials.
        why = getattr(cause.certificate_error, "verify_message", "") or "not valid"
        sentence = f"{action}: the certificate of {cause.host} is not accepted: {why}."
        return ConfigurationError(TLS, sentence)
    return TransientError(FAILING, f"{action} failed: no TLS connection to {host}.")


def _by_proxy(error: Exception) -> str:
    """What it did. Botocore's own text would name its URL."""
    cause = error.kwargs.get("error") if isinstance(error, ProxyConnectionError) else None
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        return f"answered {cause.status}"
    if isinstance(cause, OSError):
        return f"cannot be reached ({cause.strerror or 'no connection'})"
    return f"answered {PROXY_REFUSES}"


def quote(error: Exception) -> str:
    """AWS's own sentence: it names the identity and the action. It holds no secret."""
    message = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else ""
    return _KEY_ID.sub("(key id)", " ".join(str(message).split()))[:_LONGEST_QUOTE]
