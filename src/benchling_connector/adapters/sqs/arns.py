"""Where the queue of an ARN is."""

from benchling_connector.adapters.sqs.answers import GET_URL
from benchling_connector.adapters.sqs.connection import SqsConnection
from benchling_connector.adapters.sqs.errors import DENIED, NOT_FOUND
from benchling_connector.domain.errors import ConfigurationError
from benchling_connector.domain.queue_url import QueueAddress

__all__ = ["MISSING", "address_of"]

MISSING = "dead-letter-queue-missing"


async def address_of(main: SqsConnection, arn: str) -> QueueAddress:
    """The address of the dead-letter queue of this ARN, asked by the queue's own connection.

    Raises `ConnectorError`.
    """
    account, _, name = arn.split(":", 4)[-1].partition(":")
    owner = {"QueueOwnerAWSAccountId": account} if account else {}
    try:
        answer = await main.call(GET_URL, {"QueueName": name, **owner})
        url = answer.queue_url
    except ConfigurationError as error:
        if error.code == NOT_FOUND:
            sentence = f"The queue's redrive policy names {name}, but SQS knows no such queue."
            raise ConfigurationError(MISSING, sentence) from None
        if error.code != DENIED:
            raise
        # It is in the same account and Region, and so below the same address.
        base = main.address.queue_url.removesuffix(f"/{main.address.name}")
        url = f"{base}/{name}"
    # Asked where the queue is asked: behind a VPC endpoint there may be no other way.
    return QueueAddress(url, main.address.endpoint_url, main.address.region, account, name)
