"""No secret is anywhere that somebody reads, whatever goes wrong."""

import asyncio
import base64
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener
from uuid import uuid4

import pytest
import yaml

from benchling_connector.simulator.faults import FaultKind, FaultPlan
from tests.acceptance.company import PASSWORD as PROXY_PASSWORD
from tests.acceptance.company import QUOTED_PASSWORD, USER, company
from tests.acceptance.world import Ended, World, clean_environment
from tests.aws import SESSION
from tests.leaks import forms, leaks
from tests.proxy import listening

CLIENT_SECRET = 'planted client/secret+0815=Ünï"x'
ROTATED = 'planted rotated/secret+0816=Ünï"y'
WRONG = 'planted wrong/secret+0817=Ünï"z'
AWS_KEY = "planted+aws/secret/key=0818"
AWS_TOKEN = "planted/aws+session=token0819"
DATABASE_PASSWORD = "planted database/word+0820=%x"
OPENER = build_opener(ProxyHandler({}))


@pytest.mark.parametrize(
    "text",
    [
        "the secret: {0}",
        json.dumps({"a": CLIENT_SECRET}),
        quote(CLIENT_SECRET, safe=""),
        base64.b64encode(f"some-client:{CLIENT_SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"a-client:{CLIENT_SECRET}".encode()).decode(),
        base64.b64encode(CLIENT_SECRET.encode()).decode(),
        f"it ends in {CLIENT_SECRET[-12:]}",
    ],
)
def test_the_search_finds_what_it_is_for(text: str) -> None:
    content = text.format(CLIENT_SECRET) if "{0}" in text else text
    assert leaks({"it": CLIENT_SECRET}, [("here", content.encode())])
    assert not leaks({"it": CLIENT_SECRET}, [("here", b"something else, " * 100)])
    assert min(map(len, forms(CLIENT_SECRET))) >= 12


class Run:
    """A process of the program, all of what it says kept; it may be looked at while it runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.stderr = bytearray()
        self.stdout = bytearray()
        assert process.stderr is not None
        assert process.stdout is not None
        self._tasks = [
            asyncio.create_task(self._keep(process.stderr, self.stderr)),
            asyncio.create_task(self._keep(process.stdout, self.stdout)),
        ]

    async def said(self, text: str, times: int = 1) -> None:
        """Returns when it has said this so often."""
        while self.stderr.count(text.encode()) < times:
            assert self.process.returncode is None, self.stderr.decode()[-2000:]
            await asyncio.sleep(0.05)

    async def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await asyncio.gather(*self._tasks)
            return await self.process.wait()

    def port(self) -> int:
        lines = [json.loads(line) for line in self.stderr.splitlines() if b"status.served" in line]
        return int(lines[-1]["port"])

    def about(self) -> Iterator[tuple[str, bytes]]:
        """What the system tells of it to everybody."""
        for name in ("cmdline", "comm", "status", "stat"):
            yield name, Path(f"/proc/{self.process.pid}/{name}").read_bytes()

    @staticmethod
    async def _keep(stream: asyncio.StreamReader, kept: bytearray) -> None:
        while chunk := await stream.read(1 << 16):
            kept += chunk


async def pages(port: int) -> list[tuple[str, bytes]]:
    def get(path: str) -> bytes:
        try:
            with OPENER.open(f"http://127.0.0.1:{port}{path}") as answer:
                return bytes(answer.read())
        except OSError as error:  # 503 is an answer, too
            return bytes(error.read())  # type: ignore[attr-defined]

    names = ("/healthz", "/readyz", "/metrics")
    return [(name, await asyncio.to_thread(get, name)) for name in names]


def files_below(folder: Path, *, but: set[Path]) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and path not in but:
            yield str(path.relative_to(folder)), path.read_bytes()


async def lake_objects(world: World, bucket: str) -> list[tuple[str, bytes]]:
    found = []
    async with SESSION.create_client("s3", **world.aws.client_arguments()) as s3:
        for item in (await s3.list_objects_v2(Bucket=bucket)).get("Contents", ()):
            answer = await s3.get_object(Bucket=bucket, Key=item["Key"])
            found.append((item["Key"], await answer["Body"].read()))
    assert found
    return found


def told(name: str, run: Ended) -> Iterator[tuple[str, bytes]]:
    yield f"stdout of {name}", run.stdout.encode()
    yield f"stderr of {name}", run.stderr.encode()


async def test_a_run_full_of_faults_leaves_no_secret_anywhere(world: World) -> None:
    tenant = world.tenant
    tenant.tokens.register(tenant.client_id, CLIENT_SECRET)
    tenant.tokens.lifetime = 2
    secret_file = world.home / "secret"
    secret_file.write_text(CLIENT_SECRET)
    bucket = f"lake-{uuid4().hex}"
    async with SESSION.create_client("s3", **world.aws.client_arguments()) as s3:
        await s3.create_bucket(Bucket=bucket)
    places: list[tuple[str, bytes]] = []
    secrets = {
        "the client secret": CLIENT_SECRET,
        "the rotated secret": ROTATED,
        "a wrong secret": WRONG,
        "the AWS secret key": AWS_KEY,
        "the AWS session token": AWS_TOKEN,
        "the proxy's password": PROXY_PASSWORD,
    }
    async with company(world, scheme="https", user=USER, password=PROXY_PASSWORD) as here:
        environment = {
            **here.environment(auth=f"{USER}:{QUOTED_PASSWORD}"),
            "AWS_SECRET_ACCESS_KEY": AWS_KEY,
            "AWS_SESSION_TOKEN": AWS_TOKEN,
            "PYTHONASYNCIODEBUG": "1",
        }
        config = world.write(
            **here.settings(
                client_secret=None,
                client_secret_file=str(secret_file),
                lake_url=f"s3://{bucket}/raw",
                http_port=0,
                request_timeout_s=1,
            )
        )
        arguments = ("run", "-c", str(config), "--log-level", "debug")
        kinds = [kind for kind in FaultKind if kind is not FaultKind.SLOW]
        tenant.faults.plan = FaultPlan(dict.fromkeys(kinds, 0.06), hang_seconds=3, token_too=False)
        run = Run(await world.start(*arguments, **environment))
        await world.publish(list(islice(tenant.activity(), 40)))
        await world.queue.send(["planted nowhere, and no JSON"])
        await run.said('"file.stored"', 3)
        for kind in kinds:
            tenant.faults.once(kind, times=2)
        tenant.faults.once(FaultKind.ERROR_500, route="*token*", times=2)
        tenant.faults.once(FaultKind.HTML_200, route="*token*")
        tenant.faults.once(FaultKind.RESET, route="*token*", times=3)
        await world.publish(list(islice(tenant.activity(), 40)))
        await run.said('"dependency.failed"')
        places += await pages(run.port())

        # The proxy refuses, then is asked anew.
        here.proxy.refusal = 407
        here.proxy.close_tunnels()
        await run.said('"proxy-failing"')
        places += await pages(run.port())
        here.proxy.refusal = None

        # A secret that is refused, a wrong one in its place, and at last the right one.
        tenant.faults.clear()
        secrets |= tokens(tenant.tokens._tokens)
        tenant.tokens.register(tenant.client_id, ROTATED)
        tenant.tokens.revoke_all()
        secret_file.write_text(WRONG)
        await world.publish(list(islice(tenant.activity(), 10)))
        await run.said('"benchling-credentials-refused"')
        await run.said('"credentials.renewed"')
        places += await pages(run.port())
        places += run.about()
        secret_file.write_text(ROTATED)
        await run.said('"credentials.renewed"', 2)
        stored = run.stderr.count(b'"file.stored"')
        await world.publish(list(islice(tenant.activity(), 10)))
        await run.said('"file.stored"', stored + 1)
        places += await pages(run.port())
        assert await run.end() == 0
        secrets |= tokens(tenant.tokens._tokens)
        places += [("stderr", bytes(run.stderr)), ("stdout", bytes(run.stdout))]

        # What is told afterwards, and by the other verbs, well and not so well.
        for name, more in (
            ("check", {}),
            ("check without trust", {"SSL_CERT_FILE": "/dev/null"}),
            (
                "check with a wrong proxy",
                {"https_proxy": f"http://{USER}:{QUOTED_PASSWORD}@[::1]:9"},
            ),
        ):
            ended = await world.program(
                "check", "-c", str(config), "--json", **{**environment, **more}
            )
            places += told(name, ended)
        wrong = here.settings(ca_bundle=None, client_secret=CLIENT_SECRET)
        ended = await world.program(
            "run", "-c", str(world.write(**wrong)), "--log-level", "debug", **environment
        )
        assert ended.status == 4
        assert "-tls" in ended.stderr
        places += told("run without trust", ended)

    at = ("--data-dir", str(world.home / "data"), "--json")
    listed = await world.program("events", "ls", *at)
    places += [
        *told("events ls", listed),
        *told("files ls", await world.program("files", "ls", *at)),
    ]
    rows = listed.document()["events"]
    assert {row["state"] for row in rows} >= {"stored", "quarantined"}
    for row in rows[:3]:
        shown = await world.program("events", "show", row["eventId"] or row["messageId"], *at)
        places += told("events show", shown)
    places += await lake_objects(world, bucket)
    places += files_below(world.home, but={config, secret_file})

    assert len([name for name in secrets if name.startswith("token")]) > 2
    assert not leaks(secrets, places)


def tokens(issued: dict[str, tuple[str, float]]) -> dict[str, str]:
    return {f"token {token[-6:]}": token for token in issued}


FAULT = """
import sys
from benchling_connector.adapters.benchling.transport import Transport
from benchling_connector.cli.main import main
real = Transport._try
async def broken(self, request, authorization):
    if request.kind != "token":
        headers = {"Authorization": authorization}
        raise RuntimeError("forced")
    return await real(self, request, authorization)
Transport._try = broken
main()
"""


async def test_a_fault_of_our_own_with_a_traceback_tells_no_secret(world: World) -> None:
    tenant = world.tenant
    tenant.tokens.register(tenant.client_id, CLIENT_SECRET)
    await world.publish([tenant.emit("v2.entry.created") for _ in range(3)])
    config = world.write(client_secret=CLIENT_SECRET)
    environment = {**world.aws.environment(), "AWS_SECRET_ACCESS_KEY": AWS_KEY}
    run = Run(
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FAULT, "run", "-c", str(config), "--log-level", "debug"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**clean_environment(), **environment},
            cwd=world.home,
        )
    )
    await run.said('"window.failed"')
    assert await run.end() == 0
    assert b"Traceback" in run.stderr
    assert b"RuntimeError" in run.stderr
    secrets = {"the secret": CLIENT_SECRET, "the key": AWS_KEY, **tokens(tenant.tokens._tokens)}
    places = [("stderr", bytes(run.stderr)), *files_below(world.home, but={config})]
    assert not leaks(secrets, places)


@asynccontextmanager
async def refusing_postgresql() -> AsyncIterator[int]:
    """A server that asks for the password in the clear, and refuses it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(4), "big")
            start = await reader.readexactly(length - 4)
            if start[:4] != (80877103).to_bytes(4, "big"):
                break
            writer.write(b"N")  # no TLS
        writer.write(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
        await writer.drain()
        await reader.readexactly(1)
        said = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        words = b"SFATAL\0C28P01\0Mpassword authentication failed: " + said + b"\0"
        writer.write(b"E" + (len(words) + 4).to_bytes(4, "big") + words)
        await writer.drain()

    async with listening(serve) as listener:
        yield listener.port


async def test_a_database_that_refuses_the_password_does_not_give_it_away(world: World) -> None:
    places: list[tuple[str, bytes]] = []
    async with refusing_postgresql() as port:
        word = quote(DATABASE_PASSWORD, safe="")
        url = f"postgresql://connector:{word}@127.0.0.1:{port}/connector"
        config = world.write(database_url=url)
        for verb in (
            ("run", "-c", str(config), "--log-level", "debug"),
            ("check", "-c", str(config), "--json"),
            ("events", "ls", "-c", str(config), "--json"),
        ):
            ended = await world.program(*verb)
            assert "refuses the user or the password" in ended.stderr + ended.stdout
            places += told(verb[0], ended)
    places += files_below(world.home, but={config})
    assert not leaks({"the password": DATABASE_PASSWORD}, places)


@pytest.mark.parametrize(
    "mistake",
    [
        {"client_secret": [CLIENT_SECRET]},
        {"client_secret": {"value": CLIENT_SECRET}},
        {"client_secret": 471147114711471147114711},
        {"clientSecret": CLIENT_SECRET},
        {"client_secret": None, "client_secret_file": CLIENT_SECRET},
        {"database_url": f"postgresql://u:{DATABASE_PASSWORD}@db:port/x"},
        {"database_url": f"postgres+asyncpg://u:{DATABASE_PASSWORD}@db/x"},
        {"database_url": f"postgresql://u:12/{DATABASE_PASSWORD}@127.0.0.1/x"},
        {"database_url": f"postgresql://u:{DATABASE_PASSWORD}@/x?host=%00"},
        {"benchling_url": f"https://u:{DATABASE_PASSWORD}@acme.benchling.com"},
        {"sqs_url": f"ftp://u:{DATABASE_PASSWORD}@sqs/1/q"},
        {"sqs_url": f"https://u:{DATABASE_PASSWORD}@sqs/1/q"},
        {"lake_url": f"s3://u:{DATABASE_PASSWORD}@bucket"},
    ],
)
async def test_a_mistake_in_the_configuration_is_told_without_the_secret_in_it(
    world: World, mistake: dict[str, object]
) -> None:
    config = world.home / "connector.yaml"
    config.write_text(yaml.safe_dump({**world.settings(), **mistake}, allow_unicode=True))
    secrets = {
        "the client secret": CLIENT_SECRET,
        "the number": "471147114711471147114711",
        "the password": DATABASE_PASSWORD,
    }
    places: list[tuple[str, bytes]] = []
    for verb in (("run",), ("check", "--json")):
        ended = await world.program(*verb, "-c", str(config))
        assert ended.status in (3, 4)
        assert "Traceback" not in ended.stderr
        places += told(verb[0], ended)
    assert not leaks(secrets, places)


async def test_a_proxy_with_an_unquoted_password_is_told_without_it(world: World) -> None:
    proxy = f"http://u:{PROXY_PASSWORD.replace(' ', '')}@127.0.0.1:9"
    places: list[tuple[str, bytes]] = []
    for verb in (("run",), ("check", "--json")):
        ended = await world.program(*verb, "-c", str(world.write()), HTTP_PROXY=proxy)
        assert ended.status == 3
        assert "percent-encoded" in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        places += told(verb[0], ended)
    assert not leaks({"the password": PROXY_PASSWORD.replace(" ", "")}, places)
