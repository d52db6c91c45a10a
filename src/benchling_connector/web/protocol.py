"""What is no HTTP that can be read is answered as a problem, too: uvicorn would send plain text."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from benchling_connector.web.problems import HttpProblem, response_of

__all__ = ["Protocol"]


class Protocol(H11Protocol):
    """For `uvicorn.Config(http=…)`."""

    def send_400_response(self, msg: str) -> None:
        """Answers what cannot be read, and closes the connection."""
        response = response_of(
            HttpProblem(
                400,
                "request-unreadable",
                f"{msg} It is no HTTP, or its URL and headers have more than 64 KiB.",
                headers={"Connection": "close"},
            )
        )
        for event in (
            h11.Response(status_code=400, headers=response.raw_headers, reason=b"Bad Request"),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
