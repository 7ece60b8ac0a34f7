"""The first screen: is it working, what did it cost today, why did that fail, how much is left. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from router.tui.forecast import Looks, expected
from router.tui.telling import amount, clock, money, sentences, share, until
from router.tui.words import cause

Row = tuple[str, ...]
MARKS: Mapping[str, str] = {
    "ok": "● works",
    "partly": "▲ works in part",
    "failing": "■ fails",
    "down": "■ down",
    "off": "○ off",
}
HEALTH: Row = ("provider or service", "state", "ready", "next try", "why")
COSTS: Row = ("", "calls", "tokens", "cost")
BUDGETS: Row = ("key", "limit", "used", "of", "", "anew")
FAILURES: Row = ("ended (UTC)", "asked for", "key", "why, and what to do")
WINDOWS: Row = ("account", "window", "left", "resets", "at this pace")
_TOKENS = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
_MOST = 6
"""Lines of a report; the rest is added up."""


def head(overview: Mapping[str, Any], usage: Mapping[str, Any] | None) -> str:
    """One line: is it working, what runs, what it cost today."""
    providers = [each for each in overview["providers"] if each["state"] != "off"]
    whole = sum(_state(each) == "ok" for each in providers)
    states = f"{whole} of {len(providers)} providers work" if providers else "no provider is set up, the demo answers"
    cost = f", {today(usage)} today" if usage is not None else ""
    return f"Switchyard {overview['version']}: {states}, {overview['open_calls']} calls now{cost}"


def today(usage: Mapping[str, Any]) -> str:
    """What a usage report costs; unknown prices are told and never counted as nothing."""
    total = usage["total"]
    unknown = f" + {total['unknown']} calls of unknown price" if total["unknown"] else ""
    return f"{money(total['cost'])}{unknown}"


def health_rows(overview: Mapping[str, Any], relay: Mapping[str, Any], accounts: Mapping[str, Any]) -> Iterator[Row]:
    """Every provider, what rests of it in part, and every service, those too that are not connected."""
    for each in overview["providers"]:
        parts = list(_parts(accounts, each["id"]))
        state = _state(each)
        state = "partly" if state == "ok" and parts else state
        failures = f"{each['failed']} of {each['tries']} tries failed in 15 min" if each["failed"] else ""
        why = sentences(each["reason"], failures)
        ready = f"{each['ready']}/{each['accounts']}"
        yield each["id"], MARKS.get(state, state), ready, until(each["retry_at"], overview["now"]), why
        for name, reason, at in parts:
            yield f"  {name}", "▲ rests", "", until(at, overview["now"]), reason
    for each in (*relay["sessions"], *relay["services"]):
        load = f"{each['busy']}/{each['capacity']} busy" if each["capacity"] else ""
        kind = each.get("service") or each.get("kind") or ""
        state = "● ready" if each["ready"] else "■ down"
        yield f"{each['name']} ({kind})", state, load, "-", each["cause"] or ""
    for each in overview["missing"]:
        name = f"{each['name']} ({each['service']})" if each["name"] else each["service"]
        yield name, "■ down" if each["wanted"] else "○ gone", "", "-", sentences(each["cause"], each["remedy"])


def _state(each: Mapping[str, Any]) -> str:
    """Accounts that are ready prove little where every try of late failed."""
    if each["state"] == "ok" and each["tries"] and each["failed"] == each["tries"]:
        return "failing"
    return str(each["state"])


def _parts(accounts: Mapping[str, Any], provider: str) -> Iterator[tuple[str, str, float | None]]:
    for one in accounts["accounts"]:
        for rest in one["resting"] if one["provider"] == provider else ():
            at = datetime.fromisoformat(rest["until"]).timestamp() if rest["until"] else None
            yield f"{rest['name']} ({one['account']})", rest["reason"], at


def problem_lines(overview: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it should be; that accounts rest and services are away stands in the rows."""
    for each in overview["causes"]:
        if each["cause"] not in ("cooling", "no_service"):
            yield each["text"]


def cost_rows(usage: Mapping[str, Any]) -> Iterator[Row]:
    """What most was paid for first; small ones added up."""
    lines = sorted(usage["lines"], key=lambda each: (-each["cost"], -each["calls"]))
    yield from (_cost(each["name"] or "-", [each]) for each in lines[:_MOST])
    if rest := lines[_MOST:]:
        yield _cost(f"{len(rest)} more", rest)


def _cost(name: str, lines: list[Mapping[str, Any]]) -> Row:
    tokens = sum(each.get(kind, 0) for each in lines for kind in _TOKENS)
    calls, unknown = sum(each["calls"] for each in lines), sum(each["unknown"] for each in lines)
    return name, str(calls), f"{tokens:,}", money(sum(each["cost"] for each in lines), unknown)


def cost_notes(usage: Mapping[str, Any]) -> Iterator[str]:
    """What the sums do not say by themselves."""
    total = usage["total"]
    if not usage.get("kept", True):
        yield "Calls are not kept: usage.enabled is off in the settings."
    if total["unknown"]:
        yield f"The price of {total['unknown']} calls is unknown: the true sum may be higher (usage.prices names it)."
    if total.get("worth", 0) > total["cost"]:
        yield f"At list prices it would be {money(total['worth'])}."


def budget_rows(listed: Mapping[str, Any], now: float) -> Iterator[Row]:
    """Every budget of a key, the fullest first."""
    for each in listed["budgets"]:
        full = each["used"] / each["most"]
        told = "used up" if full >= 1 else share(full)
        used, most = amount(each["used"], each["unit"]), amount(each["most"], each["unit"])
        yield each["key"], each["limit"], used, most, told, until(each["resets_at"], now)


def failure_rows(overview: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Id and row of the newest failures, with the cause in words."""
    for each in overview["failures"]:
        words, advice = cause(each)
        asked = each["asked"] or each["surface"]
        yield each["id"], (clock(each["at"]), asked, each["key"] or "-", sentences(words, each["reason"], advice))


def window_rows(overview: Mapping[str, Any], looks: Looks) -> Iterator[Row]:
    """The fullest first, each with its reset and what to expect."""
    now = overview["now"]
    for each in sorted(overview["windows"], key=lambda one: -one["used"]):
        pace = expected(each, now, looks.of(each))
        yield each["account"], each["window"], share(1 - each["used"]), until(each["resets_at"], now), pace
