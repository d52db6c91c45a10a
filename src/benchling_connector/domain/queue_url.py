"""The URL of an SQS queue, as the SQS console shows it: where to ask, for which queue."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchling_connector.domain.errors import ConfigurationError

__all__ = ["QueueAddress", "one_form", "parse_queue_url"]

# Partitions of AWS by the suffix of their hosts:
# https://docs.aws.amazon.com/general/latest/gr/sqs-service.html and botocore's partitions.json.
_SUFFIX = (
    r"(?P<suffix>amazonaws\.com(?:\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov"
    r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
_REGION = r"(?P<region>[a-z]{2,4}(?:-[a-z]+){1,2}-\d{1,2})"
_DUAL_STACK = {"api.aws": "amazonaws.com", "api.amazonwebservices.com.cn": "amazonaws.com.cn"}

_STANDARD = re.compile(rf"sqs\.{_REGION}\.{_SUFFIX}")
_LEGACY = re.compile(rf"{_REGION}\.queue\.{_SUFFIX}")
_FIRST_REGION = re.compile(r"(?:sqs|queue)\.(?P<suffix>amazonaws\.com)")
_FIPS = re.compile(rf"sqs-fips\.{_REGION}\.{_SUFFIX}")
_VPC = re.compile(rf"vpce-[a-z0-9-]+\.sqs\.{_REGION}\.vpce\.{_SUFFIX}")
_DUAL = re.compile(rf"sqs(?:-fips)?\.{_REGION}\.(?P<dual>api\.aws|api\.amazonwebservices\.com\.cn)")

_ACCOUNT = re.compile(r"\d{12}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """Where a queue is.

    `queue_url` is what SQS is told. `endpoint_url` is asked; None leaves it to botocore, which
    knows the endpoint of each Region. `region` is the one in the URL, None if it names none.
    `account_id` is None where a stand-in's URL has none.
    """

    queue_url: str
    endpoint_url: str | None
    region: str | None
    account_id: str | None
    name: str


def parse_queue_url(text: str) -> QueueAddress:
    """Takes a queue's URL apart.

    A host of AWS's own is asked by its Region's standard endpoint, unless it is a particular one
    (VPC, FIPS, dual stack), which is asked as it stands. Any other host is its own endpoint.

    Raises `ConfigurationError` (`queue-not-found`) when this is no queue's URL.
    """
    try:
        url = urlsplit(text.strip())
        host, port = url.hostname or "", url.port
    except ValueError:
        raise _not_a_queue("it is not a URL") from None
    if url.scheme not in {"http", "https"} or not host:
        raise _not_a_queue("it does not begin with https:// and a host")
    if url.username is not None or url.query or url.fragment:
        raise _not_a_queue("it has more than a host and a path")
    parts = url.path.strip("/").split("/")
    own = _aws_own(host)
    if own is None:
        return _foreign(text, url.scheme, url.netloc, parts)
    region, suffix, particular = own
    if len(parts) != 2 or not _ACCOUNT.fullmatch(parts[0]) or not _NAME.fullmatch(parts[1]):
        raise _not_a_queue("its path is not an account's number and a queue's name")
    account, name = parts
    endpoint = f"https://{host}{f':{port}' if port else ''}" if particular else None
    canonical = f"https://sqs.{region}.{suffix}/{account}/{name}"
    return QueueAddress(canonical, endpoint, region, account, name)


def _aws_own(host: str) -> tuple[str, str, bool] | None:
    """Region, suffix, and whether this very host is to be asked; None if it is not AWS's."""
    if found := _STANDARD.fullmatch(host) or _LEGACY.fullmatch(host):
        return found["region"], found["suffix"], False
    if found := _FIRST_REGION.fullmatch(host):
        return "us-east-1", found["suffix"], False
    if found := _FIPS.fullmatch(host) or _VPC.fullmatch(host):
        return found["region"], found["suffix"], True
    if found := _DUAL.fullmatch(host):
        return found["region"], _DUAL_STACK[found["dual"]], True
    return None


def _foreign(text: str, scheme: str, netloc: str, parts: list[str]) -> QueueAddress:
    if not parts[-1]:
        raise _not_a_queue("its path names no queue")
    account = parts[-2] if len(parts) > 1 and _ACCOUNT.fullmatch(parts[-2]) else None
    url = text.strip().rstrip("/")
    return QueueAddress(url, f"{scheme}://{netloc}", None, account, parts[-1])


def _not_a_queue(why: str) -> ConfigurationError:
    return ConfigurationError("queue-not-found", f"sqs_url is not the URL of a queue: {why}.")


def one_form(text: str) -> str:
    """The same text for every URL of one queue: `region/account/name` of AWS's own.

    A foreign host is taken as it is called: two names of one host count as two queues. Raises as
    `parse_queue_url`.
    """
    address = parse_queue_url(text)
    if address.region is not None:
        return f"{address.region}/{address.account_id}/{address.name}"
    url = urlsplit(address.queue_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    return f"{url.hostname}:{port}{url.path}"
