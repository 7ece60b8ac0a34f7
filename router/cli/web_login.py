"""``switchyard login webai``: two cookies of an account of Gemini's web page, for the service that proves them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from router.cli.talk import Refused, Unreachable, find_place, request
from router.cli.terminal import Terminal

OK, FAILED, UNREACHABLE = 0, 1, 3
NAMES = ("webai", "gemini-web")
COOKIES = ("__Secure-1PSID", "__Secure-1PSIDTS")
PROOF = 150.0
"""Seconds that the service may take: it opens the page once with the cookies."""
_HOW = "In a private window, sign in to https://gemini.google.com, and copy two of its cookies (docs/webai.md)."


def login(
    account: str | None,
    as_json: bool,
    config: str | None = None,
    *,
    terminal: Terminal | None = None,
    ask: Callable[..., Any] = request,
) -> int:
    """Bring cookies, typed or from stdin, one a line. Returns the exit code."""
    terminal = terminal or Terminal()
    body: dict[str, str] = {"account": account} if account else {}
    if terminal.interactive:
        terminal.say(_HOW)
        psid, psidts = (terminal.secret(f"{name}: ").strip() for name in COOKIES)
    else:
        lines = [*terminal.secret("").split(), "", ""]
        psid, psidts = lines[0], lines[1]
    if not psid:
        terminal.say(f"Give the value of {COOKIES[0]}, and of {COOKIES[1]} in the next line.")
        return FAILED
    body |= {"secure_1psid": psid, "secure_1psidts": psidts}
    try:
        done = ask(find_place(config), "POST", "/v1/auth/webai", body, timeout=PROOF)
    except Unreachable as error:
        terminal.say(str(error))
        return UNREACHABLE
    except Refused as error:
        terminal.say(str(error))
        return FAILED
    print(json.dumps(done) if as_json else done["name"])
    terminal.say("The cookies work, and are kept.")
    return OK
