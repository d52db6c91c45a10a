"""The web application: routes over the platform's services."""

from fastapi import APIRouter, Depends, FastAPI

from benchling_connector import __version__
from benchling_connector.platform.services import Services
from benchling_connector.platform.trying import LiveTest
from benchling_connector.web import probes
from benchling_connector.web.console import routes as console
from benchling_connector.web.console.problem_pages import paged
from benchling_connector.web.console.streaming import Streams
from benchling_connector.web.document import ABOUT, complete, operation_id
from benchling_connector.web.guard import guarded
from benchling_connector.web.own import (
    accounts,
    alerts,
    audit,
    ledger,
    metrics,
    prometheus,
    quarantine,
    session,
    tokens,
    workers,
)
from benchling_connector.web.parameters import only_known
from benchling_connector.web.problems import heed_problems
from benchling_connector.web.settings import WebSettings
from benchling_connector.web.tdp import commands, configuration, connectors, files, signs, values
from benchling_connector.web.tdp import metrics as tdp_metrics

__all__ = ["make_app"]

ROUTERS: tuple[APIRouter, ...] = (
    probes.router,
    connectors.router,
    configuration.router,
    values.router,
    files.router,
    signs.router,
    commands.router,
    tdp_metrics.router,
    metrics.router,
    workers.router,
    ledger.router,
    quarantine.router,
    alerts.router,
    session.router,
    accounts.router,
    tokens.router,
    audit.router,
    prometheus.router,
    *console.ROUTERS,
)
"""Each in a module of its own below `web/`."""


def make_app(
    services: Services, live_test: LiveTest, settings: WebSettings | None = None
) -> FastAPI:
    """The app over opened services, which stay the caller's to close.

    `live_test` tests a configuration against the real services. `app.state.streams` are to be ended
    before the server is: they stay open as long as somebody looks.
    """
    app = FastAPI(
        **ABOUT,
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        dependencies=[Depends(only_known)],
    )
    complete(app)
    app.state.services = services
    app.state.live_test = live_test
    app.state.streams = Streams()
    app.state.settings = settings = settings or WebSettings()
    heed_problems(app, ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    if settings.oidc is not None:
        from benchling_connector.web.own import oidc  # slow to import

        app.state.issuer = oidc.Issuer(settings.oidc)
        app.include_router(oidc.router)
    # Around everything, answers to faults of our own, too.
    app.middleware_stack = guarded(paged(app.build_middleware_stack()), settings)
    return app
