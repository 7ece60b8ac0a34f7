"""Accounts as people read them: a line with state, why and until when, and below it what there is to say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

View = Mapping[str, Any]
"""An account as ``/v0/management/accounts`` gives it."""
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def headline(view: View, now: float) -> str:
    """State, until when, and why."""
    until = f" until {moment(view['until'], now)}" if view["until"] else ""
    reason = str(view["reason"] or "")
    if reason.startswith(f"{view['state']} ") and not until:  # a fault of the state's own name, with its status
        return f"{view['account']:<40} {reason}"
    return f"{view['account']:<40} {view['state']}{until}{f': {reason}' if reason else ''}"


def details(view: View, now: float) -> Iterator[str]:
    """What it did, what it met, what is left of its plan, and what was set for it."""
    yield _work(view, now)
    if view["last_error"]:
        same = view["last_error"] == view["reason"]
        yield f"last error {moment(view['last_error_at'], now)}: {'the same' if same else view['last_error']}"
    for rest in view["resting"]:
        until = f" until {moment(rest['until'], now)}" if rest["until"] else ""
        yield f"{rest['scope']} {rest['name']} {rest['state']}{until}: {rest['reason']}"
    for window in view["quota"]:
        resets = f", resets {moment(window['resets_at'], now)}" if window["resets_at"] else ""
        yield f"quota {window['name']}: {window['used_percent']:g} % used{resets}"
    if view["token_expires_at"]:
        yield _token(view, now)
    chosen = ", ".join(_chosen(view))
    if chosen:
        yield f"set: {chosen}"


def _work(view: View, now: float) -> str:
    requests, failures = view["requests"], view["failures"]
    if not requests:
        return "not used yet"
    failed = f" ({failures} failed)" if failures else ""
    last = f", last {moment(view['last_used_at'], now)}" if view.get("last_used_at") else ""
    return (
        f"{_count(requests, 'request')}{failed}, "
        f"{_count(view['input_tokens'], 'token')} in, {view['output_tokens']} out{last}"
    )


def _token(view: View, now: float) -> str:
    end = view["token_expires_at"]
    word = "ended" if _seconds(end) <= now else "ends"
    renews = f", to be renewed {moment(view['token_renews_at'], now)}" if view["token_renews_at"] else ""
    return f"token {word} {moment(end, now)}{renews}"


def _chosen(view: View) -> Iterator[str]:
    """What an operator set that is not so by itself."""
    if view.get("priority", 0) != 0:
        yield f"priority {view['priority']}"
    if view.get("weight", 1) != 1:
        yield f"weight {view['weight']}"
    if view.get("proxy"):
        yield "a proxy"
    if view.get("models"):
        yield f"only {' '.join(view['models'])}"
    if view.get("excluded"):
        yield f"not {' '.join(view['excluded'])}"
    if view.get("aliases"):
        yield " ".join(f"{name}={model}" for name, model in view["aliases"].items())
    if thinking := view.get("thinking"):
        amounts = [f"{name} {thinking[name]}" for name in ("default", "max") if thinking.get(name) is not None]
        yield " ".join(["thinking", thinking["mode"], *amounts])


def moment(text: str, now: float) -> str:
    """A time, and how far off it is: ``2027-01-15 08:01 UTC (in 5 min)``. text: RFC 3339 in UTC. now: Unix seconds."""
    away = _seconds(text) - now
    span = _span(abs(away))
    told = "now" if span == "0 s" else f"in {span}" if away > 0 else f"{span} ago"
    return f"{text[:10]} {text[11:16]} UTC ({told})"


def _span(seconds: float) -> str:
    name, size = next((unit for unit in _UNITS if seconds >= unit[1]), _UNITS[-1])
    return f"{int(seconds // size)} {name}"


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
