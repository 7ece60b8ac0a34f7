"""What `doctor` says of keys, sign-ins and plans: does each provider take ours, and how much is left.

The running gateway asks, as it has the sign-ins and their proxies; where none runs, the keys of the settings are asked
about from here. Nothing that is asked costs anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from router.cli.account_findings import another
from router.cli.account_lines import moment
from router.cli.finding import Finding, Level
from router.cli.talk import Place, Refused, Unreachable, manage, request
from router.observe.redact import one_line, redact

WITHIN = 25.0
"""Seconds for one account: the gateway's own limit, and what it may wait behind others."""
AT_ONCE = 8
FULL, NEARLY = 100.0, 90.0
"""Percent of a window."""
_SKIPPED = ("needs_login", "refused", "disabled")
"""States that the findings on accounts tell of already, or that are meant."""
View = Mapping[str, Any]
Ask = Callable[[View], View | None]
"""What the provider says of an account, as ``POST /accounts/{id}/check`` tells it; None: it cannot be asked."""


def credentials(place: Place, environ: Mapping[str, str], ask: Ask | None = None) -> Iterator[Finding]:
    """Every account once, with a call that costs nothing."""
    if place.problem is not None:
        return
    try:
        views = manage(place, "/v0/management/accounts")["accounts"]
    except (Unreachable, Refused):
        found = asyncio.run(_from_here(place, environ)) if place.process is None else []
        yield from _told(found)
        return
    asked = [view for view in views if view["state"] not in _SKIPPED]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask or (lambda view: _by_gateway(place, view)), asked))
    yield from _told([(view, said) for view, said in zip(asked, answers, strict=True) if said is not None])


def quotas(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Windows of plans that are used up, or nearly; nothing where no gateway answers, or none is known."""
    try:
        views = manage(place, "/v0/management/accounts")["accounts"]
    except (Unreachable, Refused):
        return
    now = time.time()
    windows = [(view, window) for view in views if view["state"] != "disabled" for window in view["quota"]]
    tight = [(view, window) for view, window in windows if window["used_percent"] > NEARLY]
    if windows and not tight:
        yield Finding("ok", "quota", f"no window of {len(windows)} is used above {NEARLY:g} %")
    for view, window in tight:
        spent = window["used_percent"] >= FULL
        used = "is used up" if spent else f"is used to {window['used_percent']:g} %"
        resets = f", and begins anew {moment(window['resets_at'], now)}" if window["resets_at"] else ""
        what = one_line(f"{view['account']}: the window {window['name']} {used}{resets}")
        why = "Calls go to other accounts, or fail where there are none, until then."
        yield Finding("warning", "quota", what, why if spent else f"At its end: {why.lower()}", _room(view))


def _by_gateway(place: Place, view: View) -> View | None:
    """None where the gateway is of another version, or the account does not serve."""
    path = f"/v0/management/accounts/{quote(view['account'], safe='/')}/check"
    try:
        said: View = request(place, "POST", path, {}, timeout=WITHIN)
    except (Unreachable, Refused):
        return None
    return said


async def _from_here(place: Place, environ: Mapping[str, str]) -> list[tuple[View, View]]:
    """The keys of the settings and the environment; sign-ins are the gateway's, which renews them."""
    from router.clock import SystemClock
    from router.net.client import Net
    from router.providers.credentials import Credentials
    from router.providers.free_check import FreeCheck
    from router.providers.resolve import resolve

    net = Net(environ=environ)
    net.follow(place.settings.network.proxy, place.settings.network.no_proxy)
    room = asyncio.Semaphore(AT_ONCE)
    check = FreeCheck(net, Credentials(net, SystemClock()))

    async def look(provider: Any, account: Any) -> tuple[View, View]:
        async with room:
            said = await check.look(provider, account)
        facts = {name: getattr(said, name) for name in said.__struct_fields__}
        return {"account": account.id, "provider": provider.id}, {**facts, "text": redact(said.text)}

    try:
        work = [
            look(provider, account)
            for provider in resolve(place.settings, environ)
            if provider.kind not in ("demo", "aistudio", "webai")
            for account in provider.accounts
            if not account.disabled
        ]
        return list(await asyncio.gather(*work))
    finally:
        await net.close()


def _told(found: Sequence[tuple[View, View]]) -> Iterator[Finding]:
    taken = [said for _, said in found if said["state"] == "taken"]
    if taken:
        yield Finding("ok", "credentials", f"{len(taken)} of {len(found)} are taken by their providers")
    for view, said in found:
        if said["state"] == "unknown":
            what = one_line(f"{view['account']} could not be checked: {said['text']}")
            yield Finding("ok", "credentials", what)
        elif said["state"] != "taken":
            yield _trouble(view, said)


def _room(view: View) -> str:
    return f"Wait, raise the limit at {view['provider']}, or add an account beside it: switchyard accounts --help"


_TROUBLE: Mapping[str, tuple[Level, str, str, Callable[[View], str]]] = {
    "rejected": ("error", "is not accepted", "No call with it can succeed.", another),
    "refused": (
        "error",
        "may not be used like this",
        "No call with it can succeed until the provider lets it.",
        lambda view: f"See at {view['provider']} what it may do and which limits it has, or: {another(view)}",
    ),
    "empty": (
        "warning",
        "has no model to ask for",
        "It is accepted, and calls with it fail all the same.",
        lambda view: f"Give it models at {view['provider']}, or correct `models` of {view['provider']} in the settings",
    ),
    "limited": (
        "warning",
        "has met a limit",
        "Calls go to other accounts, or fail where there are none.",
        _room,
    ),
    "silent": (
        "warning",
        "could not be checked",
        "Calls with it probably fail too.",
        lambda view: f"Look at base_url and proxy of {view['provider']}, then: switchyard doctor",
    ),
}


def _trouble(view: View, said: View) -> Finding:
    level, what, why, fix = _TROUBLE[said["state"]]
    if said["kind"] == "quota_spent":
        what, why = "has spent what was paid for, or its plan", "It does not recover by itself soon."
    again = f" (again in {said['retry_after']:.0f} s)" if said["retry_after"] else ""
    return Finding(level, "credentials", one_line(f"{view['account']} {what}: {said['text']}{again}"), why, fix(view))
