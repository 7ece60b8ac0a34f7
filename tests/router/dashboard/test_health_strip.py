"""The strip of the first screen: services that should be there, programs of supervisord, and what rests until when."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from router.supervisord_rpc import VARIABLE
from tests.router.api.relaying import relayed
from tests.router.api.supervising import supervising
from tests.router.dashboard.browser import needs_browser, person
from tests.simulators import Upstream
from tests.simulators.faulty import status

pytestmark = needs_browser
PROGRAMS = """
[program:aistudio]
command=/bin/sh -c "test -f {folder}/well && exec sleep 600"
startsecs=1
startretries=0
[program:webai]
command={folder}/nothing-here
startretries=99
[program:healthwatch]
command=sleep 600
startsecs=0
"""
STATES = {"aistudio": "fatal", "webai": "backoff", "healthwatch": "running"}


def expect(thing: Any) -> Any:
    from playwright.async_api import expect as expecting

    return expecting(thing)


async def looks_again(page: Any) -> None:
    """As somebody who comes back to the page, which is then not waited for."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_what_should_run_and_does_not_is_told_with_what_to_do(tmp_path: Path, browser: Any) -> None:
    on = {"providers": {"aistudio": {"keep_fresh": 0}}}
    with supervising(tmp_path, PROGRAMS, STATES) as socket:
        environ = {VARIABLE: f"unix://{socket}"}
        async with (
            Upstream() as upstream,
            relayed(upstream, tmp_path / "r", on, environ=environ) as it,
            person(it.router, browser) as one,
        ):
            await one.sign_in()
            page = one.page
            strip = page.get_by_role("region", name="Is it working?")
            studio = strip.get_by_role("listitem").filter(has_text="aistudio")
            await expect(studio).to_have_count(1)  # the provider without a service is no second thing that is down
            for words in ("down", "not connected since", "none has connected", "given up", "logs/aistudio.log"):
                await expect(studio).to_contain_text(words)
            broken = strip.get_by_role("listitem").filter(has_text="webai")
            await expect(broken).to_contain_text("starts badly")
            await expect(broken).to_contain_text("tries again by itself")
            await expect(strip).to_contain_text("that run: healthwatch.")
            await expect(page.get_by_text("It works in part: 3 of 4 providers serve in full.")).to_be_visible()
            (tmp_path / "well").touch()
            await strip.get_by_role("button", name="Start aistudio anew").press("Enter")
            await expect(page.get_by_role("status").filter(has_text="aistudio has been started anew")).to_be_visible()
            await expect(studio).not_to_contain_text("given up")
            desk = await it.connect("desk")
            await looks_again(page)
            await expect(strip.get_by_role("listitem").filter(has_text="desk")).to_contain_text("ready")
            await desk.vanish()
            await it.router.until(lambda: it.names() == [])
            await looks_again(page)
            gone = strip.get_by_role("listitem").filter(has_text="desk")
            await expect(gone).to_contain_text("its socket was closed")
            upstream.script(*[status(500)] * 6, model="gpt-4.1")
            await it.router.ask("chat", "gpt-4.1")
            openai = strip.get_by_role("listitem").filter(has_text="openai")
            await expect(openai).to_contain_text(re.compile(r"gpt-4\.1 rests: .*500.*Next try in (a moment|\d)"))
