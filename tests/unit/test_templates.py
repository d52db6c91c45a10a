"""The CloudFormation templates as they are shipped, and the verbs that ship them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]
from cfnlint.decode.cfn_yaml import loads  # type: ignore[import-untyped]
from typer.testing import CliRunner

from benchling_connector import cloudformation
from benchling_connector.cli.templates import app

BUS, QUEUE = cloudformation.NAMES
SPECIFIED = {
    "EventBusName",
    "OrgSlug",
    "QueueMaxReceiveCount",
    "QueueVisibilityTimeoutInSeconds",
    "TDPAWSAccountID",
    "TDPAWSRegion",
    "TDPEnvironment",
    "UID",
}
GOOD = {
    BUS: {
        "PartnerEventSource": [
            "aws.partner/benchling.com/acme/events",
            "aws.partner/benchling.com/acme-dev/R_and_D.2/more",
        ],
    },
    QUEUE: {
        "EventBusName": [
            "aws.partner/benchling.com/acme/events",
            "benchling-test",
            "default-2",
            "Bus_1.x",
        ],
        "OrgSlug": ["acme", "acme-labs", "acme_2"],
        "TDPAWSAccountID": ["123456789012", "000000000000"],
        "TDPAWSRegion": ["us-east-1", "ap-southeast-2", "us-gov-west-1"],
        "TDPEnvironment": ["production", "UAT", "dev-2"],
        "UID": ["a", "prod1", "0123456789abcdefghijklmno"],
        "ConnectorRoleArn": ["", "arn:aws:iam::123456789012:role/path/ts-connector_1"],
        "ConnectorPrincipalArns": ["", "arn:aws-us-gov:iam::123456789012:user/me@acme.com"],
        "KmsKeyArn": ["", "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab"],
        "AlarmTopicArn": ["", "arn:aws:sns:us-east-1:123456789012:on-call_1"],
        "AlarmEmail": ["", "on.call+aws@acme.example"],
    },
}
BAD = {
    BUS: {
        "PartnerEventSource": [
            "",
            "default",
            "aws.partner/benchling.com",
            "aws.partner/benchling.com/acme",
            "aws.partner/benchling.com/acme/",
            "aws.partner/benchling.com/acme/two words",
            "aws.partner/example.com/acme/events",
            "arn:aws:events:us-east-1:123456789012:event-bus/aws.partner/benchling.com/acme/e",
        ],
    },
    QUEUE: {
        "EventBusName": [
            "",
            "default",
            "aws.partner/benchling.com",
            "a/b",
            "arn:aws:events:us-east-1:123456789012:event-bus/mine",
        ],
        "OrgSlug": ["", "Acme", "acme corp", "*", "-acme", "acme-", "a?me", "acme--labs"],
        "TDPAWSAccountID": ["", "1234-5678-9012", "12345678901", "1234567890123"],
        "TDPAWSRegion": ["", "us-east", "US-EAST-1", "*"],
        "TDPEnvironment": ["", "*", "prod uction", "-prod"],
        "UID": ["", "A1", "plant-1", "0123456789abcdefghijklmnop"],
        "ConnectorRoleArn": ["ts-connector", "arn:aws:iam::123456789012:role/*", "*"],
        "ConnectorPrincipalArns": ["*", "123456789012", "arn:aws:iam::123456789012:root"],
        "KmsKeyArn": ["alias/mine", "1234abcd-12ab"],
        "AlarmTopicArn": ["on-call", "arn:aws:sns:us-east-1:123456789012:on-call.fifo"],
        "AlarmEmail": ["on-call", "a@b", "a b@c.example"],
    },
}


def document(name: str) -> dict[str, Any]:
    return dict(loads(cloudformation.read(name)))


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {
        key: resource
        for key, resource in document(QUEUE)["Resources"].items()
        if resource["Type"] == kind
    }


def statements(policy: str = "QueuePolicy") -> dict[str, dict[str, Any]]:
    properties = document(QUEUE)["Resources"][policy]["Properties"]
    found = [
        entry["Fn::If"][1] if "Fn::If" in entry else entry
        for entry in properties["PolicyDocument"]["Statement"]
    ]
    return {statement["Sid"]: statement for statement in found}


def cases(table: dict[str, dict[str, list[str]]]) -> list[tuple[str, str, str]]:
    return [
        (template, parameter, value)
        for template, parameters in table.items()
        for parameter, values in parameters.items()
        for value in values
    ]


def accepts(template: str, parameter: str, value: str) -> bool:
    rules = document(template)["Parameters"][parameter]
    lengths = range(rules.get("MinLength", 0), rules.get("MaxLength", 4096) + 1)
    # CloudFormation matches the whole value.
    return re.fullmatch(rules["AllowedPattern"], value) is not None and len(value) in lengths


# The templates


@pytest.mark.parametrize("name", cloudformation.NAMES)
def test_cfn_lint_has_nothing_to_say(name: str):
    settings = ManualArgs(
        regions=["us-east-1", "eu-central-1", "ap-southeast-2"], include_checks=["I"]
    )
    assert lint(cloudformation.read(name), config=settings) == []


def test_cfn_lint_would_say_something():
    spoilt = cloudformation.read(QUEUE).replace("!GetAtt Queue.Arn", "!GetAtt Queu.Arn", 1)
    assert lint(spoilt, config=ManualArgs(regions=["us-east-1"]))


@pytest.mark.parametrize("name", cloudformation.NAMES)
def test_a_template_fits_into_one_request(name: str):
    assert len(cloudformation.read(name).encode()) <= 51_200


def test_the_bus_asks_for_the_partner_event_source_alone():
    assert list(document(BUS)["Parameters"]) == ["PartnerEventSource"]


def test_the_bus_bears_its_sources_own_name_and_is_associated_with_it():
    (bus,) = document(BUS)["Resources"].values()
    assert bus["Type"] == "AWS::Events::EventBus"
    assert bus["Properties"]["Name"] == {"Ref": "PartnerEventSource"}
    assert bus["Properties"]["EventSourceName"] == {"Ref": "PartnerEventSource"}


def test_the_queue_asks_for_what_is_specified_and_for_nothing_more():
    parameters = document(QUEUE)["Parameters"]
    required = {key for key, parameter in parameters.items() if "Default" not in parameter}
    assert set(parameters) >= SPECIFIED
    assert required == SPECIFIED - {"QueueMaxReceiveCount", "QueueVisibilityTimeoutInSeconds"}
    assert parameters["QueueMaxReceiveCount"]["Default"] == 100
    assert parameters["QueueVisibilityTimeoutInSeconds"]["Default"] == 300


@pytest.mark.parametrize("name", cloudformation.NAMES)
def test_every_parameter_is_explained_labelled_and_bounded(name: str):
    template = document(name)
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [key for group in interface["ParameterGroups"] for key in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    assert set(interface["ParameterLabels"]) == set(template["Parameters"])
    for key, parameter in template["Parameters"].items():
        assert parameter["Description"], key
        assert parameter["ConstraintDescription"], key
        assert "AllowedPattern" in parameter or {"MinValue", "MaxValue"} <= set(parameter), key


@pytest.mark.parametrize(("template", "parameter", "value"), cases(GOOD))
def test_a_good_value_is_accepted(template: str, parameter: str, value: str):
    assert accepts(template, parameter, value)


@pytest.mark.parametrize(("template", "parameter", "value"), cases(BAD))
def test_a_bad_value_is_refused(template: str, parameter: str, value: str):
    assert not accepts(template, parameter, value)


@pytest.mark.parametrize("template", cloudformation.NAMES)
def test_good_and_bad_values_are_tried_for_every_pattern(template: str):
    patterns = {
        key
        for key, parameter in document(template)["Parameters"].items()
        if "AllowedPattern" in parameter
    }
    assert set(GOOD[template]) == set(BAD[template]) == patterns


def test_names_of_queues_stay_within_what_sqs_allows():
    for queue in resources("AWS::SQS::Queue").values():
        name = queue["Properties"]["QueueName"]["Fn::Sub"].replace("${UID}", "u" * 25)
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name)


# Least privilege, as the policies say it


def test_only_the_rule_may_send_and_only_send():
    rule_arn = (
        "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}"
        ":rule/${EventBusName}/benchling-events-${UID}"
    )
    assert document(QUEUE)["Resources"]["Rule"]["Properties"]["Name"] == {
        "Fn::Sub": "benchling-events-${UID}"
    }
    for policy in ("QueuePolicy", "UndeliveredQueuePolicy"):
        sends = statements(policy)["RuleDelivers"]
        assert sends["Principal"] == {"Service": "events.amazonaws.com"}
        assert sends["Action"] == "sqs:SendMessage"
        assert sends["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::Sub": rule_arn}}}


@pytest.mark.parametrize("reader", ["ConnectorReads", "FurtherReaders"])
def test_a_reader_may_receive_delete_extend_and_read_attributes_of_this_queue(reader: str):
    statement = statements()[reader]
    assert sorted(statement["Action"]) == [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ]
    assert statement["Resource"] == {"Fn::GetAtt": ["Queue", "Arn"]}


def test_the_connectors_role_is_narrowed_by_organisation_region_and_environment():
    statement = statements()["ConnectorReads"]
    role = "arn:${AWS::Partition}:iam::${TDPAWSAccountID}:role/"
    assert statement["Principal"] == {
        "AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${TDPAWSAccountID}:root"}
    }
    condition, given, derived = statement["Condition"]["Fn::If"]
    assert condition == "HasConnectorRole"
    assert given == {"ArnEquals": {"aws:PrincipalArn": {"Ref": "ConnectorRoleArn"}}}
    organisation = [entry["Fn::Sub"] for entry in derived["ArnLike"]["aws:PrincipalArn"]]
    assert all(arn.startswith(role) and "${OrgSlug}" in arn for arn in organisation)
    assert not any("*${OrgSlug}" in arn or "${OrgSlug}*" in arn for arn in organisation)
    assert derived["ArnEquals"] == {"aws:PrincipalArn": {"Fn::Sub": f"{role}*${{TDPAWSRegion}}*"}}
    assert derived["StringLike"] == {
        "aws:PrincipalArn": {"Fn::Sub": f"{role}*${{TDPEnvironment}}*"}
    }


def test_nobody_is_allowed_everything():
    for policy in resources("AWS::SQS::QueuePolicy"):
        for statement in statements(policy).values():
            if statement["Effect"] == "Allow":
                assert statement["Principal"] != "*"
                assert "*" not in str(statement["Action"])
                assert "Fn::GetAtt" in statement["Resource"]


def test_every_queue_has_a_policy_that_refuses_what_comes_without_tls():
    covered = set()
    for key, policy in resources("AWS::SQS::QueuePolicy").items():
        covered |= {queue["Ref"] for queue in policy["Properties"]["Queues"]}
        refusal = statements(key)["TlsOnly"]
        assert (refusal["Effect"], refusal["Principal"]) == ("Deny", "*")
        assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert covered == set(resources("AWS::SQS::Queue"))


# Nothing gets lost


def test_the_queues_and_their_policies_outlive_the_stack():
    kept = resources("AWS::SQS::Queue") | resources("AWS::SQS::QueuePolicy")
    assert len(kept) == 6
    for resource in kept.values():
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_every_queue_keeps_for_14_days_and_encrypts():
    for queue in resources("AWS::SQS::Queue").values():
        properties = queue["Properties"]
        assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600
        no_value = {"Ref": "AWS::NoValue"}
        assert properties["SqsManagedSseEnabled"] == {"Fn::If": ["HasKmsKey", no_value, True]}
        assert properties["KmsMasterKeyId"] == {
            "Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, no_value]
        }


def test_the_rule_sends_every_event_and_only_after_it_may():
    rule = document(QUEUE)["Resources"]["Rule"]
    assert set(rule["DependsOn"]) == {"QueuePolicy", "UndeliveredQueuePolicy"}
    assert rule["Properties"]["EventPattern"] == {"source": [{"prefix": ""}]}
    (target,) = rule["Properties"]["Targets"]
    assert "InputPath" not in target
    assert "InputTransformer" not in target
    assert target["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": 24 * 3600,
        "MaximumRetryAttempts": 185,
    }
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["UndeliveredQueue", "Arn"]}}


def test_every_alarm_calls_whoever_is_named_and_is_quiet_without_data():
    found = resources("AWS::CloudWatch::Alarm")
    assert set(found) == {
        "DeadLettersAlarm",
        "LostEventsAlarm",
        "OldestMessageAlarm",
        "UndeliveredAlarm",
    }
    for alarm in found.values():
        properties = alarm["Properties"]
        assert properties["TreatMissingData"] == "notBreaching"
        assert properties["AlarmActions"] == properties["OKActions"]
        assert [action["Fn::If"][0] for action in properties["AlarmActions"]] == [
            "HasAlarmTopic",
            "HasAlarmEmail",
        ]


# The package


def test_the_templates_are_described_in_the_order_of_deployment():
    bus, queue = cloudformation.templates()
    assert (bus.name, queue.name) == (BUS, QUEUE)
    assert bus.title == "The event bus for a Benchling subscription"
    assert queue.description.startswith("Sends every event")
    (source,) = bus.parameters
    assert (source.name, source.default) == ("PartnerEventSource", None)
    defaults = {parameter.name: parameter.default for parameter in queue.parameters}
    assert defaults["QueueMaxReceiveCount"] == "100"
    assert defaults["AlarmEmail"] == ""
    assert set(defaults) == set(document(QUEUE)["Parameters"])


def test_a_template_is_read_with_or_without_its_ending():
    assert cloudformation.read("benchling-event-bus") == cloudformation.read(BUS)
    with pytest.raises(KeyError):
        cloudformation.read("../pyproject")


def test_every_template_in_the_folder_is_listed():
    folder = Path(cloudformation.__file__).parent
    assert {path.name for path in folder.glob("*.yaml")} == set(cloudformation.NAMES)


# The verbs

run = CliRunner()


def test_ls_shows_every_parameter():
    answer = run.invoke(app, ["ls"], env={"COLUMNS": "200"})
    assert answer.exit_code == 0
    assert answer.stderr == ""
    for template in cloudformation.templates():
        assert template.name in answer.stdout
        assert all(parameter.name in answer.stdout for parameter in template.parameters)


def test_ls_json_is_one_document():
    answer = run.invoke(app, ["ls", "--json"])
    assert answer.exit_code == 0
    listed = json.loads(answer.stdout)["templates"]
    assert [template["name"] for template in listed] == [BUS, QUEUE]
    assert listed[1]["parameters"][0]["name"] == "EventBusName"
    assert listed[1]["parameters"][0]["default"] is None


@pytest.mark.parametrize("name", ["benchling-sqs-queue", "benchling-sqs-queue.yaml"])
def test_show_prints_the_template_to_the_byte(name: str):
    answer = run.invoke(app, ["show", name])
    assert answer.exit_code == 0
    assert answer.stdout == cloudformation.read(QUEUE)


@pytest.mark.parametrize("verb", [["show"], ["export", "--to", "somewhere"]])
def test_an_unknown_name_is_wrong_usage_and_the_known_ones_are_named(
    verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    answer = run.invoke(app, [*verb, "benchling-topic"], env={"COLUMNS": "200"})
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert BUS in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_export_writes_all_templates_into_a_new_folder(tmp_path: Path):
    folder = tmp_path / "aws" / "stacks"
    answer = run.invoke(app, ["export", "--to", str(folder)])
    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [str(folder / BUS), str(folder / QUEUE)]
    for name in cloudformation.NAMES:
        assert (folder / name).read_text(encoding="utf-8") == cloudformation.read(name)


def test_export_json_names_what_was_written(tmp_path: Path):
    answer = run.invoke(app, ["export", "benchling-event-bus", "--to", str(tmp_path), "--json"])
    assert answer.exit_code == 0
    assert json.loads(answer.stdout) == {"written": [str(tmp_path / BUS)]}
    assert [path.name for path in tmp_path.iterdir()] == [BUS]


def test_export_overwrites_only_by_force(tmp_path: Path):
    (tmp_path / BUS).write_text("mine")
    refused = run.invoke(app, ["export", "--to", str(tmp_path)])
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert "--force" in refused.stderr
    assert (tmp_path / BUS).read_text() == "mine"
    assert not (tmp_path / QUEUE).exists()
    forced = run.invoke(app, ["export", "--to", str(tmp_path), "--force"])
    assert forced.exit_code == 0
    assert (tmp_path / BUS).read_text() == cloudformation.read(BUS)


def test_export_into_what_is_no_folder_fails_with_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    answer = run.invoke(app, ["export", "--to", str(tmp_path / "file" / "below")])
    assert answer.exit_code == 1
    assert "could not be written" in answer.stderr


def test_export_without_a_folder_is_wrong_usage():
    assert run.invoke(app, ["export"]).exit_code == 2
