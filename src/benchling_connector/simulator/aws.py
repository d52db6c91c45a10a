"""The embedded AWS stand-in: EventBridge, SQS, CloudFormation and S3 on 127.0.0.1, no account.

It is ministack in a child process, started by `ministack_main`. `EmbeddedAws` opens and closes it,
`deploy` brings the two CloudFormation templates up on it (or on any endpoint).
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchling_connector.simulator.stacks import (
    Credentials,
    Deployed,
    DeploymentError,
    client_arguments,
    deploy,
)

__all__ = [
    "Credentials",
    "Deployed",
    "DeploymentError",
    "EmbeddedAws",
    "EmbeddedAwsError",
    "client_arguments",
    "deploy",
]

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
# What the chain from a Benchling subscription to the lake needs; every other service stays off.
_SERVICES = "cloudformation,cloudwatch,eventbridge,iam,kms,logs,s3,sns,sqs,ssm,sts"


class EmbeddedAwsError(Exception):
    """The stand-in could not be started; the message ends with the remedy."""


class EmbeddedAws:
    """An AWS stand-in of one's own, for as long as the `with` or `async with` block lasts.

    `folder` keeps queues, stacks and objects between runs (they are written on a clean stop);
    without it the state lives in a temporary folder and goes with the block. `port` 0 takes the
    port of the last run in this folder if it is free (queue URLs carry it), else any free one.
    `enforce_policies` makes queue policies count, as AWS does; it is off by default for speed.
    The process ends with this one, however this one ends.

    Raises `EmbeddedAwsError` on entry when ministack is not installed or does not come up.
    """

    account_id = "000000000000"

    def __init__(
        self,
        folder: Path | None = None,
        port: int = 0,
        *,
        region: str = "us-east-1",
        enforce_policies: bool = False,
    ) -> None:
        self.region = region
        self.credentials = Credentials()
        self._folder = folder
        self._port = port
        self._enforce_policies = enforce_policies
        self._process: subprocess.Popen[str] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._home = Path()

    @property
    def endpoint_url(self) -> str:
        """`http://127.0.0.1:<port>`, for every service."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process id of the stand-in while it runs, else None."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the stand-in's process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """How the stand-in's process ended by itself, None while it runs."""
        return None if self._process is None else self._process.poll()

    def environment(self) -> dict[str, str]:
        """The environment variables that point any AWS SDK or CLI at the stand-in."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client_arguments(self) -> dict[str, Any]:
        """The keyword arguments with which (aio)botocore's `create_client` speaks to it."""
        return client_arguments(self.endpoint_url, self.region, self.credentials)

    def start(self) -> None:
        """Starts the process and returns when it answers; blocks for about a second."""
        if importlib.util.find_spec("ministack") is None:
            raise EmbeddedAwsError(
                "The embedded AWS stand-in is not installed. "
                "Install it with: pip install 'benchling-connector[demo]'"
            )
        if self._folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="benchling-connector-aws-")
            self._home = Path(self._temporary.name)
        else:
            self._home = self._folder
            self._home.mkdir(parents=True, exist_ok=True)
        try:
            self._launch()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the process and waits for it; its state is saved first. Does nothing twice."""
        self._end_process()
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            temporary.cleanup()

    def _launch(self) -> None:
        remembered = self._home / "port"
        wanted = [self._port] if self._port else [*_remembered_port(remembered), 0]
        for port in wanted:
            self._process = self._spawn(port)
            line = self._process.stdout.readline() if self._process.stdout else ""
            if line:
                break
            self._end_process()
        else:
            raise EmbeddedAwsError(self._obituary())
        self._port = json.loads(line)["port"]
        remembered.write_text(str(self._port))
        try:
            # The socket accepts before the server is up, so this waits instead of polling.
            connection = http.client.HTTPConnection("127.0.0.1", self._port, _START_SECONDS)
            with contextlib.closing(connection):
                connection.request("GET", "/_ministack/health")
                connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise EmbeddedAwsError(self._obituary()) from error

    def _spawn(self, port: int) -> subprocess.Popen[str]:
        with (self._home / "aws.log").open("w") as log:
            return subprocess.Popen(  # noqa: S603 - our own module
                [
                    *(sys.executable, "-m", f"{__package__}.ministack_main"),
                    *("--port", str(port)),
                    *(() if self._temporary is None else ("--scratch", self._temporary.name)),
                ],
                stdin=subprocess.PIPE,  # held open: the child ends when it closes
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._settings()},
                text=True,
                start_new_session=True,  # a Ctrl-C is for this process to handle
            )

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _settings(self) -> dict[str, str]:
        return {
            "AUTH": str(self._enforce_policies).lower(),
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
            "DOCKER_HOST": "unix:///nonexistent",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": self.account_id,
            "MINISTACK_REGION": self.region,
            "PERSIST_STATE": "0" if self._folder is None else "1",
            "S3_DATA_DIR": str(self._home / "s3"),
            "S3_PERSIST": "0" if self._folder is None else "1",
            "SERVICES": _SERVICES,
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(self._home / "state"),
            "TMPDIR": str(self._home),
            "USE_SSL": "0",
        }

    def _obituary(self) -> str:
        with contextlib.suppress(OSError):
            last_words = (self._home / "aws.log").read_text().strip().splitlines()[-5:]
            if last_words:
                return (
                    "The embedded AWS stand-in did not start: "
                    + " / ".join(last_words)
                    + ". Free the port or choose another one, and try again."
                )
        return "The embedded AWS stand-in did not start and left no word. Try again."

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))


def _remembered_port(file: Path) -> list[int]:
    with contextlib.suppress(OSError, ValueError):
        return [int(file.read_text())]
    return []
