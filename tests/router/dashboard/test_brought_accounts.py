"""A window of AI Studio, cookies for WebAI and another program's file, from the screen Accounts, with services that are
connected over the relay or tell of themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.router.api.relaying import relayed
from tests.router.api.signing_in import signing
from tests.router.api.test_webai import a_service, tell, webai
from tests.router.dashboard.browser import Person, needs_browser, person
from tests.router.dashboard.test_accessible import violations
from tests.simulators import Upstream

pytestmark = needs_browser
COOKIE = "g.a000-canary-cookie"


def expect(thing: Any) -> Any:
    from playwright.async_api import expect as expecting

    return expecting(thing)


async def at_accounts(visitor: Person, card: str) -> Any:
    await visitor.sign_in()
    await visitor.open("accounts")
    return visitor.page.get_by_role("region", name=card)


async def test_a_window_of_ai_studio_is_opened_seen_given_up_and_ends(tmp_path: Path, browser: Any) -> None:
    on = {"providers": {"aistudio": {"keep_fresh": 0}}}
    async with (
        Upstream() as upstream,
        relayed(upstream, tmp_path, on) as it,
        person(it.router, browser) as visitor,
    ):
        page = visitor.page
        card = await at_accounts(visitor, "Google AI Studio, in a browser")
        open_one = card.get_by_role("button", name="Open a browser")
        await open_one.click()
        await expect(card.get_by_role("alert")).to_contain_text("providers.aistudio")
        assert "503" in visitor.troubles.pop()  # the browser itself notes a refused request
        desk = await it.connect("desk")
        desk.service.person.clear()
        await card.get_by_label("Profile").fill("work")
        await card.get_by_label("Profile").press("Enter")
        link = card.get_by_role("link", name="Open the window (noVNC)")
        await expect(link).to_have_attribute("href", "http://127.0.0.1:6080/")
        assert (await link.get_attribute("target"), await link.get_attribute("rel")) == (
            "_blank",
            "noopener noreferrer",
        )
        await expect(card).to_contain_text("ssh -L 6080:127.0.0.1:6080 your-server")
        assert await violations(page) == []
        await card.get_by_role("button", name="Give up").press("Enter")
        await expect(card.locator(".note.bad")).to_contain_text("cancelled")
        await expect(open_one).to_be_focused()
        await it.router.until(lambda: desk.service.cancelled == 1)
        desk.service.person.clear()
        await open_one.click()
        await link.wait_for()
        desk.service.person.set()
        await expect(card.locator(".note.good")).to_contain_text("the profile work serves now")
        await expect(link).to_have_count(0)
        assert desk.service.signed_in == ["work"]


async def test_cookies_are_handed_on_and_a_refusal_does_not_end_the_session(tmp_path: Path, browser: Any) -> None:
    async with (
        Upstream() as upstream,
        a_service() as (service, address),
        webai(upstream, tmp_path) as router,
        person(router, browser) as visitor,
    ):
        card = await at_accounts(visitor, "Cookies of Gemini's page (WebAI)")
        hand_on = card.get_by_role("button", name="Hand them on")
        await card.get_by_label("Name of the account").fill("work")
        await card.get_by_label("__Secure-1PSID", exact=True).fill(COOKIE)
        await hand_on.click()
        await expect(card.get_by_role("alert")).to_contain_text("No WebAI service is known")
        assert "503" in visitor.troubles.pop()
        await tell(router, endpoint=address)
        service.proof = 401
        await hand_on.click()
        await expect(card.get_by_role("alert")).to_contain_text("is not accepted")
        assert "422" in visitor.troubles.pop()
        assert COOKIE not in await visitor.page.content()
        service.proof = 200
        await card.get_by_label("__Secure-1PSIDTS").fill("sidts-canary-cookie")
        await card.get_by_label("__Secure-1PSIDTS").press("Enter")
        await expect(card.locator(".note.good")).to_contain_text("took the cookies: work is ready")
        assert service.asked[-1][:2] == ("PUT", "/v1/accounts/work")
        assert service.asked[-1][3] == {"secure_1psid": COOKIE, "secure_1psidts": "sidts-canary-cookie"}
        assert await card.get_by_label("__Secure-1PSID", exact=True).input_value() == ""
        await expect(visitor.page.get_by_role("row").filter(has_text="webai/desk")).to_contain_text("ready")


async def test_a_file_of_another_program_becomes_an_account(tmp_path: Path, browser: Any) -> None:
    file = {"type": "codex", "access_token": "at-canary", "refresh_token": "rt-canary", "email": "ada@example.org"}
    (tmp_path / "codex-ada@example.org.json").write_text(json.dumps(file))
    (tmp_path / "notes.json").write_text('{"hello": "there"}')
    async with signing(tmp_path / "r") as one, person(one.router, browser) as visitor:
        card = await at_accounts(visitor, "Import an account")
        chooser, bring = card.get_by_label("File of another program"), card.get_by_role("button", name="Import")
        await chooser.set_input_files(tmp_path / "notes.json")
        await bring.click()
        await expect(card.get_by_role("alert")).to_contain_text("notes.json")
        assert "400" in visitor.troubles.pop()
        for tone, told in (("good", "is the account chatgpt-oauth/"), ("warn", "is ours already")):
            await chooser.set_input_files(tmp_path / "codex-ada@example.org.json")
            await bring.click()
            await expect(card.locator(f".note.{tone}")).to_contain_text(
                re.compile(rf"codex-ada@example.org.json {told}")
            )
        assert one.only.owner == "ours"
        await expect(visitor.page.get_by_role("row").filter(has_text="chatgpt-oauth/")).to_be_visible()
        assert "canary" not in await visitor.page.content()
