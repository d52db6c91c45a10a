"""The routes of every page of the console."""

from fastapi import APIRouter

from benchling_connector.web.console import assets
from benchling_connector.web.console.routes import connectors, information, preferences, signing

__all__ = ["ROUTERS"]

ROUTERS: tuple[APIRouter, ...] = (
    assets.router,
    preferences.router,
    signing.router,
    connectors.router,
    information.router,
)
