"""Where a browser may be led: paths of this platform only."""

from urllib.parse import urlsplit

from fastapi import Request

__all__ = ["HOME", "came_from", "own_path"]

HOME = "/connectors"
LONGEST = 2000


def own_path(text: str | None, otherwise: str = HOME) -> str:
    """A path with its query, if it surely stays on this host; else the other one.

    Browsers read `//x`, `/\\x` and paths with line ends in them as other hosts.
    """
    if not text or len(text) > LONGEST or not text.startswith("/") or text.startswith("//"):
        return otherwise
    if "\\" in text or not text.isprintable() or not text.isascii() or " " in text:
        return otherwise
    return text


def came_from(request: Request) -> str:
    """The page of ours that a form was sent from, as the browser says."""
    referer = urlsplit(request.headers.get("referer", ""))
    query = f"?{referer.query}" if referer.query else ""
    return own_path(referer.path + query)
