"""What file systems and object stores can answer, as errors of ours. Tables, looked up by code."""

import errno
import re

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from benchling_connector.adapters.aws import refused
from benchling_connector.adapters.lake.address import NOT_FOUND
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError

__all__ = ["DENIED", "FAILING", "OBJECT_MISSING", "answer_of", "of_file_system", "of_object_store"]

DENIED = "lake-access-denied"
FAILING = "lake-failing"

ERRNOS = {
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EROFS: DENIED,
    errno.EEXIST: NOT_FOUND,
    errno.ENOENT: NOT_FOUND,
    errno.ENOTDIR: NOT_FOUND,
    errno.ELOOP: NOT_FOUND,
}
"""Everything else passes: a full disk is emptied, a lost mount comes back."""

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
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,80})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")


def of_file_system(error: OSError, action: str) -> ConnectorError:
    """The error for what the operating system refused. `action` is `write`, `read` or `remove`."""
    number = error.errno or 0
    name, text = errno.errorcode.get(number, "unknown"), (error.strerror or "unknown").lower()
    sentence = f"The lake's folder: {action} failed, {text} ({name})."
    code = ERRNOS.get(number, FAILING)
    if code == FAILING:
        return TransientError(code, sentence)
    return ConfigurationError(code, sentence)


def of_object_store(error: Exception, action: str, where: str) -> ConnectorError:
    """The error for what an object store answered, or for the want of an answer.

    The text of the error is read for status and code, and never quoted: it holds what was signed.
    """
    status, code = answer_of(error)
    said = code or (f"status {status}" if status else "no answer")
    refusal = refused(code)
    if refusal is not None:
        return ConfigurationError(refusal.code, f"{where}: {action} refused. {refusal.sentence}")
    if code in _OTHER_REGION or status in {301, 307} or "redirect without LOCATION" in str(error):
        return ConfigurationError(
            NOT_FOUND, f"{where}: {action} refused, the bucket is in another Region ({said})."
        )
    if code in BUCKET_MISSING or (action == "write" and isinstance(error, FileNotFoundError)):
        return ConfigurationError(NOT_FOUND, f"{where} does not exist ({said}).")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return ConfigurationError(DENIED, f"{where}: {action} is denied ({said}).")
    return TransientError(FAILING, f"{where}: {action} failed ({said}).")


def answer_of(error: Exception) -> tuple[int | None, str | None]:
    """Status and code of the store's answer, as the error's text tells them."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    return int(status[1]) if status else None, code[1] if code else None
