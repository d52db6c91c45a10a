"""The web application: routes over the platform's services."""

from fastapi import APIRouter, FastAPI

from benchling_connector import __version__
from benchling_connector.platform.services import Services
from benchling_connector.web import probes
from benchling_connector.web.problems import heed_problems

__all__ = ["make_app"]

ROUTERS: tuple[APIRouter, ...] = (probes.router,)
"""Each in a module of its own below `web/`."""


def make_app(services: Services) -> FastAPI:
    """The app over opened services, which stay the caller's to close."""
    app = FastAPI(
        title="Benchling connector",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    heed_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    return app
