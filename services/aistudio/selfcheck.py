"""Which controls of the page are found, and by which of their candidates: what to look at when Google changes it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from services.aistudio.page.studio import StudioPage
from services.aistudio.panel import Panel
from services.aistudio.pool import Pool, Wish
from services.aistudio.selectors import Selectors

TRANSIENT = frozenset(
    {
        "stop", "discard", "turn", "model_turn", "thought_text", "answer_text", "answer_block", "call", "call_name",
        "call_arguments", "run_time", "edit", "raw_text", "model_error", "toast", "callout", "model_row", "stop_remove",
        "option", "functions_save", "structured_save", "dialog", "dialog_close", "code_tab", "editor", "system_text",
        "panel_close", "temporary_on", "upload_item", "upload_input", "upload_chip", "agree", "backdrop", "survey",
    }
)  # fmt: skip
"""Controls that only exist in some state of the page; not to be found on a fresh one is no mistake."""

BY_MODEL = frozenset({"thinking", "manual_budget", "budget", "level", "empty"})
"""Controls that only some models have."""


class Finding(Struct, frozen=True, kw_only=True):
    """One control. state: found, fallback (by a later candidate), missing, or absent (not expected now)."""

    name: str
    state: str
    candidate: str | None
    required: bool


class Report(Struct, frozen=True, kw_only=True):
    """version: of the page map. good: whether everything required is there."""

    version: str
    profile: str
    good: bool
    findings: tuple[Finding, ...]


async def selfcheck(pool: Pool, selectors: Selectors, profile: str | None = None) -> Report:
    """Look at the page of an account. Raises `Fault` where it cannot be opened."""
    async with pool.lease(Wish(profile=profile)) as lease:
        lease.stop = False
        page = lease.page
        await _open_panels(page)
        found = await page.call("selfcheck", within=page.settings.timeouts.control + 5)
        findings = tuple(_finding(name, int(found[name]), selectors) for name in selectors.controls)
        good = not any(each.required and each.state == "missing" for each in findings)
        return Report(version=selectors.version, profile=page.profile, good=good, findings=findings)


async def _open_panels(page: StudioPage) -> None:
    """A setting that changes nothing opens what is folded."""
    wanted: dict[str, Any] = {name: getattr(Panel(), name) for name in Panel.__struct_fields__}
    await page.call("apply", {**wanted, "system": None}, within=8 * page.settings.timeouts.control)


def _finding(name: str, index: int, selectors: Selectors) -> Finding:
    candidates = selectors.controls[name]
    if index >= 0:
        state = "found" if index == 0 else "fallback"
    else:
        state = "absent" if name in TRANSIENT | BY_MODEL else "missing"
    matched = candidates[index].css if index >= 0 else None
    return Finding(name=name, state=state, candidate=matched, required=name in selectors.required)
