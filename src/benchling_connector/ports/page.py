"""Rows that come page by page."""

from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Page"]

Row = TypeVar("Row", covariant=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows and the cursor for the next page, None on the last."""

    rows: tuple[Row, ...]
    next: str | None
