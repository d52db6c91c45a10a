"""The connectors' pages as people use them."""

import re

from playwright.async_api import Route, expect

from benchling_connector.domain.access import Role
from tests.browser.looking import Look, browser_tests, tab_to, until_true
from tests.browser.town import NAMES, PASSWORD, Town

pytestmark = browser_tests


async def test_somebody_signs_in_creates_edits_disables_and_signs_out(look: Look) -> None:
    page = await look.page("/connectors")
    await page.get_by_label("Name").fill(NAMES[Role.ADMIN])
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_text("New connector").click()
    await page.get_by_label("Name (required)").fill("Plate readers")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("h1")).to_have_text("Plate readers")
    await expect(page.locator(".sentence")).to_contain_text("It is not configured.")

    await page.get_by_role("button", name="Edit").click()
    await page.get_by_label("Description").fill("Those on the second floor")
    await page.get_by_label("Labels").fill("site = Basel")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".said")).to_have_text("Saved.")
    await expect(page.locator(".facts").first).to_contain_text("site: Basel")

    await page.get_by_role("button", name="Disable").click()
    await expect(page.locator(".state")).to_contain_text("DISABLED")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator(".said")).to_have_text("You are signed out.")


async def test_a_connector_at_work_shows_its_state_its_files_and_its_worker(
    look: Look, town: Town
) -> None:
    page = await look.page(f"/connectors/{town.connector_id}", Role.VIEWER)

    await expect(page.locator(".sentence")).to_have_text("HEALTHY: It is at work.")
    await expect(page.locator(".state")).to_contain_text("RUNNING")
    uploaded = page.locator("dt", has_text="Uploaded").locator("xpath=following-sibling::dd[1]")
    assert int(await uploaded.inner_text()) > 0
    await expect(page.locator("tbody tr").first).to_contain_text("supervisor")


async def test_what_happens_shows_by_itself_and_takes_neither_focus_nor_text(
    look: Look, town: Town
) -> None:
    page = await look.page("/connectors", Role.VIEWER, viewport={"width": 900, "height": 250})
    await page.get_by_label("Name contains").fill("Bas")
    await page.mouse.wheel(0, 40)
    await until_true(page, "scrollY > 0")
    before = await page.evaluate("scrollY")
    made = await town.connector("Came in meanwhile")
    await expect(page.locator(f"#row-{made}")).to_be_attached()

    await expect(page.get_by_label("Name contains")).to_be_focused()
    await expect(page.get_by_label("Name contains")).to_have_value("Bas")
    assert await page.evaluate("scrollY") == before


async def test_a_page_is_live_however_late_its_scripts_come(look: Look, town: Town) -> None:
    page = await look.page("/v1/session", Role.VIEWER)

    async def late(route: Route) -> None:
        """Not before htmx has done what it does when it has come itself."""
        await until_true(page, "typeof htmx !== 'undefined'")
        await page.evaluate("new Promise(done => setTimeout(done))")
        await route.continue_()

    await page.context.route("**/hx-sse.min.js", late)
    await page.goto("/connectors")
    made = await town.connector("Came in late")

    await expect(page.locator(f"#row-{made}")).to_be_attached()


async def test_a_row_that_has_the_focus_keeps_it_when_its_state_changes(
    look: Look, town: Town
) -> None:
    made = await town.connector("Watched")
    page = await look.page("/connectors", Role.VIEWER)
    await page.locator(f"#link-{made}").focus()
    path = f"/v1/data-acquisition/connectors/{made}/status"
    await town.script.ask("PUT", path, {"status": "DISABLED"})
    await expect(page.locator(f"#row-{made}")).to_contain_text("DISABLED")

    await expect(page.locator(f"#link-{made}")).to_be_focused()


async def test_tiles_and_filters_narrow_the_list_and_the_address_says_how(
    look: Look, town: Town
) -> None:
    await town.connector("Elsewhere")
    page = await look.page("/connectors", Role.VIEWER)
    await page.get_by_role("navigation", name="By health").get_by_text("HEALTHY").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_role("navigation", name="Filter").get_by_text("Online").click()
    await expect(page.locator("tbody th")).to_have_text(["Assays, Basel"])

    await expect(page).to_have_url(re.compile(r"\?filter=online&health=HEALTHY$"))


async def test_it_is_worked_by_keyboard_alone(look: Look, town: Town) -> None:
    made = await town.connector("By keyboard")
    page = await look.page("/connectors", Role.OPERATOR)
    await tab_to(page, ".skip", most=1)
    await page.keyboard.press("Enter")
    await tab_to(page, f"#link-{made}")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("By keyboard")
    await tab_to(page, "#wish-disable")
    await page.keyboard.press("Enter")

    await expect(page.locator(".state")).to_contain_text("DISABLED")


async def test_a_viewer_sees_no_button_that_acts(look: Look, town: Town) -> None:
    for path in ("/connectors", f"/connectors/{town.connector_id}?edit=true"):
        page = await look.page(path, Role.VIEWER)
        texts = await page.get_by_role("button").all_inner_texts()
        assert {text.partition(":")[0] for text in texts} <= {
            "Times",
            "Theme",
            "Sign out",
            "Search",
        }


async def test_a_page_that_is_open_when_the_session_ends_shows_no_more(
    look: Look, town: Town
) -> None:
    await town.script.ask(
        "POST", "/v1/accounts", {"name": "bob", "role": "viewer", "password": PASSWORD}, status=201
    )
    page = await look.page("/connectors")
    await page.get_by_label("Name").fill("bob")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("h1")).to_have_text("Connectors")
    other = await page.context.new_page()
    await other.goto("/connectors")
    await other.get_by_role("button", name="Sign out").click()

    await expect(page.locator("h1")).to_have_text("Sign in")


async def test_times_are_utc_and_local_at_a_click_and_stay_so_when_they_change(
    look: Look, town: Town
) -> None:
    path = f"/connectors/{town.connector_id}"
    page = await look.page(path, Role.VIEWER, timezone_id="Asia/Kolkata")
    created = page.locator("dt", has_text="Created").locator("xpath=following-sibling::dd[1]")
    assert re.fullmatch(r"[-\d]{10} [:\d]{8} UTC", await created.inner_text())
    await page.get_by_role("button", name="Times: UTC").click()
    await expect(page.get_by_role("button", name="Times: local")).to_be_visible()
    await expect(created).to_have_text(re.compile(r"^[-\d]{10} [:\d]{8} GMT\+5:30$"))
    edit = {"description": "Changed meanwhile"}
    await town.script.ask("PUT", f"/v1/data-acquisition/connectors/{town.connector_id}", edit)
    await expect(page.locator(".facts").first).to_contain_text("Changed meanwhile")

    times = await page.locator("time").all_inner_texts()
    assert len(times) > 3
    assert [text for text in times if not text.endswith(" GMT+5:30")] == []


async def test_the_theme_is_switched_whatever_the_system_prefers(look: Look) -> None:
    page = await look.page("/signin", color_scheme="light")
    grounds = {}
    for theme in ("auto", "light", "dark"):
        button = page.get_by_role("button", name=f"Theme: {theme}")
        await expect(button).to_be_visible()
        grounds[theme] = await page.evaluate(
            "getComputedStyle(document.documentElement).backgroundColor"
        )
        if theme != "dark":
            await button.click()
    await page.reload()

    await expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert grounds["auto"] == grounds["light"] != grounds["dark"]


async def test_a_one_time_link_lands_on_the_connectors(look: Look, town: Town) -> None:
    told = await town.world.program("console", "link", "--json", *town.place)
    page = await look.page(told.document()["url"])

    await expect(page.locator("h1")).to_have_text("Connectors")
