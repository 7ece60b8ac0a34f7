"""``switchyard login``: sign in to a provider, in the browser, with a code, or with something pasted.

What is pasted is never an argument: arguments are in the process list and in the shell's history.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from router.cli import service_login, web_login
from router.cli.login_desks import Desk, View, open_desk
from router.cli.talk import Place, Refused, Unreachable, find_place
from router.cli.terminal import Terminal
from router.settings.mistakes import nearest
from router.settings.provider_names import SIGN_INS, sign_in_of

OK, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3
LOOK_EVERY = 1.0
"""Seconds between two looks at how a sign-in is."""
_OPEN = ("pending", "waiting", "exchanging")
_TRIES = 3


class Wishes(Struct, frozen=True, kw_only=True):
    """What the command line says. flow: None for the provider's preferred one."""

    flow: str | None = None
    label: str | None = None
    browser: bool = True
    accepts: bool = False
    as_json: bool = False


def login(
    provider: str,
    wishes: Wishes,
    config: str | None = None,
    *,
    terminal: Terminal | None = None,
    desk_of: Callable[[Place, str], Desk] = open_desk,
) -> int:
    """Sign in. Returns the exit code."""
    terminal = terminal or Terminal(piped=wishes.flow == "paste")
    if provider in service_login.NAMES:
        return service_login.login(wishes.label, wishes.as_json, config, terminal=terminal)
    if provider in web_login.NAMES:
        return web_login.login(wishes.label, wishes.as_json, config, terminal=terminal)
    sign_in = sign_in_of(provider)
    if sign_in is None:
        known = [*(entry.login[0] for entry in SIGN_INS.values()), *service_login.NAMES[:1], *web_login.NAMES[:1]]
        near = nearest(provider, known)
        meant = f" Did you mean {near!r}?" if near else f" There are {', '.join(known)}."
        terminal.say(f"There is no provider {provider!r} to sign in to.{meant}")
        return USAGE
    try:
        desk = desk_of(find_place(config), sign_in)
        try:
            return _sign_in(desk, wishes, terminal)
        finally:
            desk.close()
    except Unreachable as error:
        terminal.say(str(error))
        return UNREACHABLE
    except Refused as error:
        terminal.say(str(error))
        return FAILED


def _sign_in(desk: Desk, wishes: Wishes, terminal: Terminal) -> int:
    begun = _begin(desk, wishes, terminal)
    if begun is None:
        return FAILED
    if wishes.as_json:
        print(json.dumps(begun), flush=True)
    try:
        _instruct(begun, wishes, terminal)
        ended = _pasted(desk, begun, terminal) if begun["flow"] == "paste" else _waited(desk, begun, terminal)
    except KeyboardInterrupt:
        desk.cancel(begun["login_id"])
        terminal.say("\nCancelled.")
        return FAILED
    if wishes.as_json:
        print(json.dumps(ended), flush=True)
    elif ended["state"] == "done":
        print(ended["account"])
    terminal.say(ended["message"])
    return OK if ended["state"] == "done" else FAILED


def _begin(desk: Desk, wishes: Wishes, terminal: Terminal) -> View | None:
    """Begin, after the caveat was accepted: by an option, before, or now. None where it was not. Raises `Refused`."""
    options = {name: value for name, value in (("flow", wishes.flow), ("label", wishes.label)) if value is not None}
    try:
        return desk.begin({**options, "accept": True} if wishes.accepts else options)
    except Refused as refused:
        if refused.facts.get("code") != "consent":
            raise
        terminal.say(refused.facts.get("caveat", ""))
        if not terminal.interactive:
            terminal.say("Say with --yes that you accept this.")
            return None
        if not terminal.confirm("Go on?"):
            terminal.say("Nothing was changed.")
            return None
    return desk.begin({**options, "accept": True})


def _instruct(begun: Mapping[str, Any], wishes: Wishes, terminal: Terminal) -> None:
    """Say what is to be done, and open the browser for it."""
    if begun["flow"] == "paste":
        terminal.say(begun["message"])
        return
    if begun.get("message"):
        terminal.say(begun["message"])
    if begun["flow"] == "device":
        address = begun.get("verification_uri_complete") or begun["verification_uri"]
        terminal.say(f"Enter the code {begun['user_code']} at {begun['verification_uri']}")
    else:
        address = begun["url"]
    opened = wishes.browser and terminal.browse(address)
    if begun["flow"] == "code":
        terminal.say("Your browser was opened at:" if opened else "Open this address in a browser:")
        terminal.say(f"  {address}")
        if terminal.reads:
            alone = "If that browser is on another machine, paste" if begun.get("listens") else "Then paste"
            terminal.say(f"{alone} here {begun['paste']}, and press Enter.")


def _waited(desk: Desk, begun: View, terminal: Terminal) -> View:
    """Until it ends, with whatever the person pastes meanwhile."""
    now = begun
    while now["state"] in _OPEN:
        typed = terminal.line(LOOK_EVERY)
        if not typed or begun["flow"] != "code":
            now = desk.look(begun["login_id"])
            continue
        try:
            now = desk.bring(begun["login_id"], typed)
        except Refused as refused:
            terminal.say(str(refused))
            now = desk.look(begun["login_id"])
    return now


def _pasted(desk: Desk, begun: View, terminal: Terminal) -> View:
    """What the person copied. Raises `Refused` where that is of no use, again and again."""
    for left in reversed(range(_TRIES)):
        typed = terminal.secret("Paste it here (it is not shown): ").strip()
        try:
            return desk.bring(begun["login_id"], typed)
        except Refused as refused:
            if left == 0 or refused.facts.get("code") != "unreadable" or not terminal.interactive:
                desk.cancel(begun["login_id"])
                raise
            terminal.say(str(refused))
    raise AssertionError("the last try ends the loop")


def flow_of(device: bool, paste: bool, cookie: bool) -> str | None:
    """The flow that the options name. Raises `ValueError`."""
    if sum((device, paste, cookie)) > 1:
        raise ValueError("give one of --device, --paste and --cookie")
    return "device" if device else "paste" if paste or cookie else None
