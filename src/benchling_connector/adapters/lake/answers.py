"""What object stores can answer, as errors of ours. Tables, looked up by code."""

import re

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from benchling_connector.adapters.aws import refused
from benchling_connector.adapters.lake.address import NOT_FOUND
from benchling_connector.adapters.lake.errors import DENIED, FAILING
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError

__all__ = ["OBJECT_MISSING", "answer_of", "of_object_store"]

TLS = "lake-tls"
PROXY = "proxy-failing"

OBJECT_MISSING = frozenset({"BlobNotFound", "NoSuchKey", "NoSuchVersion"})
BUCKET_MISSING = frozenset(
    {
        "NoSuchBucket",
        "InvalidBucketName",
        "ContainerNotFound",
        "ResourceNotFound",
        "AccountNotFound",
    }
)
_OTHER_REGION = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
_NO_NAME = "KeyTooLongError"
_DENIED = "AccessDenied"
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,80})</Code>")
# An object that S3 does not remove is told of within a good answer, which obstore takes apart.
_CODE_OF_ONE = re.compile(r'DeleteFailed \{.*?\bcode: "([A-Za-z0-9.]{1,80})"', re.DOTALL)
_STATUS = re.compile(r"status code: (\d{3})")
# How obstore's HTTP stack writes down that no connection came about.
_CERTIFICATE = re.compile(r"\bInvalidCertificate\(\s*([A-Za-z]+)")
_CERTIFICATE_WORDS = {
    "UnknownIssuer": "it is of an unknown authority",
    "NotValidForName": "it is of another host",
    "NotValidForNameContext": "it is of another host",
    "Expired": "it has expired",
    "ExpiredContext": "it has expired",
    "NotValidYet": "it is not valid yet",
    "NotValidYetContext": "it is not valid yet",
}
_PROXY = {
    "ProxyAuthRequired": "answered 407",
    "TunnelUnsuccessful": "opens no way to the lake",
    "ConnectFailed(": "cannot be reached",
}
_PROXY_REFUSES = 407


def of_object_store(error: Exception, action: str, where: str) -> ConnectorError:
    """The error for what an object store answered, or for the want of an answer.

    The text of the error is read for status and code, and never quoted: it holds what was signed.
    """
    status, code = answer_of(error)
    if status is None:
        failed = _without_answer(str(error), action, where)
        if failed is not None:
            return failed
    if status == _PROXY_REFUSES:
        return TransientError(PROXY, f"{where}: {action} failed, the proxy answered {status}.")
    said = code or (f"status {status}" if status else "no answer")
    refusal = refused(code)
    if refusal is not None:
        return ConfigurationError(refusal.code, f"{where}: {action} refused. {refusal.sentence}")
    if code in _OTHER_REGION or status in {301, 307} or "redirect without LOCATION" in str(error):
        return ConfigurationError(
            NOT_FOUND, f"{where}: {action} refused, the bucket is in another Region ({said})."
        )
    if code == _NO_NAME:
        return ConfigurationError(NOT_FOUND, f"{where}: {action} refused, no such name ({said}).")
    if code in BUCKET_MISSING or (action == "write" and isinstance(error, FileNotFoundError)):
        return ConfigurationError(NOT_FOUND, f"{where} does not exist ({said}).")
    is_denied = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    if is_denied or code == _DENIED:
        return ConfigurationError(DENIED, f"{where}: {action} is denied ({said}).")
    return TransientError(FAILING, f"{where}: {action} failed ({said}).")


def _without_answer(text: str, action: str, where: str) -> ConnectorError | None:
    found = _CERTIFICATE.search(text)
    if found:
        why = _CERTIFICATE_WORDS.get(found[1], found[1])
        sentence = f"{where}: the certificate of the store's host is not accepted, {why}."
        return ConfigurationError(TLS, sentence)
    for word, what in _PROXY.items():
        if word in text:
            return TransientError(PROXY, f"{where}: {action} failed, the proxy {what}.")
    return None


def answer_of(error: Exception) -> tuple[int | None, str | None]:
    """Status and code of the store's answer, as the error's text tells them."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text) or _CODE_OF_ONE.search(text)
    return int(status[1]) if status else None, code[1] if code else None
