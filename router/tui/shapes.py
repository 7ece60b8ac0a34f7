"""What the management API says, as rows for tables of a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from router.money import MICRO

Row = tuple[str, ...]
MARKS: Mapping[str, str] = {"ok": "● works", "partly": "▲ works in part", "down": "■ down", "off": "○ off"}
PROVIDERS: Row = ("provider", "state", "accounts", "next try", "why")
CALLS: Row = ("at (UTC)", "status", "model", "answered by", "tries", "first", "total", "tokens", "key")
ACCOUNTS: Row = ("account", "state", "until", "calls", "why")
WINDOWS: Row = ("account", "window", "left", "resets")
COSTS: Row = ("model", "calls", "tokens", "cost")
ATTEMPTS: Row = ("", "target", "account", "outcome", "status", "took")


def head(overview: Mapping[str, Any], usage: Mapping[str, Any] | None) -> str:
    """One line: is it working, what runs, what it cost today."""
    providers = overview["providers"]
    whole = sum(each["state"] == "ok" for each in providers)
    states = f"{whole} of {len(providers)} providers work" if providers else "no provider is set up, the demo answers"
    cost = f", {today(usage)} today" if usage is not None else ""
    return f"Switchyard {overview['version']}: {states}, {overview['open_calls']} calls now{cost}"


def today(usage: Mapping[str, Any]) -> str:
    """What a usage report costs; unknown prices are told and never counted as nothing."""
    total = usage["total"]
    unknown = f" + {total['unknown']} calls of unknown price" if total["unknown"] else ""
    return f"${total['cost'] / MICRO:.4f}{unknown}"


def provider_rows(overview: Mapping[str, Any]) -> Iterator[Row]:
    for each in overview["providers"]:
        state = MARKS.get(each["state"], each["state"])
        accounts = f"{each['ready']}/{each['accounts']}"
        yield each["id"], state, accounts, _in(each["retry_at"], overview["now"]), each["reason"]


def window_rows(overview: Mapping[str, Any]) -> Iterator[Row]:
    for each in overview["windows"]:
        left = f"{max(0.0, 1 - each['used']):.0%}"
        yield each["account"], each["window"], left, _in(each["resets_at"], overview["now"])


def cost_rows(usage: Mapping[str, Any]) -> Iterator[Row]:
    for each in usage["lines"]:
        kinds = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
        tokens = sum(each.get(kind, 0) for kind in kinds)
        rest = " + ?" if each["unknown"] else ""
        cost = "unknown" if each["unknown"] and not each["cost"] else f"${each['cost'] / MICRO:.4f}{rest}"
        yield each["name"], str(each["calls"]), f"{tokens:,}", cost


def call_rows(calls: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Id and row of each call, the newest first."""
    for each in calls["calls"]:
        served = f"{each['provider']}/{each['model']}" if each["provider"] else each["outcome"]
        tokens = "-" if each["input"] is None else f"{each['input']}>{each['output']}"
        yield (
            each["id"],
            (
                _clock(each["at"]),
                str(each["status"]),
                each["asked"],
                served,
                str(len(each["attempts"])),
                _seconds(each["first_byte"]),
                _seconds(each["total"]),
                tokens,
                each["key"],
            ),
        )


def story(call: Mapping[str, Any]) -> Iterator[Row]:
    """Every attempt of one call, with its number."""
    for number, each in enumerate(call["attempts"], start=1):
        target = f"{each['provider']}/{each['model']}"
        status = "-" if each["status"] is None else str(each["status"])
        yield str(number), target, each["account"], each["outcome"], status, _seconds(each["seconds"])


def reasons(call: Mapping[str, Any]) -> Iterator[str]:
    """Why each attempt was made with its account, and why it failed if it did, by its number."""
    for number, each in enumerate(call["attempts"], start=1):
        if each.get("chosen"):
            yield f"{number}: {each['account']}: {each['chosen']}"
        if each["reason"]:
            yield f"{number}: {each['reason']}"


def account_rows(listed: Mapping[str, Any]) -> Iterator[Row]:
    for each in listed["accounts"]:
        calls = each.get("requests")
        yield (
            str(each.get("account", "")),
            str(each.get("state", "")),
            str(each.get("until") or "-"),
            "-" if calls is None else str(calls),
            str(each.get("cause") or each.get("reason") or ""),
        )


def log_lines(listed: Mapping[str, Any]) -> Iterator[str]:
    for each in listed["lines"]:
        yield each["text"]


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _in(at: float | None, now: float) -> str:
    """How long until then, in the largest fitting unit."""
    if at is None:
        return "-"
    left = max(0, round(at - now))
    if left < 90:
        return f"in {left} s"
    return f"in {left // 60} min" if left < 5400 else f"in {left // 3600} h"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
