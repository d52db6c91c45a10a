"""Telling somebody outside of an alert."""

from typing import Protocol

from benchling_connector.domain.channels import Address
from benchling_connector.domain.notices import Notice

__all__ = ["Notify"]


class Notify(Protocol):
    """Sends a notice to one address."""

    async def __call__(self, address: Address, notice: Notice) -> None:
        """Returns when the other side has taken it, within half a minute.

        Raises `TransientError` (`alert-not-delivered`) with what the other side said; no secret is
        in it.
        """
        ...
