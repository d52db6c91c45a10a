"""A notice as an HTTP POST of JSON, signed.

The signature is HMAC-SHA256 over time, a full stop and the body, so that a receiver can refuse what
somebody else made up, and what is too old.
"""

import hashlib
import hmac
import json
import time

import aiohttp

from benchling_connector.domain.channels import Address
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.notices import Notice, document_of

__all__ = ["NOTICE_HEADER", "SIGNATURE_HEADER", "post", "signature_of"]

SIGNATURE_HEADER = "X-Benchling-Connector-Signature"
NOTICE_HEADER = "Idempotency-Key"

WITHIN_S = 10.0


def signature_of(secret: str, at: int, body: bytes) -> str:
    """The header's value: `t=<seconds since 1970>,v1=<hex>`."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


async def post(address: Address, notice: Notice) -> None:
    """Returns when the other side has answered 2xx. Raises `TransientError`."""
    body = json.dumps(document_of(notice)).encode()
    headers = {"Content-Type": "application/json", NOTICE_HEADER: notice.notice_id}
    secret = address.secrets.get("secret")
    if secret:
        headers[SIGNATURE_HEADER] = signature_of(secret, int(time.time()), body)
    timeout = aiohttp.ClientTimeout(total=WITHIN_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.post(
                address.secrets["url"], data=body, headers=headers, allow_redirects=False
            ) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        # Not its text: the URL that it repeats may be a secret.
        raise _failed(f"The webhook could not be reached ({type(error).__name__}).") from None
    if not 200 <= status < 300:
        raise _failed(f"The webhook answered with status {status}.")


def _failed(sentence: str) -> TransientError:
    return TransientError("alert-not-delivered", sentence)
