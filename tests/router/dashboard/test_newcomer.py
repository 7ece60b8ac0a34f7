"""Somebody who has never seen the product, from the dashboard alone: an account, a key with a budget, a program that is
pointed here, its request, what it cost and why it went there. Before a process as `make up` starts it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router import places
from tests.ports import free_port
from tests.router.api.harness import OPENAI_KEYS
from tests.router.dashboard.browser import Person, needs_browser, person
from tests.sdk.environments import ROOT
from tests.sdk.router_process import environment, served
from tests.simulators import Upstream
from tests.simulators.authorisation import AuthorisationServer

pytestmark = needs_browser
CALLS = 60
"""More than the budget of the test allows."""


@dataclass
class Fresh:
    """A first start: the example's settings, three keys, no account."""

    url: str
    management: str
    upstream: Upstream
    vendor: AuthorisationServer


@asynccontextmanager
async def fresh(folder: Path) -> AsyncIterator[Fresh]:
    """What is simulated comes by environment, so that the settings are those that everybody begins with."""
    async with Upstream() as upstream, AuthorisationServer() as vendor:
        port, state = free_port(), folder / "state"
        kimi = {"sign_in": vendor.overrides("kimi-oauth"), "base_url": upstream.base_url("openai")}
        vendor.devices.interval = 1
        environ = environment(folder) | {
            places.CONFIG_VARIABLE: str(folder / "config.yaml"),
            places.STATE_VARIABLE: str(state),
            "SWITCHYARD__SERVER__PORT": str(port),
            "SWITCHYARD__PROVIDERS__OPENAI": json.dumps(
                {"base_url": upstream.base_url("openai"), "models": ["gpt-4.1"]}
            ),
            "SWITCHYARD__PROVIDERS__KIMI_OAUTH": json.dumps(kimi),
        }
        prepared = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "router", "up", "--prepare-only", cwd=ROOT, env=environ,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await prepared.communicate()
        assert prepared.returncode == 0, said.decode()
        async with served(folder, port, environ) as router:
            yield Fresh(router.address, places.key_file(state, "management").read_text().strip(), upstream, vendor)


def expect(thing: Any) -> Any:
    from playwright.async_api import expect as expecting

    return expecting(thing)


async def test_from_nothing_to_a_call_whose_cost_and_way_are_understood(tmp_path: Path, browser: Any) -> None:
    async with fresh(tmp_path) as router, person(router, browser) as newcomer:
        page = newcomer.page
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await newcomer.sign_in(router.management)
        await expect(page.get_by_text("No provider has an account yet")).to_be_visible()
        await newcomer.open("keys")  # what is to be copied here works before there is any account
        await expect(page.get_by_text("demo/echo stands here, which answers without an account")).to_be_visible()
        await expect(page.get_by_label("Model", exact=True)).to_have_value("demo/echo")
        await newcomer.open("overview")
        await page.get_by_role("link", name="Add an API key or sign in to one").click()
        await adds_a_key(page)
        assert "422" in newcomer.troubles.pop()  # the browser itself notes a refused request
        await signs_in(page, router.vendor)
        await page.get_by_role("link", name="make a key for a program").click()
        command, key = await makes_a_key_by_keyboard(page)
        await newcomer.open("requests")
        await expect(page.get_by_text("No call fits")).to_have_count(0)
        await expect(page.get_by_role("status").filter(has_text="live")).to_be_visible()
        answer = json.loads(await run(command))
        assert answer["choices"][0]["message"]["content"]
        await understands_the_call(page, answer)
        await exceeds_the_budget(newcomer, key, command)


async def adds_a_key(page: Any) -> None:
    """First one that the provider does not take."""
    card = page.get_by_role("region", name="Add an API key")
    await expect(page.get_by_text("only the demo models answer")).to_be_visible()
    await card.get_by_label("Provider").select_option("OpenAI")
    await card.get_by_label("API key").fill("sk-mistyped")
    await card.get_by_role("button", name="Add the key").click()
    await expect(card.get_by_role("alert")).to_contain_text("does not take this key")
    await card.get_by_label("API key").fill(OPENAI_KEYS[0])
    await card.get_by_role("button", name="Add the key").click()
    await expect(card).to_contain_text("openai/default serves now: gpt-4.1 answered")
    assert await card.get_by_label("API key").input_value() == ""
    await expect(page.get_by_role("row").filter(has_text="openai/default")).to_contain_text("ready")


async def signs_in(page: Any, vendor: AuthorisationServer) -> None:
    await page.get_by_role("button", name="Sign in to Kimi").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("I have read this").check()
    await dialog.get_by_role("button", name="Begin").click()
    vendor.approve(await dialog.locator(".usercode").inner_text())
    await dialog.locator(".note.good").wait_for()
    await dialog.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("row").filter(has_text="kimi-oauth/")).to_contain_text("ready")


async def makes_a_key_by_keyboard(page: Any) -> tuple[str, str]:
    """The command that the dashboard gives for curl, and the key; both by way of the clipboard."""
    await page.get_by_role("heading", name="Keys", exact=True).wait_for()
    await page.get_by_role("region", name="A new key").wait_for()
    await tab_to(page, "Name")
    await page.keyboard.type("laptop")
    await tab_to(page, "Budgets and limits")
    await page.keyboard.press("Enter")
    await tab_to(page, "Dollars a day")
    await page.keyboard.type("0.001")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.wait_for()
    key = await copied(page, "Copy the key")
    assert key == await dialog.locator("#new-key").inner_text()
    await tab_to(page, "Program")
    shown = dialog.get_by_role("region", name="What to type or to write")
    base = page.url.partition("/dashboard")[0]
    for program, words in SAID.items():
        await expect(dialog.get_by_label("Program")).to_have_value(program)
        for word in (key, *words):
            await expect(shown).to_contain_text(word.replace("{base}", base))
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Home")
    await expect(dialog.get_by_label("Model")).to_have_value("gpt-4.1")
    command = await copied(page, "Copy this")
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")  # by its role it is gone a moment before
    await expect(page.get_by_role("row").filter(has_text="laptop")).to_contain_text("$0.00 of $0.0010 today")
    assert key not in await page.content()
    return command, key


SAID = {
    "curl": ("{base}/v1/chat/completions",),
    "claude": ("ANTHROPIC_BASE_URL={base}", "ANTHROPIC_AUTH_TOKEN="),
    "codex": ('base_url = "{base}/v1"', 'wire_api = "responses"'),
    "gemini": ("GOOGLE_GEMINI_BASE_URL={base}", "GEMINI_API_KEY="),
    "python": ('base_url="{base}/v1"', "chat.completions"),
}
"""Program in the order of the list -> what must stand in what to do."""


async def tab_to(page: Any, name: str, most: int = 60) -> None:
    """Go on by Tab until the element with this label or text has the focus."""
    told = "(() => { const e = document.activeElement; return e.labels?.[0]?.textContent ?? e.textContent.trim(); })()"
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate(told) == name:
            return
    raise AssertionError(f"{name!r} cannot be reached with the keyboard")


async def copied(page: Any, button: str) -> str:
    await tab_to(page, button)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Copied").last.wait_for()
    return str(await page.evaluate("navigator.clipboard.readText()"))


async def run(command: str) -> str:
    """As it stands there, in a shell."""
    done = await asyncio.create_subprocess_exec(
        "bash", "-c", command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await done.communicate()
    return said.decode()


async def understands_the_call(page: Any, answer: Any) -> None:
    """It shows by itself; behind it stand tokens, cost and the reason of its way."""
    row = page.get_by_role("row").filter(has_text="laptop")
    await expect(row).to_contain_text("openai/gpt-4.1")
    await expect(row).to_contain_text(re.compile(r"\$0\.00\d\d"))
    await row.get_by_role("link").click()
    await expect(page.get_by_text("It was answered.")).to_be_visible()
    way = page.get_by_role("region", name="Why it went there")
    await expect(way).to_contain_text("account openai/default")
    await expect(way).to_contain_text("Asked because:")
    facts = page.get_by_role("region", name="Facts")
    await expect(facts).to_contain_text(re.compile(r"Cost\s*\$0\.00\d\d"))
    await expect(facts).to_contain_text(re.compile(rf"Tokens in\s*{answer['usage']['prompt_tokens']}"))
    await expect(facts).to_contain_text(re.compile(rf"Tokens out\s*{answer['usage']['completion_tokens']}"))


async def exceeds_the_budget(newcomer: Person, key: str, command: str) -> None:
    """The bar moves, and what is refused says by which limit and what to do."""
    page = newcomer.page
    await newcomer.open("keys")
    await expect(page.get_by_role("row").filter(has_text="laptop")).to_contain_text(
        re.compile(r"\$0\.00\d[1-9] of \$0\.0010 today")
    )
    for _ in range(CALLS):
        said = json.loads(await run(command))
        if "error" in said:
            break
    assert "of the 0.0010 USD that it may use per day" in said["error"]["message"]
    assert key not in said["error"]["message"]
    await newcomer.open("overview")
    await expect(page.get_by_role("region", name="What did it cost today?")).to_contain_text(
        "of $0.0010 today (UTC): used up"
    )
    await page.get_by_role("link", name="A limit of the key was reached: gpt-4.1").first.click()
    await expect(page.locator(".note.bad")).to_contain_text("Raise it on the screen Keys, or wait.")
    await expect(page.get_by_role("region", name="Why it went there")).to_contain_text("No provider was asked.")
    await expect(page.get_by_role("region", name="Facts")).to_contain_text("nothing was used")
