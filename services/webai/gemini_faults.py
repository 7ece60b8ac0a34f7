"""What the exceptions of gemini-webapi and its libraries mean. Knows them by name, so that it needs no package."""

from __future__ import annotations

import re
from typing import Any

from router.faults import Fault, Kind
from services.webai.accounts import NEEDS_LOGIN
from services.webai.limits import ModelLimit

_STATUS = re.compile(r"[Ss]tatus(?: code)?:? (\d{3})\b")
_SIGNED_OUT = (
    "The cookies are not accepted (any more): sign in to gemini.google.com in a browser and give its new cookies, "
    "__Secure-1PSID and __Secure-1PSIDTS."
)
_REFUSED = {
    1021: "Google rejects this account for Gemini; see its settings.",
    1040: "The terms of Gemini wait for consent: open gemini.google.com with this account.",
    1042: "The terms of Gemini have changed and wait for consent: open gemini.google.com with this account.",
    1054: "A parent or guardian blocks Gemini for this account.",
    1057: "A parent or guardian has to allow Gemini for this account.",
    1060: "Gemini is not offered where this machine is.",
}
"""Codes of an account's status that a person has to see to."""


def signed_out() -> Fault:
    return Fault("upstream_auth", _SIGNED_OUT, code=NEEDS_LOGIN)


def of_status(code: int, token: bool) -> Fault | None:
    """What the page says of an account, None where it can be used. token: whether the page gave one."""
    if code == 1016 or not token:
        return signed_out()
    if code in _REFUSED:
        return Fault("refused", _REFUSED[code])
    if code == 1014:
        return Fault("unavailable", "Gemini's page is closed to this account for the moment.", retry_after=300)
    return None


def translated(error: BaseException, *, quotas: Any = None, now: float = 0.0, going: bool = False) -> Fault:
    """Any exception as a fault, in our own words: theirs may hold addresses, headers and paths with cookies in them.

    quotas: what the package knows of the account's limits. now: wall time. going: whether a kept chat goes on."""
    if isinstance(error, Fault):
        return error
    names = [each.__name__ for each in type(error).__mro__]
    if "AuthError" in names:
        return signed_out()
    if "UsageLimitExceededError" in names:
        text = "The limit of this account for this model is reached."
        return ModelLimit("rate_limited", text, retry_after=_reset(quotas, now))
    if "TemporarilyBlockedError" in names:
        return Fault("rate_limited", "Google has blocked this address for a while.", retry_after=900)
    if "ModelInvalidError" in names:
        if going:
            return Fault("bad_request", "The chat was begun with another model; ask for that one.", param="model")
        return Fault("not_found", "The page does not take this model now.")
    if any("Timeout" in name for name in names):
        return Fault("timeout", "Gemini's page was silent for too long.")
    status = _status_of(error)
    if status is not None:
        return _by_status(status)
    if "ImageGenerationError" in names:
        return Fault("upstream_broken", "Gemini's page gave a picture that cannot be read.")
    return Fault("upstream_broken", f"Gemini's page broke off ({type(error).__name__}).")


def _status_of(error: BaseException) -> int | None:
    """The HTTP status that an exception tells of."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return status
    found = _STATUS.search(str(error))
    return int(found[1]) if found else None


def _by_status(status: int) -> Fault:
    if status in (401, 403):
        return signed_out()
    kinds: dict[int, Kind] = {429: "rate_limited", 400: "upstream_broken", 413: "too_large"}
    kind = kinds.get(status, "upstream_broken")
    return Fault(kind, f"Gemini's page answered {status}.", status=status)


def _reset(quotas: Any, now: float) -> float | None:
    """Seconds until the first used-up quota comes back, as far as the page said."""
    found = []
    for each in quotas.values() if isinstance(quotas, dict) else ():
        used, moment = (each.get("usage_percentage"), each.get("reset_time")) if isinstance(each, dict) else (0, 0)
        if isinstance(used, int | float) and used >= 100 and isinstance(moment, int | float) and moment > now:
            found.append(moment - now)
    return min(found, default=None)
