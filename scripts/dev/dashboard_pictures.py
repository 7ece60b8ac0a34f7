"""Take the pictures of docs/dashboard.md: every screen, light and dark, of a router that has been used.

.venvs/aistudio-test/bin/python scripts/dev/dashboard_pictures.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.async_api import Page, async_playwright, expect

from tests.router.api.harness import KEY, MANAGEMENT, Running
from tests.router.dashboard.scene import used
from tests.simulators.faulty import Misbehaviour

ROOT = Path(__file__).resolve().parents[2]
SCREENS = (
    "overview",
    "requests",
    "story",
    "accounts",
    "login",
    "keys",
    "new-key",
    "models",
    "usage",
    "playground",
    "settings",
    "logs",
)
UNSHOWN = ("login", "new-key")
"""Those that the document does not have."""
SIZE = {"width": 1120, "height": 760}
TALLEST = 1100
ZONES = ("Europe/Berlin", "Asia/Kolkata", "Asia/Tokyo", "Pacific/Auckland", "America/Los_Angeles", "America/New_York")
"""Of a picture; what is longer is cut there."""
QUALITY = 78
"""Of WebP, of 100: letters stay sharp."""
ROUTES = {
    "aliases": {"quick": "gemini-2.5-flash", "careful": "claude-sonnet-4-5"},
    "combos": {
        "smart": {"targets": ["claude-sonnet-4-5", "gpt-4.1"]},
        "cheap": {"targets": ["gemini-2.5-flash", "gpt-4.1-mini"], "strategy": "round_robin"},
    },
    "routing": [{"pattern": "^gpt", "providers": ["openai"]}],
}
WIDTHS = (1280, 768, 390)
"""Of the pictures that are taken to be looked at."""


def answer(text: str, read: int, written: int) -> Misbehaviour:
    """What the simulated provider says next."""
    message = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return Misbehaviour(body=json.dumps({"id": "c", "model": "gpt-4.1", "choices": [message], "usage": usage}).encode())


def streamed(text: str) -> Misbehaviour:
    """The same as a stream."""
    pieces = [{"delta": {"role": "assistant", "content": text}}, {"delta": {}, "finish_reason": "stop"}]
    chunks = [{"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, **piece}]} for piece in pieces]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return Misbehaviour(body=body.encode(), content_type="text/event-stream")


async def prepared(page: Page, screen: str, router: Running) -> None:
    """Show a screen with something on it."""
    address = {"story": "requests", "login": "accounts", "new-key": "keys"}.get(screen, screen)
    await page.goto(f"{router.url}/dashboard/#/{address}")
    await page.locator("h1").first.wait_for()
    if screen == "playground":
        await page.get_by_label("Client key").fill(KEY)
        router.upstream.script(streamed("A place where trains are sorted."), model="gpt-4.1")
        await page.get_by_label("Dialect").select_option("messages")
        await page.get_by_label("Model", exact=True).fill("gpt-4.1")
        await page.get_by_label("Message", exact=True).fill("What is a switchyard?")
        await page.get_by_role("button", name="Send").click()
        await page.get_by_text("Its story").wait_for()
    if screen == "story":
        await page.get_by_role("row").filter(has_text="after a failure").last.get_by_role("link").click()
        await page.get_by_role("region", name="What would happen now").get_by_role("table").first.wait_for()
    if screen == "new-key":
        await page.get_by_label("Name").fill(f"laptop-{time.monotonic_ns()}")
        await page.get_by_role("button", name="Make a key").click()
        await page.get_by_role("dialog").get_by_label("Program").select_option("claude")
    if screen == "login":
        await page.get_by_role("button", name="Sign in to ChatGPT").click()
        await page.get_by_label("I have read this").check()
        await page.get_by_role("dialog").get_by_role("combobox").select_option("code")
        await page.get_by_role("button", name="Begin").click()
        await page.get_by_text("Time left").wait_for()
    if screen == "models":
        await page.get_by_label("Model", exact=True).fill("gpt-4.1")
        await page.get_by_role("button", name="Show the plan").click()
        await page.get_by_text("would answer, with").wait_for()
    if screen == "settings":
        text = page.get_by_label("Settings as YAML")
        await expect(text).to_be_enabled()
        await text.fill((await text.input_value()) + "observe:\n  level: debug\n")
        await page.get_by_role("button", name="Show what would change").click()
        await page.get_by_text("This would change").wait_for()
        await text.evaluate("(element) => element.scrollTo(0, element.scrollHeight)")
    await page.wait_for_load_state("load")
    await page.wait_for_timeout(900)


async def with_keys(router: Running) -> None:
    """Keys that may use so much, one that may use little, and what clients of today have asked for."""
    manages = {"authorization": f"Bearer {MANAGEMENT}"}
    for name, limits in (("editor", {"usd_per_day": 2, "usd_per_month": 20}), ("nightly", {"tokens_per_day": 900_000})):
        wanted: dict[str, Any] = {"name": name, "limits": {**limits, "requests_per_minute": 30}}
        made = await router.send("/v0/management/keys", wanted, headers=manages)
        for _ in range(3):
            router.upstream.script(answer("Done.", 182_000, 9_000), model="gpt-4.1")
            await router.ask("chat", "gpt-4.1", headers={"authorization": f"Bearer {made.json['key']}"})
    narrow = {"name": "phone", "rights": {"models": ["gemini-*"]}, "limits": {"requests_per_minute": 10}}
    made = await router.send("/v0/management/keys", narrow, headers=manages)
    await router.ask("gemini", "gemini-2.5-flash", headers={"authorization": f"Bearer {made.json['key']}"})
    await router.send("/v0/management/keys", {"name": "wallboard", "scope": "viewer"}, headers=manages)


async def picture(page: Page, file: Path) -> None:
    """The page as far as it goes, at most TALLEST, as WebP, which Playwright does not make."""
    tall = int(await page.evaluate("document.documentElement.scrollHeight"))
    await page.set_viewport_size({"width": SIZE["width"], "height": min(tall, TALLEST)})
    await page.evaluate("scrollTo(0, 0)")
    await page.wait_for_timeout(200)
    session = await page.context.new_cdp_session(page)
    taken = await session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    await session.detach()
    file.write_bytes(base64.b64decode(taken["data"]))  # noqa: ASYNC240


def _afternoon() -> str:
    """A time zone in which the day is old enough to have cost something."""
    now = datetime.now(UTC)
    return min(ZONES, key=lambda zone: abs(now.astimezone(ZoneInfo(zone)).hour - 17))


async def main(folder: Path, every: bool) -> None:
    """every: also what the document does not show, whole pages and small screens, to be looked at."""
    chromium: Any = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory(prefix="switchyard-") as place:
        async with used(Path(place) / "router", {"models": ROUTES}) as router, async_playwright() as playwright:
            await with_keys(router)
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for theme in ("light", "dark"):
                context = await browser.new_context(
                    viewport=SIZE, color_scheme=theme, reduced_motion="reduce", timezone_id=_afternoon()
                )
                page = await context.new_page()
                page.on("console", lambda message: print("console:", message.text))
                page.on("pageerror", lambda error: print("error:", error))
                await page.goto(f"{router.url}/dashboard/")
                if every:
                    await page.get_by_label("Management key").wait_for()
                    await page.screenshot(path=folder / f"dashboard-sign-in-{theme}.png")
                await page.get_by_label("Management key").fill(MANAGEMENT)
                await page.get_by_role("button", name="Sign in").click()
                await page.get_by_role("heading", name="Overview").wait_for()
                for screen in SCREENS:
                    if not every and screen in UNSHOWN:
                        continue
                    await page.set_viewport_size(SIZE)
                    await prepared(page, screen, router)
                    if not every:
                        await picture(page, folder / f"dashboard-{screen}-{theme}.webp")
                    for width in WIDTHS if every else ():
                        await page.set_viewport_size({"width": width, "height": 800})
                        await page.wait_for_timeout(200)
                        wide = await page.evaluate("document.documentElement.scrollWidth")
                        if wide > width:
                            print(screen, theme, f"scrolls sideways at {width}: {wide}")
                        await page.screenshot(path=folder / f"{screen}-{theme}-{width}.png", full_page=True)
                    if screen in ("login", "new-key"):
                        await page.keyboard.press("Escape")
                await context.close()
            await browser.close()


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if word != "--every"]
    target = Path(given[0]) if given else ROOT / "docs" / "pictures"
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, "--every" in sys.argv))
