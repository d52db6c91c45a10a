"""Looking at pages in a browser, and at what the browser has to say of them."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from benchling_connector.domain.access import Role
from tests.browser.town import Town

__all__ = ["PATIENCE_MS", "Look", "browser_tests", "tab_to", "until_true", "wrong_for_axe"]

AXE = Path(__file__).parent / "axe" / "axe.min.js"

PATIENCE_MS = 30_000
"""For what hangs; what is waited for comes sooner, even on a busy machine."""

browser_tests = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("browser")]
"""The mark of every module here: one loop, and one process, for the one browser."""


@dataclass
class Look:
    """What one test opens."""

    browser: Browser
    town: Town
    expected: str | None = None
    """A part of what the browser may complain of, since the test brings it about."""
    _contexts: list[BrowserContext] = field(default_factory=list)
    _said: list[str] = field(default_factory=list)
    _hosts: set[str] = field(default_factory=set)

    async def page(self, path: str, role: Role | None = None, **options: Any) -> Page:
        """A page in a context of its own, as somebody of this role sees it."""
        context = await self.browser.new_context(base_url=self.town.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        context.on("request", lambda request: self._hosts.add(urlsplit(request.url).netloc))
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._said.append(str(error.error)))
        if role is not None:
            secret = self.town.cookies[role]
            await context.add_cookies(
                [{"name": "benchling-session", "value": secret, "url": self.town.url}]
            )
        page = await context.new_page()
        await page.goto(path)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._said.append(message.text)

    async def close(self) -> None:
        """Nothing was complained of, and nobody else was asked for anything."""
        for context in self._contexts:
            await context.close()
        said = [one for one in self._said if self.expected is None or self.expected not in one]
        assert said == [], said
        assert self._hosts <= {urlsplit(self.town.url).netloc}


@cache
def _axe() -> str:
    return AXE.read_text()


async def wrong_for_axe(page: Page) -> list[str]:
    """What axe finds serious or critical on a page: rule and place."""
    await page.evaluate(_axe())
    found = await page.evaluate("axe.run()")
    return [
        f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


async def tab_to(page: Page, selector: str, most: int = 60) -> None:
    """Goes there by keyboard alone; whatever has the focus on the way shows that it has."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        outline = "e => getComputedStyle(e).outlineStyle"
        focused = page.locator(":focus")
        if await focused.count():
            assert await focused.evaluate(outline) != "none", await focused.evaluate(
                "e => e.outerHTML"
            )
        if await page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"{selector} is not reached by keyboard")


async def until_true(page: Page, expression: str) -> None:
    """Waits for something. Playwright's own way evaluates text in the page, which our pages forbid
    whenever it has to look a second time.
    """
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.02)
