"""Brings the two CloudFormation templates up on an AWS endpoint and says what came of it.

The templates' texts are the caller's to give: this module knows their parameters and outputs,
not where they are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from aiobotocore.session import AioSession, get_session
from botocore.exceptions import BotoCoreError, ClientError

_POLL_SECONDS = 0.05
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


class DeploymentError(Exception):
    """A stack was refused or failed; the message carries what CloudFormation said of it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS access key. The defaults are the stand-in's own, which open nothing else."""

    access_key_id: str = "test"
    secret_access_key: str = "test"  # noqa: S105 - the stand-in's well-known key


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where the deployed queue and its companions are; `outputs` are the queue stack's own."""

    bus_name: str
    queue_url: str
    queue_arn: str
    dlq_url: str
    dlq_arn: str
    undelivered_url: str
    undelivered_arn: str
    rule_arn: str
    region: str
    outputs: Mapping[str, str]


def client_arguments(endpoint_url: str, region: str, credentials: Credentials) -> dict[str, Any]:
    """The keyword arguments for (aio)botocore's `create_client` at an endpoint of one's own."""
    return {
        "endpoint_url": endpoint_url,
        "region_name": region,
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
    }


async def deploy(
    endpoint_url: str,
    region: str,
    credentials: Credentials,
    *,
    bus_template: str,
    queue_template: str,
    partner_source: str,
    parameters: Mapping[str, str] | None = None,
    stack_name: str = "benchling",
    timeout: float = 60.0,
) -> Deployed:
    """Creates the stacks `<stack_name>-bus` and `<stack_name>-queue`, or updates them.

    `partner_source` is the name of the partner event source and so of the bus; `parameters` are
    the queue template's, over defaults that suit a trial; `timeout` is in seconds, for each stack.
    Raises DeploymentError with the stack's events when a stack is refused, fails or takes longer.
    """
    arguments = client_arguments(endpoint_url, region, credentials)
    async with _session().create_client("cloudformation", **arguments) as client:
        bus = await _bring_up(
            client,
            f"{stack_name}-bus",
            bus_template,
            {"PartnerEventSource": partner_source},
            timeout,
        )
        trial = {
            "EventBusName": bus["EventBusName"],
            "OrgSlug": "demo",
            "TDPAWSAccountID": bus["EventBusArn"].split(":")[4],
            "TDPAWSRegion": region,
            "TDPEnvironment": "local",
            "UID": "demo",
        }
        queue = await _bring_up(
            client,
            f"{stack_name}-queue",
            queue_template,
            trial | dict(parameters or {}),
            timeout,
        )
    return Deployed(
        bus_name=bus["EventBusName"],
        queue_url=_at(endpoint_url, queue["QueueUrl"]),
        queue_arn=queue["QueueArn"],
        dlq_url=_at(endpoint_url, queue["DeadLetterQueueUrl"]),
        dlq_arn=queue["DeadLetterQueueArn"],
        undelivered_url=_at(endpoint_url, queue["UndeliveredQueueUrl"]),
        undelivered_arn=queue["UndeliveredQueueArn"],
        rule_arn=queue["RuleArn"],
        region=queue["QueueRegion"],
        outputs=queue,
    )


@cache
def _session() -> AioSession:
    """One session a process, because each reads the model of CloudFormation anew."""
    return get_session()


def _at(endpoint_url: str, queue_url: str) -> str:
    """The queue URL below the endpoint: a stack of an earlier run may remember another port."""
    endpoint = urlsplit(endpoint_url)
    return urlunsplit(urlsplit(queue_url)._replace(scheme=endpoint.scheme, netloc=endpoint.netloc))


async def _bring_up(
    client: Any,  # noqa: ANN401 - botocore makes its clients at run time
    name: str,
    template: str,
    parameters: Mapping[str, str],
    timeout: float,
) -> dict[str, str]:
    request = {
        "StackName": name,
        "TemplateBody": template,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    }
    try:
        try:
            await client.create_stack(**request)
        except client.exceptions.AlreadyExistsException:
            await _update(client, request)
        async with asyncio.timeout(timeout):
            stack = await _settled(client, name)
    except (ClientError, BotoCoreError) as error:
        raise DeploymentError(f"CloudFormation refused the stack {name}: {error}") from error
    except TimeoutError as error:
        said = await _events(client, name)
        raise DeploymentError(f"The stack {name} took over {timeout:g} s: {said}") from error
    if stack["StackStatus"] not in _DONE:
        said = await _events(client, name)
        raise DeploymentError(f"The stack {name} ended as {stack['StackStatus']}: {said}")
    return {entry["OutputKey"]: entry["OutputValue"] for entry in stack.get("Outputs", [])}


async def _update(client: Any, request: dict[str, Any]) -> None:  # noqa: ANN401
    try:
        await client.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise


async def _settled(client: Any, name: str) -> dict[str, Any]:  # noqa: ANN401
    while True:
        answer = await client.describe_stacks(StackName=name)
        stack: dict[str, Any] = answer["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        await asyncio.sleep(_POLL_SECONDS)


async def _events(client: Any, name: str) -> str:  # noqa: ANN401
    """What CloudFormation says of the resources that failed, in the order in which they did."""
    answer = await client.describe_stack_events(StackName=name)
    failed = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(answer["StackEvents"])
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    return "; ".join(failed) or "no resource reported a failure"
