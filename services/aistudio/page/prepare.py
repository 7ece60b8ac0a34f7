"""Everything before Run: the model, the run settings, files, and the prompt. What could not be applied is told."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec

from router.faults import Fault, bad_request
from services.aistudio.page.studio import PageGone, StudioPage
from services.aistudio.panel import JSON_ONLY, Panel
from services.aistudio.request import Job

NAMES = {
    "system": "systemInstruction",
    "temperature": "generationConfig.temperature",
    "top_p": "generationConfig.topP",
    "max_tokens": "generationConfig.maxOutputTokens",
    "stops": "generationConfig.stopSequences",
    "thinking": "generationConfig.thinkingConfig",
    "budget": "generationConfig.thinkingConfig.thinkingBudget",
    "level": "generationConfig.thinkingConfig.thinkingLevel",
    "functions": "tools.functionDeclarations",
    "search": "tools.googleSearch",
    "url_context": "tools.urlContext",
    "code": "tools.codeExecution",
    "schema": "generationConfig.responseSchema",
}
"""Settings of the page by their names in a request."""

_ESSENTIAL = ("functions",)
"""Without these the answer would be another one; a request that needs them fails."""


async def prepare(page: StudioPage, job: Job, *, continued: bool) -> list[str]:
    """Make the page ready for Run. Returns what could not be applied, as ``name (why)``.

    continued: the page's chat holds what was said before. Raises `Fault`, `PageGone`."""
    await _choose_model(page, job.model)
    notes = await _apply(page, job.panel)
    if job.uploads:
        await _upload(page, job)
    await _prompt(page, job.last if continued else job.prompt, bool(job.uploads))
    return notes


async def _choose_model(page: StudioPage, name: str) -> None:
    """By the page's own list, else through its stored preference and a fresh load; believed only when it is shown."""
    wait = page.settings.timeouts.control
    if page.model == name:
        return
    if not await _shows(page, name):
        await page.call("chooseModel", name, page.titles.get(name, ""), within=2 * wait + 2)
    if not await _shows(page, name):
        await page.call("storeModel", name, within=wait)
        await page.open()
    if not await _shows(page, name):
        raise Fault("not_found", f'AI Studio does not offer the model "{name}" to this account.', status=404)
    page.model = name


async def _shows(page: StudioPage, name: str) -> bool:
    """By the name that is shown, where it is known how the page shows this model; else by what the page has stored."""
    current = await page.call("currentModel", within=page.settings.timeouts.control)
    shown, title = _plain(current["shown"]), _plain(page.titles.get(name, ""))
    if shown and title:
        return shown in (title, _plain(name))
    return current["stored"] == name or shown == _plain(name)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


async def _apply(page: StudioPage, panel: Panel) -> list[str]:
    wait = page.settings.timeouts.control
    wanted = msgspec.to_builtins(panel)
    if page.system == panel.system:
        wanted["system"] = None
    failed = await page.call("apply", wanted, within=8 * wait)
    if panel.schema is not None and "schema" in failed:
        told = f"{JSON_ONLY} It must match this JSON schema:\n{panel.schema}"
        emulated = msgspec.structs.replace(panel, schema=None, system=f"{panel.system}\n\n{told}".strip())
        return [*await _apply(page, emulated), f"{NAMES['schema']} (told as an instruction)"]
    page.system = None if "system" in failed else panel.system
    for name in _ESSENTIAL:
        if name in failed and getattr(panel, name) is not None:
            page.broken = True
            raise bad_request(f"{NAMES[name]}: AI Studio's page did not take it ({failed[name]}).", NAMES[name])
    return [f"{NAMES[name]} ({why})" for name, why in failed.items() if _wanted(panel, name)]


def _wanted(panel: Panel, name: str) -> bool:
    """Whether the request says something about a setting; the page's defaults need no note."""
    return getattr(panel, name) not in (None, False, "", ())


async def _upload(page: StudioPage, job: Job) -> None:
    """Give the page its files as data, never as a path."""
    files = [{"name": each.name, "mimeType": each.media_type, "buffer": each.data} for each in job.uploads]
    css, wait = page.selectors.css, page.settings.timeouts.control
    page.waits(4 * wait + 5)
    try:
        async with asyncio.timeout(4 * wait + 5):
            await page.page.locator(css("add_media")).first.click(timeout=wait * 1000)
            async with page.page.expect_file_chooser(timeout=wait * 1000) as chosen:
                await page.page.locator(css("upload_item")).first.click(timeout=wait * 1000)
            await (await chosen.value).set_files(files)
            await _agreed(page, len(files))
    except Fault:
        raise
    except Exception as error:  # Playwright's own
        page.broken = True
        raise Fault("upstream_broken", f"AI Studio's page did not take a file: {_first_line(error)}") from error


async def _agreed(page: StudioPage, count: int) -> None:
    """Wait for the chips of all files, agreeing to a dialog that may come first."""
    wait = int(page.settings.timeouts.control * 1000)
    script = """async ([count, wait]) => {
        const lib = globalThis.__switchyard;
        const all = () => lib.all("upload_chip").length >= count;
        await lib.until(() => all() || lib.find("agree"), wait);
        if (!all()) { lib.find("agree")?.click(); await lib.until(all, wait); }
        return all();
    }"""
    if not await page.page.evaluate(script, [count, wait]):
        page.broken = True
        raise Fault("upstream_broken", "AI Studio's page did not take all files.")


async def _prompt(page: StudioPage, text: str, files: bool) -> None:
    """By value and event; a file may still be on its way, so that Run has more time then."""
    wait = page.settings.timeouts.control * (10 if files else 1)
    told: dict[str, Any] = await page.call("prompt", text, int(wait * 1000), within=wait + 5)
    utf16 = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if told["length"] != utf16 - text.count("\r\n"):
        page.broken = True
        raise PageGone(f"the prompt box holds {told['length']} characters of {utf16}")
    if not told["enabled"]:
        page.broken = True
        raise Fault("upstream_broken", "AI Studio's Run button did not wake up after the prompt was set.")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
