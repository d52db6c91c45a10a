"""What SQS and the way to it can answer, as errors of ours. One table, looked up by code."""

import re

from botocore.exceptions import (
    ClientError,
    InvalidRegionError,
    NoRegionError,
    SSLError,
    UnknownEndpointError,
)

from benchling_connector.adapters.aws import code_of, identity_error
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError

__all__ = ["DENIED", "FAILING", "NOT_FOUND", "SEND_DENIED", "quote", "translate"]

NOT_FOUND = "queue-not-found"
DENIED = "queue-access-denied"
SEND_DENIED = "queue-send-denied"
FAILING = "queue-failing"

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


def translate(error: Exception, action: str) -> ConnectorError:
    """The error of ours for what went wrong with `action`, one of SQS's (`ReceiveMessage`)."""
    identity = identity_error(error)
    if identity is not None:
        return ConfigurationError(identity.code, f"{action}: {identity.sentence}")
    if isinstance(error, NoRegionError | InvalidRegionError | UnknownEndpointError):
        return ConfigurationError(
            NOT_FOUND, "aws_region is not a Region in which SQS can be asked."
        )
    code = code_of(error)
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
    if isinstance(error, SSLError):
        return "the certificate of SQS's host cannot be verified, or TLS failed"
    return type(error).__name__


def quote(error: Exception) -> str:
    """AWS's own sentence: it names the identity and the action. It holds no secret."""
    message = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else ""
    return _KEY_ID.sub("(key id)", " ".join(str(message).split()))[:_LONGEST_QUOTE]
