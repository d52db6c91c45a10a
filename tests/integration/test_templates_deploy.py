"""The two CloudFormation templates, deployed on the embedded AWS stand-in and put to work."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from benchling_connector import cloudformation
from benchling_connector.simulator.aws import (
    Credentials,
    Deployed,
    DeploymentError,
    EmbeddedAws,
    client_arguments,
    deploy,
)
from tests.aws import SESSION

TDP = "111122223333"
BUS = cloudformation.read("benchling-event-bus")
QUEUE = cloudformation.read("benchling-sqs-queue")
DETAIL = {
    "id": "evt_4Lr0xk",
    "eventType": "v2.entry.updated.fields",
    "createdAt": "2026-05-04T09:30:00.123456+00:00",
    "deprecated": False,
    "excludedProperties": [],
    "schema": {"id": "ts_9", "name": "Fermentation µ-run"},
    "updates": ["fields"],
    "entry": {"id": "etr_1", "fields": {"Titer": {"value": 1.5, "unit": None}}},
}


async def bring_up(
    aws: EmbeddedAws, *, name: str = "", bus_template: str = BUS, **parameters: str
) -> Deployed:
    """Both stacks under names of their own; parameters of the queue template over the test's."""
    uid = name or uuid4().hex[:12]
    return await deploy(
        aws.endpoint_url,
        aws.region,
        aws.credentials,
        bus_template=bus_template,
        queue_template=QUEUE,
        partner_source=f"aws.partner/benchling.com/acme/{uid}",
        parameters={
            "UID": uid,
            "OrgSlug": "acme",
            "TDPAWSAccountID": TDP,
            "TDPEnvironment": "production",
            **parameters,
        },
        stack_name=f"stack-{uid}",
    )


@pytest.fixture(scope="module")
def untouched(aws: EmbeddedAws) -> Deployed:
    """A deployment with no parameter but the required ones, for tests that only look."""
    return asyncio.run(bring_up(aws))


@pytest.fixture(scope="module")
def guarded(strict: EmbeddedAws) -> Deployed:
    """The same where policies are enforced."""
    return asyncio.run(bring_up(strict))


def uid_of(deployed: Deployed) -> str:
    return deployed.bus_name.rsplit("/", 1)[1]


@asynccontextmanager
async def client(aws: EmbeddedAws, service: str) -> AsyncIterator[Any]:
    async with SESSION.create_client(service, **aws.client_arguments()) as made:
        yield made


async def attributes(aws: EmbeddedAws, url: str) -> dict[str, str]:
    async with client(aws, "sqs") as sqs:
        answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return dict(answer["Attributes"])


async def receive(aws: EmbeddedAws, url: str) -> list[dict[str, Any]]:
    async with client(aws, "sqs") as sqs:
        answer = await sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))


async def publish(aws: EmbeddedAws, source: str, detail: dict[str, Any] = DETAIL) -> None:
    async with client(aws, "events") as events:
        entry = {
            "Source": source,
            "DetailType": detail["eventType"],
            "Detail": json.dumps(detail),
            "Time": 1777887000,
        }
        answer = await events.put_partner_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0


def statements(policy: str) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in json.loads(policy)["Statement"]}


# Delivery


async def test_an_event_of_the_subscription_arrives_whole(aws: EmbeddedAws):
    deployed = await bring_up(aws)
    await publish(aws, deployed.bus_name)
    (message,) = await receive(aws, deployed.queue_url)
    envelope = json.loads(message["Body"])
    assert envelope.pop("id")
    assert envelope == {
        "version": "0",
        "detail-type": "v2.entry.updated.fields",
        "source": deployed.bus_name,
        "account": aws.account_id,
        "time": "2026-05-04T09:30:00Z",
        "region": aws.region,
        "resources": [],
        "detail": DETAIL,
    }


async def test_whatever_else_is_put_on_the_bus_arrives_too(aws: EmbeddedAws):
    deployed = await bring_up(aws)
    async with client(aws, "events") as events:
        entry = {
            "EventBusName": deployed.bus_name,
            "Source": "anybody",
            "DetailType": "anything",
            "Detail": json.dumps(DETAIL),
        }
        await events.put_events(Entries=[entry])
    (message,) = await receive(aws, deployed.queue_url)
    assert json.loads(message["Body"])["detail"] == DETAIL


async def test_events_of_another_subscription_stay_away(aws: EmbeddedAws):
    deployed = await bring_up(aws)
    await publish(aws, f"{deployed.bus_name}-other")
    assert await receive(aws, deployed.queue_url) == []


async def test_a_custom_bus_serves_as_well(aws: EmbeddedAws):
    bus = f"bus-{uuid4().hex[:8]}"
    async with client(aws, "events") as events:
        await events.create_event_bus(Name=bus)
        deployed = await bring_up(aws, EventBusName=bus)
        entry = {"EventBusName": bus, "Source": "test", "DetailType": "t", "Detail": "{}"}
        await events.put_events(Entries=[entry])
    assert len(await receive(aws, deployed.queue_url)) == 1


async def test_a_message_received_too_often_goes_to_the_dead_letter_queue(aws: EmbeddedAws):
    deployed = await bring_up(aws, QueueMaxReceiveCount="1")
    await publish(aws, deployed.bus_name)
    async with client(aws, "sqs") as sqs:
        await sqs.receive_message(QueueUrl=deployed.queue_url, VisibilityTimeout=0)
    assert await receive(aws, deployed.queue_url) == []
    assert len(await receive(aws, deployed.dlq_url)) == 1


# What stands there afterwards


async def test_the_queue_has_the_attributes_that_it_should(aws: EmbeddedAws, untouched: Deployed):
    of = await attributes(aws, untouched.queue_url)
    assert of["QueueArn"] == untouched.queue_arn
    assert of["VisibilityTimeout"] == "300"
    assert of["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert of["ReceiveMessageWaitTimeSeconds"] == "20"
    assert of["SqsManagedSseEnabled"] == "true"
    redrive = json.loads(of["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == untouched.dlq_arn
    assert int(redrive["maxReceiveCount"]) == 100


async def test_the_dead_letter_queues_keep_for_14_days_and_take_from_one_queue_at_most(
    aws: EmbeddedAws,
    untouched: Deployed,
):
    dead, undelivered = [
        await attributes(aws, url) for url in (untouched.dlq_url, untouched.undelivered_url)
    ]
    for of in (dead, undelivered):
        assert of["MessageRetentionPeriod"] == str(14 * 24 * 3600)
        assert of["SqsManagedSseEnabled"] == "true"
    assert json.loads(dead["RedriveAllowPolicy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [untouched.queue_arn],
    }
    assert json.loads(undelivered["RedriveAllowPolicy"]) == {"redrivePermission": "denyAll"}


async def test_the_rule_is_the_one_that_the_policies_name(aws: EmbeddedAws, untouched: Deployed):
    async with client(aws, "events") as events:
        name = f"benchling-events-{uid_of(untouched)}"
        rule = await events.describe_rule(Name=name, EventBusName=untouched.bus_name)
        answer = await events.list_targets_by_rule(Rule=name, EventBusName=untouched.bus_name)
    assert rule["State"] == "ENABLED"
    (target,) = answer["Targets"]
    assert target["Arn"] == untouched.queue_arn
    assert target["DeadLetterConfig"] == {"Arn": untouched.undelivered_arn}
    assert target["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": 86400,
        "MaximumRetryAttempts": 185,
    }
    assert rule["Arn"].endswith(f":rule/{untouched.bus_name}/{name}")
    for url in (untouched.queue_url, untouched.undelivered_url):
        policy = statements((await attributes(aws, url))["Policy"])
        assert policy["RuleDelivers"]["Condition"] == {"ArnEquals": {"aws:SourceArn": rule["Arn"]}}


async def test_every_queue_refuses_what_comes_without_tls(aws: EmbeddedAws, untouched: Deployed):
    for url in (untouched.queue_url, untouched.dlq_url, untouched.undelivered_url):
        policy = statements((await attributes(aws, url))["Policy"])
        assert policy["TlsOnly"]["Effect"] == "Deny"
        assert policy["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


async def alarms(aws: EmbeddedAws, deployed: Deployed) -> dict[str, dict[str, Any]]:
    prefix = f"benchling-events-{uid_of(deployed)}-"
    async with client(aws, "cloudwatch") as cloudwatch:
        answer = await cloudwatch.describe_alarms(AlarmNamePrefix=prefix)
    return {alarm["AlarmName"].removeprefix(prefix): alarm for alarm in answer["MetricAlarms"]}


async def test_there_are_alarms_for_each_way_in_which_events_get_stuck(
    aws: EmbeddedAws, untouched: Deployed
):
    found = await alarms(aws, untouched)
    assert {name: (alarm["MetricName"], alarm["Threshold"]) for name, alarm in found.items()} == {
        "dead-letters": ("ApproximateNumberOfMessagesVisible", 0),
        "undelivered": ("ApproximateNumberOfMessagesVisible", 0),
        "lost": ("InvocationsFailedToBeSentToDlq", 0),
        "oldest-message": ("ApproximateAgeOfOldestMessage", 3600),
    }
    watched = {
        name: alarm["Dimensions"][0]["Value"]
        for name, alarm in found.items()
        if alarm["Namespace"] == "AWS/SQS"
    }
    queues = {
        "dead-letters": untouched.dlq_arn,
        "undelivered": untouched.undelivered_arn,
        "oldest-message": untouched.queue_arn,
    }
    assert watched == {name: arn.rsplit(":", 1)[1] for name, arn in queues.items()}
    assert all(alarm["AlarmActions"] == [] for alarm in found.values())


async def test_a_dead_letter_raises_its_alarm(aws: EmbeddedAws):
    deployed = await bring_up(aws)
    found = await alarms(aws, deployed)
    async with client(aws, "cloudwatch") as cloudwatch:
        # The stand-in publishes no metrics of queues.
        await cloudwatch.put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateNumberOfMessagesVisible",
                    "Dimensions": found["dead-letters"]["Dimensions"],
                    "Value": 1,
                }
            ],
        )
    assert (await alarms(aws, deployed))["dead-letters"]["StateValue"] == "ALARM"


# Optional parameters


async def test_alarms_go_to_a_topic_of_ones_own(aws: EmbeddedAws):
    topic = f"arn:aws:sns:{aws.region}:{aws.account_id}:on-call"
    deployed = await bring_up(aws, AlarmTopicArn=topic, OldestMessageAlarmInSeconds="600")
    found = await alarms(aws, deployed)
    assert all(alarm["AlarmActions"] == alarm["OKActions"] == [topic] for alarm in found.values())
    assert found["oldest-message"]["Threshold"] == 600
    assert "AlarmTopicArn" not in deployed.outputs


async def test_alarms_go_to_an_address_through_a_topic_of_the_stack(aws: EmbeddedAws):
    deployed = await bring_up(aws, AlarmEmail="on-call@acme.example")
    topic = deployed.outputs["AlarmTopicArn"]
    found = await alarms(aws, deployed)
    assert all(alarm["AlarmActions"] == [topic] for alarm in found.values())
    async with client(aws, "sns") as sns:
        answer = await sns.list_subscriptions_by_topic(TopicArn=topic)
    (subscription,) = answer["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "on-call@acme.example")


async def test_a_key_of_ones_own_encrypts_all_queues(aws: EmbeddedAws):
    key = f"arn:aws:kms:{aws.region}:{aws.account_id}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    deployed = await bring_up(aws, KmsKeyArn=key)
    for url in (deployed.queue_url, deployed.dlq_url, deployed.undelivered_url):
        of = await attributes(aws, url)
        assert of["KmsMasterKeyId"] == key
        assert of.get("SqsManagedSseEnabled") != "true"


async def test_receives_and_visibility_timeout_can_be_chosen(aws: EmbeddedAws):
    deployed = await bring_up(
        aws, QueueMaxReceiveCount="7", QueueVisibilityTimeoutInSeconds="43200"
    )
    of = await attributes(aws, deployed.queue_url)
    assert int(json.loads(of["RedrivePolicy"])["maxReceiveCount"]) == 7
    assert of["VisibilityTimeout"] == "43200"


async def test_without_further_readers_there_is_no_statement_for_them(
    aws: EmbeddedAws, untouched: Deployed
):
    policy = statements((await attributes(aws, untouched.queue_url))["Policy"])
    assert sorted(policy) == ["ConnectorReads", "RuleDelivers", "TlsOnly"]


# Stacks that come again, go, or fail


async def test_deploying_again_changes_nothing_and_new_parameters_are_taken_over(
    aws: EmbeddedAws,
):
    deployed = await bring_up(aws)
    await publish(aws, deployed.bus_name)
    assert await bring_up(aws, name=uid_of(deployed)) == deployed
    again = await bring_up(aws, name=uid_of(deployed), QueueVisibilityTimeoutInSeconds="60")
    assert again == deployed
    assert (await attributes(aws, deployed.queue_url))["VisibilityTimeout"] == "60"
    assert len(await receive(aws, deployed.queue_url)) == 1


async def test_messages_and_the_right_to_read_them_outlive_the_stack(aws: EmbeddedAws):
    deployed = await bring_up(aws)
    await publish(aws, deployed.bus_name)
    before = await attributes(aws, deployed.queue_url)
    stack = f"stack-{uid_of(deployed)}-queue"
    async with client(aws, "cloudformation") as stacks:
        await stacks.delete_stack(StackName=stack)
        waiter = stacks.get_waiter("stack_delete_complete")
        await waiter.wait(StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    assert (await attributes(aws, deployed.queue_url))["Policy"] == before["Policy"]
    assert len(await receive(aws, deployed.queue_url)) == 1


async def test_a_stack_that_fails_says_why(aws: EmbeddedAws):
    misnamed = BUS.replace("Name: !Ref PartnerEventSource", "Name: benchling", 1)
    with pytest.raises(DeploymentError, match=r"PartnerEventBus: .*must be its source's"):
        await bring_up(aws, bus_template=misnamed)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("EventBusName", "default"),
        ("OrgSlug", "*"),
        ("QueueMaxReceiveCount", "1001"),
        ("QueueVisibilityTimeoutInSeconds", "43201"),
        ("TDPAWSAccountID", "1234"),
        ("UID", "a" * 26),
        ("UID", "Plant-1"),
        ("ConnectorPrincipalArns", "arn:aws:iam::111122223333:role/ok,*"),
    ],
)
async def test_a_bad_value_is_refused_by_name(aws: EmbeddedAws, parameter: str, value: str):
    request = {
        "EventBusName": "aws.partner/benchling.com/acme/events",
        "OrgSlug": "acme",
        "TDPAWSAccountID": TDP,
        "TDPAWSRegion": "us-east-1",
        "TDPEnvironment": "production",
        "UID": uuid4().hex[:12],
        parameter: value,
    }
    async with client(aws, "cloudformation") as stacks:
        with pytest.raises(ClientError, match=f"Parameter '{parameter}' must") as refused:
            await stacks.create_stack(
                StackName=f"bad-{uuid4().hex[:8]}",
                TemplateBody=QUEUE,
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": given} for key, given in request.items()
                ],
            )
    assert refused.value.response["Error"]["Code"] == "ValidationError"


# With policies enforced


@pytest.fixture(scope="module")
def strict() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(enforce_policies=True) as stand_in:
        yield stand_in


enforced = pytest.mark.xdist_group("enforced policies")


@asynccontextmanager
async def connector(
    aws: EmbeddedAws, role: str, account: str = TDP, *, tls: bool = True
) -> AsyncIterator[Any]:
    """An SQS client in that role, which its own account lets do everything on every queue."""
    root = client_arguments(aws.endpoint_url, aws.region, Credentials(account, "test"))
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    async with SESSION.create_client("iam", **root) as iam:
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            await iam.create_role(
                RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
            )
        await iam.put_role_policy(
            RoleName=role,
            PolicyName="queues",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
        )
    async with SESSION.create_client("sts", **root) as sts:
        answer = await sts.assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="connector"
        )
    keys = answer["Credentials"]
    async with SESSION.create_client(
        "sqs",
        endpoint_url=aws.endpoint_url,
        region_name=aws.region,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    ) as made:

        def without_tls(request: Any, **_: Any) -> None:
            request.headers["X-Forwarded-Proto"] = "http"

        if not tls:
            made.meta.events.register("before-send.sqs", without_tls)
        yield made


async def is_denied(call: Any) -> bool:
    try:
        await call
    except ClientError as error:
        return str(error.response["Error"]["Code"]).startswith("AccessDenied")
    return False


OURS = "ts-production-us-east-1-acme-connector"


@enforced
async def test_the_connector_may_receive_delete_extend_and_read_attributes(strict: EmbeddedAws):
    deployed = await bring_up(strict)
    await publish(strict, deployed.bus_name)
    async with connector(strict, OURS) as sqs:
        url = deployed.queue_url
        answer = await sqs.receive_message(QueueUrl=url)
        (message,) = answer["Messages"]
        handle = message["ReceiptHandle"]
        await sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60
        )
        await sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
        answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        assert answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"


@enforced
async def test_the_connector_may_do_nothing_else(strict: EmbeddedAws, guarded: Deployed):
    async with connector(strict, OURS) as sqs:
        url = guarded.queue_url
        assert await is_denied(sqs.send_message(QueueUrl=url, MessageBody="forged"))
        assert await is_denied(sqs.purge_queue(QueueUrl=url))
        assert await is_denied(sqs.receive_message(QueueUrl=guarded.dlq_url))
        assert await is_denied(sqs.receive_message(QueueUrl=guarded.undelivered_url))


@enforced
@pytest.mark.parametrize(
    ("role", "account"),
    [
        ("ts-production-us-east-1-acmecorp-connector", TDP),
        ("ts-production-us-east-1-otheracme-connector", TDP),
        ("ts-development-us-east-1-acme-connector", TDP),
        ("ts-production-eu-west-1-acme-connector", TDP),
        (OURS, "444455556666"),
    ],
    ids=["longer slug", "slug as suffix", "environment", "Region", "account"],
)
async def test_a_role_of_another_is_refused(
    strict: EmbeddedAws, guarded: Deployed, role: str, account: str
):
    async with connector(strict, role, account) as sqs:
        assert await is_denied(sqs.receive_message(QueueUrl=guarded.queue_url))


@enforced
async def test_the_connector_is_refused_without_tls(strict: EmbeddedAws, guarded: Deployed):
    async with connector(strict, OURS, tls=False) as sqs:
        assert await is_denied(sqs.receive_message(QueueUrl=guarded.queue_url))


@enforced
async def test_a_role_given_by_name_is_the_only_one_admitted(strict: EmbeddedAws):
    named = "connectors-benchling"
    deployed = await bring_up(strict, ConnectorRoleArn=f"arn:aws:iam::{TDP}:role/{named}")
    async with connector(strict, named) as sqs:
        await sqs.receive_message(QueueUrl=deployed.queue_url, WaitTimeSeconds=0)
    async with connector(strict, OURS) as sqs:
        assert await is_denied(sqs.receive_message(QueueUrl=deployed.queue_url))


@enforced
async def test_further_readers_are_admitted_whatever_their_names(strict: EmbeddedAws):
    deployed = await bring_up(
        strict,
        ConnectorPrincipalArns=(
            f"arn:aws:iam::{TDP}:role/first,arn:aws:iam::444455556666:role/second"
        ),
    )
    for role, account in (("first", TDP), ("second", "444455556666")):
        async with connector(strict, role, account) as sqs:
            await sqs.receive_message(QueueUrl=deployed.queue_url, WaitTimeSeconds=0)
            assert await is_denied(
                sqs.send_message(QueueUrl=deployed.queue_url, MessageBody="forged")
            )


@enforced
async def test_no_other_rule_may_send_to_the_queue(strict: EmbeddedAws):
    deployed = await bring_up(strict)
    async with client(strict, "events") as events:
        await events.put_rule(
            Name="foreign",
            EventBusName=deployed.bus_name,
            EventPattern=json.dumps({"source": [{"prefix": ""}]}),
        )
        await events.put_targets(
            Rule="foreign",
            EventBusName=deployed.bus_name,
            Targets=[{"Id": "queue", "Arn": deployed.queue_arn}],
        )
    await publish(strict, deployed.bus_name)
    assert len(await receive(strict, deployed.queue_url)) == 1


@enforced
async def test_what_cannot_be_delivered_waits_with_the_reason(strict: EmbeddedAws):
    deployed = await bring_up(strict)
    async with client(strict, "sqs") as sqs:
        await sqs.set_queue_attributes(QueueUrl=deployed.queue_url, Attributes={"Policy": ""})
    await publish(strict, deployed.bus_name)
    assert await receive(strict, deployed.queue_url) == []
    (message,) = await receive(strict, deployed.undelivered_url)
    assert json.loads(message["Body"])["detail"] == DETAIL
    reasons = {name: of["StringValue"] for name, of in message["MessageAttributes"].items()}
    assert reasons == {
        "RULE_ARN": deployed.rule_arn,
        "TARGET_ARN": deployed.queue_arn,
        "ERROR_CODE": "NO_PERMISSIONS",
    }
