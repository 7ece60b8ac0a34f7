"""The dashboard for everybody: axe on every screen in both colours, the keyboard alone, a small screen, calm motion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.router.api.harness import MANAGEMENT, Running
from tests.router.dashboard.browser import needs_browser, person

pytestmark = needs_browser
SCREENS = {
    "overview": "since midnight", "requests": "after a failure", "accounts": "Antigravity", "keys": "tester",
    "models": "demo/echo", "usage": "all together", "playground": "Talk", "settings": "server.host",
    "logs": "switchyard.app",
}  # fmt: skip
"""What stands on each of them when it is there."""
CUT = """[...document.querySelectorAll(".scroll")].filter((each) => each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.ariaLabel)"""
"""Tables of which a part is out of sight."""
COVERED = """[...document.querySelectorAll(".stacks tbody td:not(:empty)")].filter((each) => each.checkVisibility()
    && parseFloat(getComputedStyle(each).paddingLeft) < parseFloat(getComputedStyle(each, "::before").width) + 4)
    .map((each) => each.dataset.title)"""
"""Cells of which the title, which stands beside them in blocks, lies on their words."""


async def violations(page: Any, only: str | None = None) -> list[str]:
    """What axe finds, in words. only: by one of its rules."""
    from axe_playwright_python.async_playwright import Axe

    options = {"resultTypes": ["violations"], **({"runOnly": [only]} if only else {})}  # what is well need not be told
    found = (await Axe().run(page, options=options)).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(("colours", "only"), [("light", None), ("dark", "color-contrast")])
async def test_axe_finds_nothing(looked_at: Running, browser: Any, colours: str, only: str | None) -> None:
    async with person(looked_at, browser, color_scheme=colours) as one:
        page = one.page
        await page.goto(f"{looked_at.url}/dashboard/")
        await page.get_by_label("Management key").wait_for()
        assert await violations(page, only) == []
        await one.sign_in()
        for screen in SCREENS:
            await one.open(screen)
            await page.get_by_text(SCREENS[screen]).first.wait_for()
            assert await violations(page, only) == [], screen
        await one.open("requests")
        await page.get_by_role("row").filter(has_text="after a failure").get_by_role("link").click()
        await page.get_by_role("region", name="What would happen now").get_by_role("table").first.wait_for()
        assert await violations(page, only) == []
        await one.open("keys")
        await page.locator("summary").get_by_text("Rights", exact=True).click()
        await page.get_by_label("Thinking at most").wait_for()
        assert await violations(page, only) == []
        await one.open("accounts")
        await page.get_by_role("button", name="Sign in to Claude").click()
        await page.get_by_role("dialog").wait_for()
        assert await violations(page, only) == []
        await page.keyboard.press("Escape")
        await one.open("keys")
        await page.get_by_label("Name").fill(f"seen-in-{colours}")
        await page.get_by_role("button", name="Make a key").click()
        await page.get_by_role("dialog").get_by_label("Program").wait_for()
        assert await violations(page, only) == []


async def test_the_keyboard_is_enough_and_focus_is_seen(looked_at: Running, browser: Any) -> None:
    async with person(looked_at, browser) as one:
        page = one.page
        await one.sign_in()
        await one.open("keys")
        await page.reload()
        await page.get_by_text("tester").first.wait_for()
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.labels[0].textContent") == "Name"
        style = "getComputedStyle(document.activeElement)"
        assert await page.evaluate(f"{style}.outlineStyle + parseFloat({style}.outlineWidth)") == "solid3"
        await page.keyboard.type("by-keyboard")
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await dialog.wait_for()
        await page.keyboard.press("Escape")
        await dialog.wait_for(state="detached")
        await page.get_by_role("row").filter(has_text="by-keyboard").wait_for()


async def test_every_control_is_reached_and_every_window_closes_by_keyboard(looked_at: Running, browser: Any) -> None:
    async with person(looked_at, browser) as one:
        page = one.page
        await one.sign_in()
        made = {"name": "tabbed", "limits": {"requests_per_minute": 3}}
        manages = {"authorization": f"Bearer {MANAGEMENT}"}
        assert (await looked_at.send("/v0/management/keys", made, headers=manages)).status == 200
        for screen, windows in WINDOWS.items():
            await one.open(screen)
            await page.get_by_role("button", name=windows[0], exact=True).wait_for()
            expected = await page.evaluate(CONTROLS)
            for _ in range(expected + 12):  # and regions that scroll
                await page.keyboard.press("Tab")
                await page.evaluate("document.activeElement.dataset.reached = 'yes'")
            assert await page.evaluate(UNREACHED) == [], screen
            for window in windows:
                opener = page.get_by_role("button", name=window, exact=True)
                await opener.press("Enter")
                await page.get_by_role("dialog").wait_for()
                await page.keyboard.press("Escape")
                await page.locator("dialog").wait_for(state="detached")
                await page.wait_for_function(
                    FOCUSED, arg=window
                )  # the list behind it may be shown anew, button and all


WINDOWS = {
    "keys": ["Limits of tabbed", "Rights of tabbed", "Replace tabbed", "Revoke tabbed"],
    "accounts": ["Sign in to Kimi for coding", "Try gemini/1"],
    "models": ["Add a model"],
}
FOCUSED = "(name) => [document.activeElement.ariaLabel, document.activeElement.textContent].includes(name)"
_ALL = """[...document.querySelectorAll("a[href], button, input, select, summary, textarea")]
    .filter((each) => each.checkVisibility() && !each.disabled)"""
CONTROLS = f"{_ALL}.length"
UNREACHED = f"{_ALL}.filter((each) => !each.dataset.reached).map((each) => each.outerHTML.slice(0, 120))"


async def test_a_small_screen_shows_everything_without_scrolling_sideways(looked_at: Running, browser: Any) -> None:
    async with person(looked_at, browser, viewport={"width": 360, "height": 740}) as one:
        await one.sign_in()
        limited = {"name": "limited", "limits": {"usd_per_month": 20, "tokens_per_day": 100, "requests_per_minute": 3}}
        manages = {"authorization": f"Bearer {MANAGEMENT}"}
        assert (await looked_at.send("/v0/management/keys", limited, headers=manages)).status == 200
        for screen, there in SCREENS.items():
            await one.open(screen)
            await one.page.get_by_text(there).first.wait_for()
            assert await one.page.evaluate("document.documentElement.scrollWidth") <= 360, screen
            assert await one.page.evaluate(CUT) == [], screen
            assert await one.page.evaluate(COVERED) == [], screen
        await one.open("keys")
        limited_one = one.page.get_by_role("row").filter(has_text="limited")  # a table still, for those who hear it
        await limited_one.get_by_role("button", name="Revoke limited").click(trial=True)
        assert await violations(one.page) == []
        await one.open("requests")
        await one.page.get_by_role("row").filter(has_text="after a failure").get_by_role("link").click()
        await one.page.get_by_role("region", name="What would happen now").get_by_role("table").first.wait_for()
        assert await one.page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_colours_can_be_chosen_and_stay(looked_at: Running, browser: Any) -> None:
    async with person(looked_at, browser, color_scheme="light") as one:
        page = one.page
        await one.sign_in()
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = await page.evaluate(ground)
        for _ in range(2):
            await page.get_by_role("button", name="Colours:").click()
        assert await page.get_by_role("button", name="Colours: dark").is_visible()
        dark = await page.evaluate(ground)
        assert dark != light
        await page.reload()
        await page.get_by_role("heading", name="Overview").wait_for()
        assert await page.evaluate(ground) == dark
