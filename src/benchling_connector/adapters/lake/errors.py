"""What file systems can answer, as errors of ours; object stores have `answers.py`."""

import errno

from benchling_connector.adapters.lake.address import NOT_FOUND
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError

__all__ = ["DENIED", "FAILING", "of_file_system"]

DENIED = "lake-access-denied"
FAILING = "lake-failing"

ERRNOS = {
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EROFS: DENIED,
    errno.EEXIST: NOT_FOUND,
    errno.ENOENT: NOT_FOUND,
    errno.EISDIR: NOT_FOUND,
    errno.ENAMETOOLONG: NOT_FOUND,
    errno.ENOTDIR: NOT_FOUND,
    errno.ELOOP: NOT_FOUND,
}
"""Everything else passes: a full disk is emptied, a lost mount comes back."""


def of_file_system(error: OSError, action: str, where: str) -> ConnectorError:
    """The error for what the operating system refused in the folder `where`.

    `action` is `write`, `read` or `remove`.
    """
    number = error.errno or 0
    name, text = errno.errorcode.get(number, "unknown"), (error.strerror or "unknown").lower()
    sentence = f"The lake's folder {where}: {action} failed, {text} ({name})."
    code = ERRNOS.get(number, FAILING)
    if code == FAILING:
        return TransientError(code, sentence)
    return ConfigurationError(code, sentence)
