"""``switchyard login aistudio``: a service opens a browser, a person signs in there, and the session stays with it."""

from __future__ import annotations

import json
from collections.abc import Callable

from router.cli.login_desks import GatewayDesk, View
from router.cli.talk import Place, Refused, Unreachable, find_place
from router.cli.terminal import Terminal

OK, FAILED, UNREACHABLE = 0, 1, 3
NAMES = ("aistudio", "ai-studio")
"""Providers whose accounts are the profiles of a service."""
LOOK_EVERY = 1.0
"""Seconds between two looks at how the sign-in is."""
_OVER = ("done", "failed")
_ALONE = "Without a gateway: .venvs/aistudio/bin/python -m services.aistudio login"


def login(
    profile: str | None,
    as_json: bool,
    config: str | None = None,
    *,
    terminal: Terminal | None = None,
    desk_of: Callable[[Place, str], GatewayDesk] = GatewayDesk,
) -> int:
    """Sign in to a profile. Returns the exit code."""
    terminal = terminal or Terminal()
    try:
        return _sign_in(desk_of(find_place(config), NAMES[0]), profile, as_json, terminal)
    except Unreachable as error:
        terminal.say(f"{error} {_ALONE}")
        return UNREACHABLE
    except Refused as error:
        terminal.say(str(error))
        return FAILED


def _sign_in(desk: GatewayDesk, profile: str | None, as_json: bool, terminal: Terminal) -> int:
    """Raises `Refused` and `Unreachable`."""
    now = desk.begin({"profile": profile} if profile else {})
    if as_json:
        print(json.dumps(now), flush=True)
    told = ""
    try:
        while now["state"] not in _OVER:
            told = _tell(now, told, terminal)
            terminal.line(LOOK_EVERY)
            now = desk.look(now["login_id"])
    except KeyboardInterrupt:
        desk.cancel(now["login_id"])
        terminal.say("\nCancelled.")
        return FAILED
    if as_json:
        print(json.dumps(now), flush=True)
    elif now["state"] == "done":
        print(now["profile"])
    terminal.say(now["message"])
    return OK if now["state"] == "done" else FAILED


def _tell(now: View, told: str, terminal: Terminal) -> str:
    """Say what is new. The message names the window or the link; the link stands alone too, to be copied."""
    if now["message"] != told:
        terminal.say(now["message"])
        if now.get("vnc_url"):
            terminal.say(f"  {now['vnc_url']}")
    return str(now["message"])
