"""What `doctor` says of the accounts of the running gateway: those that want a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.cli.finding import Finding
from router.cli.talk import Place, Refused, Unreachable, manage
from router.observe.redact import one_line
from router.settings.provider_names import SIGN_INS

_WHY = "Calls go to other accounts, or fail where there are none."


def accounts(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Nothing where no gateway answers: that is another check's."""
    try:
        answer = manage(place, "/v0/management/accounts")
    except (Unreachable, Refused):
        return
    found = answer["accounts"]
    ready = sum(view["state"] == "ready" for view in found)
    if found:
        yield Finding("ok", "accounts", f"{ready} of {len(found)} are ready; see: switchyard accounts")
    for view in found:
        if view["state"] in ("needs_login", "refused"):
            yield Finding("warning", "accounts", _told(view["account"], view), _WHY, another(view))
    for file in answer["files"]:
        fix = "docs/accounts/files.md says what to do about each kind"
        yield Finding("warning", "accounts", _told(file["file"], file), "Its account serves nothing.", fix)


def _told(name: str, view: Mapping[str, Any]) -> str:
    state, reason = view["state"], str(view["reason"])
    return one_line(f"{name} is {reason if reason.startswith(f'{state} ') else f'{state}: {reason}'}")


def another(view: Mapping[str, Any]) -> str:
    """How an account gets a credential that counts."""
    sign_in = SIGN_INS.get(view["provider"])
    if sign_in is None:
        kept = view.get("owner") == "ours"
        return f"Give {view['provider']} another key {'on the dashboard' if kept else 'in the settings'}"
    if view.get("state") == "refused":
        return f"Use an API key, or switch it off: switchyard accounts disable '{view['account']}'"
    return f"switchyard login {sign_in.login[0]}"
