"""The web application: routes over the platform's services."""

from fastapi import APIRouter, FastAPI

from benchling_connector import __version__
from benchling_connector.platform.services import Services
from benchling_connector.web import probes
from benchling_connector.web.guard import guarded
from benchling_connector.web.own import accounts, audit, session, tokens
from benchling_connector.web.problems import heed_problems
from benchling_connector.web.settings import WebSettings

__all__ = ["make_app"]

ROUTERS: tuple[APIRouter, ...] = (
    probes.router,
    session.router,
    accounts.router,
    tokens.router,
    audit.router,
)
"""Each in a module of its own below `web/`."""


def make_app(services: Services, settings: WebSettings | None = None) -> FastAPI:
    """The app over opened services, which stay the caller's to close."""
    app = FastAPI(
        title="Benchling connector",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.settings = settings = settings or WebSettings()
    heed_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    if settings.oidc is not None:
        from benchling_connector.web.own import oidc  # slow to import

        app.state.issuer = oidc.Issuer(settings.oidc)
        app.include_router(oidc.router)
    # Around everything, answers to faults of our own, too.
    app.middleware_stack = guarded(app.build_middleware_stack(), settings)
    return app
