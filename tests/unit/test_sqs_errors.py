"""What SQS answers, and which error of ours that is."""

import aiohttp
import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from benchling_connector.adapters.sqs.errors import translate
from benchling_connector.domain.errors import ConfigurationError, TransientError


def client_error(
    code: str, *, status: int = 400, call: str = "ReceiveMessage", message: str = "no"
) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, call)


ENDPOINT = {"endpoint_url": "https://sqs.eu-west-1.amazonaws.com/"}


@pytest.mark.parametrize(
    ("error", "family", "code"),
    [
        (client_error("QueueDoesNotExist"), ConfigurationError, "queue-not-found"),
        (
            client_error("AWS.SimpleQueueService.NonExistentQueue"),
            ConfigurationError,
            "queue-not-found",
        ),
        (client_error("InvalidAddress", status=404), ConfigurationError, "queue-not-found"),
        (client_error("AccessDenied", status=403), ConfigurationError, "queue-access-denied"),
        (client_error("AccessDeniedException"), ConfigurationError, "queue-access-denied"),
        (client_error("KMS.AccessDeniedException"), ConfigurationError, "queue-access-denied"),
        (client_error("KmsDisabled"), ConfigurationError, "queue-access-denied"),
        (client_error("InvalidClientTokenId"), ConfigurationError, "aws-credentials-refused"),
        (client_error("SignatureDoesNotMatch"), ConfigurationError, "aws-credentials-refused"),
        (client_error("ExpiredToken"), ConfigurationError, "aws-credentials-refused"),
        (client_error("ExpiredTokenException"), ConfigurationError, "aws-credentials-refused"),
        (
            client_error("UnrecognizedClientException"),
            ConfigurationError,
            "aws-credentials-refused",
        ),
        (
            client_error("AccessDenied", status=403, call="AssumeRole"),
            ConfigurationError,
            "aws-credentials-refused",
        ),
        (client_error("Throttling", call="AssumeRole"), TransientError, "queue-failing"),
        (client_error("InternalFailure", status=500, call="AssumeRole"), TransientError, None),
        (exceptions.NoCredentialsError(), ConfigurationError, "aws-credentials-missing"),
        (
            exceptions.PartialCredentialsError(provider="env", cred_var="x"),
            ConfigurationError,
            "aws-credentials-missing",
        ),
        (
            exceptions.CredentialRetrievalError(provider="p", error_msg="no"),
            ConfigurationError,
            "aws-credentials-missing",
        ),
        (exceptions.ProfileNotFound(profile="p"), ConfigurationError, "aws-credentials-missing"),
        (exceptions.SSOTokenLoadError(error_msg="no"), ConfigurationError, None),
        (exceptions.NoRegionError(), ConfigurationError, "queue-not-found"),
        (client_error("RequestThrottled"), TransientError, "queue-failing"),
        (client_error("ThrottlingException"), TransientError, "queue-failing"),
        (client_error("KmsThrottled"), TransientError, "queue-failing"),
        (client_error("OverLimit", status=403), TransientError, "queue-failing"),
        (client_error("InternalError", status=500), TransientError, "queue-failing"),
        (client_error("503", status=503), TransientError, "queue-failing"),
        (exceptions.EndpointConnectionError(**ENDPOINT), TransientError, "queue-failing"),
        (exceptions.ConnectTimeoutError(**ENDPOINT), TransientError, "queue-failing"),
        (exceptions.ReadTimeoutError(**ENDPOINT), TransientError, "queue-failing"),
        (
            exceptions.SSLError(**ENDPOINT, error=OSError("self-signed")),
            TransientError,
            "queue-failing",
        ),
        (client_error("407", status=407), TransientError, "proxy-failing"),
        (
            exceptions.ProxyConnectionError(
                proxy_url="http://u:***@proxy:3128", error=ConnectionRefusedError(111, "refused")
            ),
            TransientError,
            "proxy-failing",
        ),
        (aiohttp.ClientPayloadError(), TransientError, "queue-failing"),
        (TimeoutError(), TransientError, "queue-failing"),
        (ConnectionResetError(), TransientError, "queue-failing"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:60],
)
def test_every_answer_belongs_to_a_family(error, family, code):
    translated = translate(error, "ReceiveMessage")
    assert type(translated) is family
    if code is not None:
        assert translated.code == code
    assert translated.sentence


def test_the_sentence_names_the_action_and_the_code():
    sentence = translate(client_error("RequestThrottled"), "DeleteMessageBatch").sentence
    assert "DeleteMessageBatch" in sentence
    assert "RequestThrottled" in sentence


def test_a_denial_quotes_who_may_not_do_what_without_key_ids():
    message = (
        "User: arn:aws:iam::123456789012:user/connector (AKIAIOSFODNN7EXAMPLE) is not authorized "
        "to perform: sqs:receivemessage on resource: arn:aws:sqs:eu-west-1:123456789012:benchling"
    )
    sentence = translate(client_error("AccessDenied", message=message), "ReceiveMessage").sentence
    assert "user/connector" in sentence
    assert "AKIAIOSFODNN7EXAMPLE" not in sentence


def test_a_message_about_a_signature_is_not_quoted():
    message = "The Canonical String should have been 'x-amz-security-token:FwoGZXIvYXdzEXAMPLE'"
    error = client_error("SignatureDoesNotMatch", status=403, message=message)
    assert "FwoGZXIvYXdzEXAMPLE" not in str(translate(error, "ReceiveMessage"))
