"""What the management API says of calls, accounts and the log, as rows for tables of a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.tui.telling import clock, money, sentences, share, took
from router.tui.words import cause, failed, outcome

Row = tuple[str, ...]
CALLS: Row = ("at (UTC)", "result", "model", "answered by", "tries", "first", "total", "tokens", "cost", "key")
ACCOUNTS: Row = ("account", "state", "until", "calls", "least left", "why")
ATTEMPTS: Row = ("", "target", "account", "outcome", "status", "took", "cost")


def call_rows(calls: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Id and row of each call, the newest first."""
    for each in calls["calls"]:
        served = f"{each['provider']}/{each['model']}" if each["provider"] else "nobody"
        tokens = "-" if each["input"] is None else f"{each['input']}>{each['output']}{'~' if each['estimated'] else ''}"
        result = outcome(each["outcome"]) if each["outcome"] not in ("", "ok") else "ok"
        yield (
            each["id"],
            (
                clock(each["at"]),
                f"{each['status']} {result}",
                each["asked"] or each["surface"],
                served,
                str(len(each["attempts"])),
                took(each["first_byte"]),
                took(each["total"]),
                tokens,
                _price(each),
                each["key"],
            ),
        )


def _price(call: Mapping[str, Any]) -> str:
    if call["cost"] is None:
        return "-" if call["input"] is None else "unknown"
    return money(call["cost"], len(call["unpriced"]))


def verdict(call: Mapping[str, Any]) -> str:
    """What became of a call, why, and what to do."""
    if not failed(call):
        return "The client went away before the end." if call["outcome"] == "cancelled" else "It was answered."
    words, advice = cause(call)
    return sentences(words, call["reason"], advice)


def facts(call: Mapping[str, Any]) -> Iterator[str]:
    """Who asked, how, what it took and cost."""
    way = ", ".join(dict.fromkeys((call["surface"], call["dialect"], "streamed" if call["stream"] else "in one piece")))
    yield f"key {call['key'] or '-'}, client {call['client'] or '-'}, {way}, lane {call['lane'] or '-'}"
    yield f"status {call['status']}, first byte {took(call['first_byte'])}, whole time {took(call['total'])}"
    if call["input"] is not None:
        cached = f" ({call['cached']} cached)" if call["cached"] else ""
        thought = f" ({call['reasoning']} reasoning)" if call["reasoning"] else ""
        guessed = ", estimated: no count was told for all of it" if call["estimated"] else ""
        yield f"tokens {call['input']}{cached} in, {call['output']}{thought} out{guessed}"
    yield f"cost {'nothing was used' if call['input'] is None and not call['cost'] else _price(call)}"
    if call["notes"]:
        yield f"changed on the way: {call['notes']}"


def story(call: Mapping[str, Any]) -> Iterator[Row]:
    """Every attempt of one call, with its number."""
    for number, each in enumerate(call["attempts"], start=1):
        target = f"{each['provider']}/{each['model']}"
        status = "-" if each["status"] is None else str(each["status"])
        cost = "-" if each["cost"] is None else money(each["cost"])
        yield str(number), target, each["account"], each["outcome"], status, took(each["seconds"]), cost


def reasons(call: Mapping[str, Any]) -> Iterator[str]:
    """Why each attempt was made, why with its account, and why it failed if it did, by its number."""
    for number, each in enumerate(call["attempts"], start=1):
        if each["why"]:
            yield f"{number}: asked because: {each['why']}"
        if each["chosen"]:
            yield f"{number}: {each['account']}: {each['chosen']}"
        if each["reason"]:
            yield f"{number}: {each['reason']}"


def account_rows(listed: Mapping[str, Any]) -> Iterator[Row]:
    """Every account, and every file that holds no usable one."""
    for each in listed["accounts"]:
        full = max(each["quota"], key=lambda window: window["used_percent"], default=None)
        left = "-" if full is None else f"{share(1 - full['used_percent'] / 100)} of {full['name']}"
        resting = (f"{rest['name']} {rest['state']}: {rest['reason']}" for rest in each["resting"])
        why = sentences(each["reason"], *resting)
        yield each["account"], each["state"], each["until"] or "-", str(each["requests"]), left, why
    for file in listed["files"]:
        yield file["file"], file["state"], "-", "-", "-", file["reason"]


def log_lines(listed: Mapping[str, Any]) -> Iterator[str]:
    """The log as it stands."""
    for each in listed["lines"]:
        yield each["text"]
