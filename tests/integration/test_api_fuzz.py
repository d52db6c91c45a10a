"""Every field of the API, fuzzed from our own OpenAPI document, against the app on a real port."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from benchling_connector.domain.access import Role
from benchling_connector.platform.services import Services
from benchling_connector.web.app import make_app
from benchling_connector.web.protocol import Protocol
from tests.integration.platform_api import LiveTests, opened_api
from tests.platforms import ANN, CONFIGURATION
from tests.postgres import Postgres

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    allow_header_conformance,
]
LIMITS = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Served:
    """A platform that listens, and the connector in it."""

    url: str
    connector_id: str


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("fuzz"), None) as one:
        yield one


@pytest.fixture(scope="module")
def on_postgresql(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    url = asyncio.run(postgres.make_database())
    with served(tmp_path_factory.mktemp("fuzz"), url) as one:
        yield one


@contextmanager
def served(folder: Path, url: str | None) -> Iterator[Served]:
    found: list[Served] = []
    ready = threading.Event()
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with opened_api(folder, url) as api:
            made = await api.platform.connector("lab")
            configurations = api.platform.services.configurations
            await configurations.save(ANN, made.connector_id, CONFIGURATION)
            app = make_app(api.platform.services, api.live_tests)
            server = uvicorn.Server(
                uvicorn.Config(
                    app,
                    port=0,
                    log_config=None,
                    lifespan="off",
                    http=Protocol,
                    # Longer URLs than it usually takes: else it answers before the app does.
                    h11_max_incomplete_event_size=1 << 24,
                )
            )
            servers.append(server)
            running = asyncio.ensure_future(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            found.append(Served(f"http://127.0.0.1:{port}", made.connector_id))
            ready.set()
            await running

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    yield found[0]
    servers[0].should_exit = True
    thread.join(30)


# Of an app that has no services: the document needs none, and a test of each operation has a name.
schema = schemathesis.openapi.from_dict(make_app(cast("Services", None), LiveTests()).openapi())


@schema.parametrize()
@LIMITS
def test_no_field_makes_a_failure_or_an_answer_that_is_not_documented(case, on_sqlite) -> None:
    headers = {"Authorization": f"Bearer bct_{Role.ADMIN}"}
    checks = [*CHECKS, negative_data_rejection, ignored_auth, unsupported_method]
    case.call_and_validate(base_url=on_sqlite.url, headers=headers, checks=checks)


@pytest.mark.xdist_group("postgresql")
@schema.parametrize()
@LIMITS
def test_nor_does_one_of_a_connector_that_there_is(case, on_postgresql) -> None:
    headers = {"Authorization": f"Bearer bct_{Role.ADMIN}"}
    if "connector_id" in case.path_parameters:
        case.path_parameters["connector_id"] = on_postgresql.connector_id
    case.call_and_validate(base_url=on_postgresql.url, headers=headers, checks=CHECKS)
