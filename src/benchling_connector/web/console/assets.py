"""What pages bring with them: scripts, styles, pictures, each under a URL that names its bytes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from benchling_connector.web.problems import HttpProblem

__all__ = ["asset_url", "router"]

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Of what is served. Licences and such lie beside it, and are not."""

_FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    media_type: str
    digest: str


@cache
def _assets() -> Mapping[str, Asset]:
    """All of them by path; they are few, and read once."""
    found = {}
    for file in sorted(FOLDER.rglob("*")):
        media_type = _TYPES.get(file.suffix)
        if media_type is not None:
            content = file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            found[file.relative_to(FOLDER).as_posix()] = Asset(content, media_type, digest)
    return found


def asset_url(path: str) -> str:
    """The URL of a file below `static/`. Raises `KeyError` for one that there is not."""
    return f"{PREFIX}/{_assets()[path].digest}/{path}"


@router.get(PREFIX + "/{digest}/{path:path}")
async def get_asset(request: Request, digest: str, path: str) -> Response:
    """One file, to be kept for ever: other bytes have another URL."""
    asset = _assets().get(path)
    if asset is None or asset.digest != digest:
        raise HttpProblem(404, "not-found", "There is no such file.")
    headers = {"Cache-Control": _FOR_EVER, "ETag": f'"{digest}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


@router.get("/favicon.ico")
async def get_icon() -> Response:
    """Browsers ask for it beside what is no page of ours, as the API's answers."""
    return RedirectResponse(asset_url("icon.svg"), 307)
