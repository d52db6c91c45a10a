"""`sqs_url`: where to ask, for which queue, in which Region."""

import pytest

from benchling_connector.adapters.sqs import QueueAddress, parse_queue_url
from benchling_connector.domain.errors import ConfigurationError

ACCOUNT = "123456789012"
PLAIN = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/benchling"


@pytest.mark.parametrize(
    ("text", "queue_url", "endpoint", "region"),
    [
        (PLAIN, PLAIN, None, "eu-west-1"),
        (f"  {PLAIN}/ \n", PLAIN, None, "eu-west-1"),
        (f"http://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/benchling", PLAIN, None, "eu-west-1"),
        (
            f"https://sqs.cn-north-1.amazonaws.com.cn/{ACCOUNT}/benchling",
            f"https://sqs.cn-north-1.amazonaws.com.cn/{ACCOUNT}/benchling",
            None,
            "cn-north-1",
        ),
        (
            f"https://sqs.us-gov-west-1.amazonaws.com/{ACCOUNT}/benchling",
            f"https://sqs.us-gov-west-1.amazonaws.com/{ACCOUNT}/benchling",
            None,
            "us-gov-west-1",
        ),
        (f"https://eu-west-1.queue.amazonaws.com/{ACCOUNT}/benchling", PLAIN, None, "eu-west-1"),
        (
            f"https://queue.amazonaws.com/{ACCOUNT}/benchling",
            f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/benchling",
            None,
            "us-east-1",
        ),
        (
            f"https://sqs-fips.us-east-1.amazonaws.com/{ACCOUNT}/benchling",
            f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/benchling",
            "https://sqs-fips.us-east-1.amazonaws.com",
            "us-east-1",
        ),
        (
            f"https://sqs.eu-west-1.api.aws/{ACCOUNT}/benchling",
            PLAIN,
            "https://sqs.eu-west-1.api.aws",
            "eu-west-1",
        ),
        (
            f"https://vpce-0a1b2c-3d4e.sqs.eu-west-1.vpce.amazonaws.com/{ACCOUNT}/benchling",
            PLAIN,
            "https://vpce-0a1b2c-3d4e.sqs.eu-west-1.vpce.amazonaws.com",
            "eu-west-1",
        ),
        (
            f"https://vpce-0a1b2c-3d4e-eu-west-1a.sqs.eu-west-1.vpce.amazonaws.com/{ACCOUNT}/b.fifo",
            f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/b.fifo",
            "https://vpce-0a1b2c-3d4e-eu-west-1a.sqs.eu-west-1.vpce.amazonaws.com",
            "eu-west-1",
        ),
    ],
)
def test_a_host_of_aws_tells_the_region_and_the_endpoint(text, queue_url, endpoint, region):
    address = parse_queue_url(text)
    assert address.queue_url == queue_url
    assert address.endpoint_url == endpoint
    assert address.region == region
    assert address.account_id == ACCOUNT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "http://127.0.0.1:4566/000000000000/benchling",
            QueueAddress(
                "http://127.0.0.1:4566/000000000000/benchling",
                "http://127.0.0.1:4566",
                None,
                "000000000000",
                "benchling",
            ),
        ),
        (
            "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/b",
            QueueAddress(
                "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/b",
                "http://sqs.us-east-1.localhost.localstack.cloud:4566",
                None,
                "000000000000",
                "b",
            ),
        ),
        (
            "https://queues.example.com/queue/benchling",
            QueueAddress(
                "https://queues.example.com/queue/benchling",
                "https://queues.example.com",
                None,
                None,
                "benchling",
            ),
        ),
        (
            "http://[::1]:9324/queue/benchling",
            QueueAddress(
                "http://[::1]:9324/queue/benchling", "http://[::1]:9324", None, None, "benchling"
            ),
        ),
        (
            f"https://sqs.eu-west-1.amazonaws.com.evil.example/{ACCOUNT}/b",
            QueueAddress(
                f"https://sqs.eu-west-1.amazonaws.com.evil.example/{ACCOUNT}/b",
                "https://sqs.eu-west-1.amazonaws.com.evil.example",
                None,
                ACCOUNT,
                "b",
            ),
        ),
    ],
)
def test_any_other_host_is_its_own_endpoint(text, expected):
    assert parse_queue_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "benchling",
        "arn:aws:sqs:eu-west-1:123456789012:benchling",
        "sqs.eu-west-1.amazonaws.com/123456789012/benchling",
        "ftp://sqs.eu-west-1.amazonaws.com/123456789012/benchling",
        "https://sqs.eu-west-1.amazonaws.com",
        "https://sqs.eu-west-1.amazonaws.com/benchling",
        "https://sqs.eu-west-1.amazonaws.com/123/benchling",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/benchling/more",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/bench ling",
        "https://key:secret@sqs.eu-west-1.amazonaws.com/123456789012/benchling",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/benchling?Action=ReceiveMessage",
        "http://127.0.0.1:4566/",
        "http://127.0.0.1:notaport/000000000000/benchling",
        "https://[::1/queue/benchling",
    ],
)
def test_what_is_no_queues_url_is_said_so_without_repeating_it(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_queue_url(text)
    assert caught.value.code == "queue-not-found"
    assert "secret" not in caught.value.sentence
