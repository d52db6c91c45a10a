"""What is true of every page of the console."""

import re
from collections.abc import Callable

import pytest

from benchling_connector.domain.access import Role
from benchling_connector.web.console.assets import asset_url
from tests.browser.looking import Look, browser_tests, wrong_for_axe
from tests.browser.town import Town

pytestmark = browser_tests

PAGES: dict[str, tuple[str, Role | None]] = {
    "sign in": ("/signin", None),
    "connectors": ("/connectors", Role.ADMIN),
    "connectors, none": ("/connectors?search=nobody%27s", Role.VIEWER),
    "connector": ("/connectors/{id}", Role.ADMIN),
    "connector, edited": ("/connectors/{id}?edit=true", Role.ADMIN),
    "not found": ("/connectors/nobody", Role.VIEWER),
}
"""Each page there is, and who looks at it."""

CLOCK = re.compile(r"\d\d:\d\d:\d\d")
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

Where = Callable[[str], tuple[str, Role | None]]


@pytest.fixture
def where(town: Town, look: Look) -> Where:
    def find(name: str) -> tuple[str, Role | None]:
        if name == "not found":
            look.expected = "404"
        path, role = PAGES[name]
        return path.format(id=town.connector_id), role

    return find


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
async def test_axe_finds_nothing_serious(look: Look, where: Where, name: str, scheme: str) -> None:
    page = await look.page(*where(name), color_scheme=scheme)
    for folded in await page.locator("main summary").all():
        await folded.click()

    assert await wrong_for_axe(page) == []


@pytest.mark.parametrize("name", PAGES)
async def test_a_narrow_screen_scrolls_down_only(look: Look, where: Where, name: str) -> None:
    page = await look.page(*where(name), viewport={"width": 360, "height": 740})

    assert await page.evaluate(WIDE) == 0


@pytest.mark.parametrize("name", PAGES)
async def test_it_reads_the_same_without_javascript(look: Look, where: Where, name: str) -> None:
    path, role = where(name)
    without = await look.page(path, role, java_script_enabled=False)
    with_it = await look.page(path, role)
    texts = [await page.locator("main").inner_text() for page in (without, with_it)]
    read = [CLOCK.sub("", text) for text in texts]  # a worker may have been heard of in between

    assert read[0] == read[1]
    assert await without.locator("button[name=times]").is_hidden()


@pytest.mark.parametrize("name", [name for name, (_, role) in PAGES.items() if role])
async def test_who_is_signed_out_sees_the_form_and_nothing_else(
    look: Look, where: Where, name: str
) -> None:
    page = await look.page(where(name)[0])

    assert await page.locator("h1").inner_text() == "Sign in"
    assert "Assays" not in await page.content()
    assert look.town.connector_id not in await page.locator("main").inner_text()


async def test_the_chart_library_draws_under_the_policy_of_our_pages(look: Look) -> None:
    page = await look.page("/signin")
    await page.add_script_tag(url=asset_url("vendor/uplot/uPlot.iife.min.js"))
    await page.add_style_tag(url=asset_url("vendor/uplot/uPlot.min.css"))
    drawn = await page.evaluate(
        """() => {
            const data = [[1, 2, 3], [1, 4, 9]];
            const options = {width: 300, height: 200, series: [{}, {stroke: "teal"}]};
            const chart = new uPlot(options, data, document.querySelector("main"));
            return chart.root.querySelector("canvas").width;
        }"""
    )

    assert drawn > 0
