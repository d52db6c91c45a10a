"""How connections go wrong: cut with a reset, or in the middle of an answer."""

import socket
import struct
from collections.abc import Mapping
from typing import Final

from aiohttp import web

__all__ = ["cut", "truncated"]

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


def cut(request: web.BaseRequest) -> web.StreamResponse:
    """Resets the connection; what it gives is never sent."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response(status=500)


async def truncated(
    request: web.BaseRequest, status: int, headers: Mapping[str, str], body: bytes
) -> web.StreamResponse:
    """Sends half of a body whose whole length was announced, and closes the connection."""
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
