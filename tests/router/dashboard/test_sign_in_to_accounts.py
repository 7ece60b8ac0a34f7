"""A person signs in to a subscription from the dashboard, before simulated authorisation servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.router.api.signing_in import signing
from tests.router.dashboard.browser import needs_browser, person

pytestmark = needs_browser


async def test_a_code_is_shown_and_the_account_appears_goes_off_and_is_forgotten(tmp_path: Path, browser: Any) -> None:
    async with signing(tmp_path, on=False) as one, person(one.router, browser) as visitor:
        one.server.devices.interval = 1
        page = visitor.page
        await visitor.sign_in()
        await visitor.open("accounts")
        await page.get_by_role("button", name="Sign in to Kimi").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("I have read this").check()
        await dialog.get_by_role("button", name="Begin").click()
        code = await dialog.locator(".usercode").inner_text()
        address = await dialog.get_by_role("link", name="Open the provider's page").get_attribute("href")
        assert address is not None and address.startswith(one.server.address)
        await dialog.get_by_role("img", name="QR code").wait_for()
        one.server.approve(code)
        await dialog.locator(".note.good").wait_for()
        await dialog.get_by_role("button", name="Close").click()
        account = one.only.id
        await page.get_by_role("button", name=f"Disable {account}").click()
        await page.get_by_role("button", name=f"Enable {account}").wait_for()
        assert one.only.disabled
        await page.get_by_role("button", name=f"Enable {account}").click()
        await page.get_by_role("button", name=f"Disable {account}").wait_for()
        await page.get_by_role("button", name=f"Forget {account}").click()
        await page.get_by_role("button", name="Forget it").click()
        await page.get_by_role("button", name=f"Forget {account}").wait_for(state="detached")
        assert one.accounts == []


async def test_a_sign_in_is_given_up_with_its_window(tmp_path: Path, browser: Any) -> None:
    async with signing(tmp_path, on=False) as one, person(one.router, browser) as visitor:
        page = visitor.page
        await visitor.sign_in()
        await visitor.open("accounts")
        await page.get_by_role("button", name="Sign in to Claude").click()
        await page.get_by_label("I have read this").check()
        await page.get_by_role("button", name="Begin").click()
        await page.get_by_label("Or paste").fill("https://example.org/nothing")
        await page.get_by_role("button", name="Send").click()
        await page.get_by_role("dialog").get_by_role("alert").wait_for()
        assert "400" in visitor.troubles.pop()  # the browser itself notes a refused request
        async with page.expect_response(lambda answer: answer.request.method == "DELETE") as ended:
            await page.keyboard.press("Escape")
        assert (await (await ended.value).json())["state"] == "cancelled"
