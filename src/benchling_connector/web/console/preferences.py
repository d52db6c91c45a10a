"""How somebody likes to see the console: kept in their browser, so that the first byte knows."""

from dataclasses import dataclass
from enum import StrEnum

from fastapi import Request

__all__ = ["COOKIES", "KEPT_S", "Preferences", "Theme", "Times", "preferences_of"]

KEPT_S = 365 * 24 * 3600


class Theme(StrEnum):
    """AUTO is what the system prefers."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class Times(StrEnum):
    """In which zone times are shown."""

    UTC = "utc"
    LOCAL = "local"


COOKIES: dict[str, tuple[str, type[StrEnum]]] = {
    "theme": ("benchling-theme", Theme),
    "times": ("benchling-times", Times),
}
"""By field of the form: the cookie, and what it may say."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """As a page is drawn."""

    theme: Theme = Theme.AUTO
    times: Times = Times.UTC

    @property
    def next_theme(self) -> Theme:
        """What a click on the switch gives."""
        themes = list(Theme)
        return themes[(themes.index(self.theme) + 1) % len(themes)]

    @property
    def next_times(self) -> Times:
        """The other one."""
        return Times.UTC if self.times is Times.LOCAL else Times.LOCAL


def preferences_of(request: Request) -> Preferences:
    """Those of the browser; what it says amiss is as if it said nothing."""
    cookies = request.cookies
    theme, times = cookies.get(COOKIES["theme"][0], ""), cookies.get(COOKIES["times"][0], "")
    return Preferences(
        Theme(theme) if theme in set(Theme) else Theme.AUTO,
        Times(times) if times in set(Times) else Times.UTC,
    )
