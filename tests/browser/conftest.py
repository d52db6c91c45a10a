"""One browser and one town for all tests in here; a context of its own for each."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from benchling_connector.simulator.aws import EmbeddedAws
from tests.browser.looking import PATIENCE_MS, Look
from tests.browser.town import Town, opened_town

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = (
    "No Chromium was found, so the console was not looked at. Debian and Ubuntu: "
    "`apt-get install chromium`; elsewhere name the program in BROWSER."
)


def _chromium() -> str:
    """The program. Skips without one, and fails where tests with a browser must run."""
    named = os.environ.get("BROWSER", "")
    found = next(filter(None, map(shutil.which, (named, *NAMES))), None)
    if found is None:
        if os.environ.get("CI") or os.environ.get("BROWSER_REQUIRED"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return found


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = _chromium()
    # What a browser does beside our pages is none of the tests': no name leads anywhere.
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def town(
    browser: Browser, aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    folder: Path = tmp_path_factory.mktemp("town")
    async with opened_town(aws, folder) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def look(browser: Browser, town: Town) -> AsyncIterator[Look]:
    """Opens pages; at the end nothing may have gone wrong on any of them."""
    made = Look(browser, town)
    yield made
    await made.close()
