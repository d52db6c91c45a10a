"""The lake in a bucket: who we are, what is sent, and what the answers mean."""

import asyncio
import base64
import hashlib
import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import trustme
from aiohttp import web

from benchling_connector.adapters.aws import new_session
from benchling_connector.adapters.lake import open_lake, probe_lake
from benchling_connector.adapters.lake.address import BucketAddress
from benchling_connector.adapters.lake.s3 import Identity, s3_store
from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.simulator.aws import EmbeddedAws
from tests.aws import SESSION
from tests.proxy import relay, server_context

REGION = "us-east-1"
BODY = b'{"a": 1}'
SECRET = "FwoGZXIvYXdzEXAMPLE"


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without AWS in it, and the credentials file that the chain looks into."""
    for variable in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    credentials = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    return credentials


def write_key(file: Path, key: str) -> None:
    file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n")


@dataclass
class Request:
    """What was asked."""

    method: str
    raw_path: str
    headers: dict[str, str]


@dataclass
class FakeStore:
    """An object store that answers as it is told, and remembers what it was asked."""

    url: str = ""
    accepted: set[str] = field(default_factory=set)
    asked: list[Request] = field(default_factory=list)
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"e"'})
    denied: tuple[tuple[str, str], ...] = ()
    """Methods with a part of the paths for which they are denied; with any, objects are kept."""
    kept: dict[str, bytes] = field(default_factory=dict)

    async def serve(self, request: web.Request) -> web.Response:
        sent = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Request(request.method, request.raw_path, headers))
        key = headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        if self.accepted and key not in self.accepted:
            return web.Response(status=400, text=_error("ExpiredToken"))
        if self.denied:
            return self._keeping(request.method, request.path, sent)
        return web.Response(status=self.status, text=self.body, headers=self.headers)

    def _keeping(self, method: str, path: str, sent: bytes) -> web.Response:
        if any(method == denied and part in path for denied, part in self.denied):
            if method == "POST":
                (key,) = re.findall(r"<Key>(.+?)</Key>", sent.decode())
                why = "<Code>AccessDenied</Code><Message>Access Denied</Message>"
                text = f"<DeleteResult><Error><Key>{key}</Key>{why}</Error></DeleteResult>"
                return web.Response(text=text)
            return web.Response(status=403, text=_error("AccessDenied"))
        if method == "PUT":
            self.kept[path] = sent
        elif method == "POST":  # obstore removes by DeleteObjects
            keys = re.findall(r"<Key>(.+?)</Key>", sent.decode())
            for key in keys:
                self.kept.pop(f"/bucket/{key}", None)
            gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            return web.Response(text=f"<DeleteResult>{gone}</DeleteResult>")
        elif path not in self.kept:
            return web.Response(status=404, text=_error("NoSuchKey"))
        return web.Response(body=self.kept.get(path, b""), headers=self.headers)


def _error(code: str) -> str:
    return f"<Error><Code>{code}</Code><StringToSign>{SECRET}</StringToSign></Error>"


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch, identity: Path) -> AsyncIterator[FakeStore]:
    store = FakeStore()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", store.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    store.url = f"http://{host}:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
    write_key(identity, "key")
    yield store
    await runner.cleanup()


async def test_s3_gets_type_checksum_and_region(fake: FakeStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    async with open_lake("s3://bucket/raw", region=REGION) as lake:
        await lake.put("schema_id=a%2Fb/x.json", BODY)
    (asked,) = fake.asked
    assert asked.method == "PUT"
    assert asked.raw_path == "/bucket/raw/schema_id%3Da%252Fb/x.json"
    assert asked.headers["content-type"] == "application/json"
    checksum = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert asked.headers["x-amz-checksum-sha256"] == checksum
    assert "/eu-west-1/s3/" in asked.headers["authorization"]


async def test_s3_keeps_type_and_checksum(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch):
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    bucket = f"lake-{uuid4().hex}"
    async with SESSION.create_client("s3", **aws.client_arguments()) as s3:
        await s3.create_bucket(Bucket=bucket)
        async with open_lake(f"s3://{bucket}", region=REGION) as lake:
            await lake.put("x.json", BODY)
        head = await s3.head_object(Bucket=bucket, Key="x.json", ChecksumMode="ENABLED")
    assert head["ContentType"] == "application/json"
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(BODY).digest()).decode()


async def test_a_bucket_that_does_not_exist_is_said_so(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
):
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    async with open_lake(f"s3://lake-{uuid4().hex}", region=REGION) as lake:
        for call in (lake.put("x.json", BODY), lake.sha256("x.json")):
            with pytest.raises(ConfigurationError) as caught:
                await call
            assert caught.value.code == "lake-not-found"


@pytest.mark.parametrize(
    ("status", "answer", "family", "code"),
    [
        (403, "AccessDenied", ConfigurationError, "lake-access-denied"),
        (403, None, ConfigurationError, "lake-access-denied"),
        (401, None, ConfigurationError, "lake-access-denied"),
        (403, "InvalidAccessKeyId", ConfigurationError, "aws-credentials-refused"),
        (403, "SignatureDoesNotMatch", ConfigurationError, "aws-credentials-refused"),
        (403, "RequestTimeTooSkewed", ConfigurationError, "aws-credentials-refused"),
        (400, "ExpiredToken", ConfigurationError, "aws-credentials-refused"),
        (404, "NoSuchBucket", ConfigurationError, "lake-not-found"),
        (400, "KeyTooLongError", ConfigurationError, "lake-not-found"),
        (301, "PermanentRedirect", ConfigurationError, "lake-not-found"),
        (400, "AuthorizationHeaderMalformed", ConfigurationError, "lake-not-found"),
        (503, "SlowDown", TransientError, "lake-failing"),
        (500, "InternalError", TransientError, "lake-failing"),
        (400, "RequestTimeout", TransientError, "lake-failing"),
        (429, None, TransientError, "lake-failing"),
    ],
)
async def test_every_answer_to_a_put_belongs_to_a_family(
    fake: FakeStore, status, answer, family, code
):
    fake.status, fake.body = status, _error(answer) if answer else "no"
    async with open_lake("s3://bucket/raw", region=REGION) as lake:
        with pytest.raises(family) as caught:
            await lake.put("x.json", BODY)
    assert caught.value.code == code
    assert SECRET not in str(caught.value)
    assert len(fake.asked) <= 4


async def test_a_bucket_that_denies_one_path_can_be_tried_out(fake: FakeStore):
    fake.denied = (("PUT", "entry"),)
    async with open_lake("s3://bucket/raw", region=REGION) as lake:
        with pytest.raises(ConfigurationError):
            await lake.put("resource_type=entry/x.json", BODY)
        await lake.try_out()
    assert fake.kept == {}


async def test_where_nothing_may_be_removed_one_object_stays_of_all_trials(fake: FakeStore):
    fake.denied = (("POST", ""),)
    async with open_lake("s3://bucket/raw", region=REGION) as lake:
        for _ in range(3):
            await lake.try_out()
    (path,) = fake.kept
    assert path.startswith("/bucket/raw/_probe/")


@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_a_bucket_that_may_not_be_written_or_read_cannot_be_tried_out(
    fake: FakeStore, method: str
):
    fake.denied = ((method, ""),)
    async with open_lake("s3://bucket/raw", region=REGION) as lake:
        with pytest.raises(ConfigurationError) as caught:
            await lake.try_out()
    assert caught.value.code == "lake-access-denied"


async def test_missing_is_only_what_the_store_itself_calls_missing(fake: FakeStore):
    async with open_lake("s3://bucket", region=REGION) as lake:
        fake.status, fake.body = 404, _error("NoSuchKey")
        assert await lake.sha256("x.json") is None
        fake.body = "<html>Not Found</html>"  # a proxy's, or a wrong endpoint's
        with pytest.raises(TransientError):
            await lake.sha256("x.json")


async def test_a_page_of_html_is_no_success(fake: FakeStore):
    fake.body, fake.headers = "<html>Please sign in</html>", {}
    async with open_lake("s3://bucket", region=REGION) as lake:
        with pytest.raises(TransientError):
            await lake.put("x.json", BODY)


async def test_the_probe_tells_each_step_apart(fake: FakeStore):
    fake.status, fake.body = 403, _error("AccessDenied")
    async with open_lake("s3://bucket", region=REGION) as lake:
        probe = await probe_lake(lake)
    assert probe.write.error is not None
    assert probe.write.error.code == "lake-access-denied"
    assert probe.tells_missing.error is not None
    assert (probe.read_back.works, probe.read_back.error) == (False, None)


async def test_without_credentials_the_error_says_so(fake: FakeStore, identity: Path):
    identity.unlink()
    async with open_lake("s3://bucket", region=REGION) as lake:
        with pytest.raises(ConfigurationError) as caught:
            await lake.put("x.json", BODY)
        assert caught.value.code == "aws-credentials-missing"
        write_key(identity, "key")
        await lake.put("x.json", BODY)


async def test_a_profile_that_does_not_exist_is_missing_credentials(
    identity: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigurationError) as caught:
        async with open_lake("s3://bucket", region=REGION):
            pass
    assert caught.value.code == "aws-credentials-missing"


async def test_a_key_that_was_rotated_costs_no_put(fake: FakeStore, identity: Path):
    fake.accepted = {"old"}
    write_key(identity, "old")
    async with open_lake("s3://bucket", region=REGION) as lake:
        await lake.put("x.json", BODY)
        fake.accepted = {"new"}
        write_key(identity, "new")
        await asyncio.gather(*(lake.put(f"{n}.json", BODY) for n in range(5)))


async def test_a_key_that_ended_is_refused_once_not_for_ever(fake: FakeStore, identity: Path):
    fake.accepted = {"old"}
    write_key(identity, "old")
    async with open_lake("s3://bucket", region=REGION) as lake:
        await lake.put("x.json", BODY)
        fake.accepted = {"new"}
        fake.asked.clear()
        with pytest.raises(ConfigurationError) as caught:
            await lake.put("x.json", BODY)
    assert caught.value.code == "aws-credentials-refused"
    assert len(fake.asked) == 2


async def test_a_server_that_is_not_there_passes(identity: Path, monkeypatch: pytest.MonkeyPatch):
    write_key(identity, "key")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    async with open_lake("s3://bucket", region=REGION) as lake:
        with pytest.raises(TransientError) as caught:
            await lake.put("x.json", BODY)
    assert caught.value.code == "lake-failing"


async def test_credentials_that_end_are_renewed_before(identity: Path, tmp_path: Path):
    """A profile with `credential_process`, as single sign-on tools set it up."""
    count = tmp_path / "count"
    script = tmp_path / "process.py"
    ends = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
    answer = {"Version": 1, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": ends}
    script.write_text(
        "import json, pathlib\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "number = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(number))\n"
        f"print(json.dumps({{**{json.dumps(answer)}, 'AccessKeyId': f'key-{{number}}'}}))\n"
    )
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {sys.executable} {script}\n")
    who = Identity(new_session())
    first, second = await who(), await who()
    assert first["access_key_id"] != second["access_key_id"]
    assert first["token"] == "t"
    assert first["expires_at"] is not None
    assert first["expires_at"] > datetime.now(UTC) + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("bucket", "region", "endpoint", "by_host"),
    [
        ("lake", "eu-west-1", "https://lake.s3.eu-west-1.amazonaws.com", "true"),
        ("my.lake", "eu-west-1", "https://s3.eu-west-1.amazonaws.com", "false"),
        ("lake", "cn-north-1", "https://lake.s3.cn-north-1.amazonaws.com.cn", "true"),
        ("lake", "us-gov-west-1", "https://lake.s3.us-gov-west-1.amazonaws.com", "true"),
    ],
)
def test_a_bucket_at_aws_is_asked_at_its_regions_own_host(
    identity: Path, bucket: str, region: str, endpoint: str, by_host: str
):
    store, _ = s3_store(BucketAddress("s3", bucket, ""), region, {}, {})
    assert store.config["endpoint"] == endpoint
    assert str(store.config["virtual_hosted_style_request"]).lower() == by_host


async def test_google_and_azure_get_the_same_key(fake: FakeStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GOOGLE_BASE_URL", fake.url)
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "token")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", fake.url)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"k" * 32).decode())
    fake.headers["Last-Modified"] = "Thu, 01 Jan 2026 00:00:00 GMT"
    for url in ("gs://bucket/raw", "az://bucket/raw"):
        async with open_lake(url, region=REGION) as lake:
            await lake.put("schema_id=a%2Fb/x.json", BODY)
            fake.status, fake.body = 403, _error("AuthorizationFailure")
            with pytest.raises(ConfigurationError) as caught:
                await lake.put("x.json", BODY)
            assert caught.value.code == "lake-access-denied"
            fake.status, fake.body = 200, ""
    google, _, azure, _ = fake.asked
    assert google.raw_path == "/bucket/raw%2Fschema%5Fid%3Da%252Fb%2Fx%2Ejson"
    assert azure.raw_path == "/bucket/raw/schema_id=a%252Fb/x.json"
    assert google.headers["content-type"] == "application/json"
    assert azure.headers["x-ms-blob-content-type"] == "application/json"


async def test_google_and_azure_trust_the_bundle_besides_the_public_authorities(
    fake: FakeStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    authority, bundle = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    tls = server_context(authority, authority.issue_cert("127.0.0.1"))
    async with relay(("127.0.0.1", int(fake.url.rpartition(":")[2])), tls=tls) as front:
        url = f"https://127.0.0.1:{front.port}"
        monkeypatch.setenv("GOOGLE_BASE_URL", url)
        monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "token")
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", url)
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"k" * 32).decode())
        fake.headers["Last-Modified"] = "Thu, 01 Jan 2026 00:00:00 GMT"
        for lake_url in ("gs://bucket/raw", "az://bucket/raw"):
            async with open_lake(lake_url, region=REGION, ca_bundle=bundle) as lake:
                await lake.put("x.json", BODY)
            async with open_lake(lake_url, region=REGION) as lake:
                with pytest.raises(ConfigurationError) as caught:
                    await lake.put("x.json", BODY)
                assert caught.value.code == "lake-tls"
