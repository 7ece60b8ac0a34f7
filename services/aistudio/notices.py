"""What the page says went wrong, as a fault. Pure: where it said it and in which words."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from router.faults import Fault, Kind

Place = Literal["toast", "callout", "model", "wire"]

QUOTA_COOLING = 4 * 3600.0
RATE_COOLING = 300.0
"""Seconds for which an account rests when the page does not say how long."""

NEEDS_LOGIN = "needs_login"
QUOTA = "quota"

_TABLE: tuple[tuple[str, Kind, float | None, str | None], ...] = (
    (r"exceeded (your )?(current )?quota|resource_exhausted|out of free generations|reached your (usage )?limit",
     "quota_spent", QUOTA_COOLING, QUOTA),
    (r"rate limit|too many requests|try again in a (few|moment)", "rate_limited", RATE_COOLING, None),
    (r"token count exceeds|too many tokens|exceeds the (maximum|limit)", "too_long", None, None),
    (r"sign in|signed out|session (has )?expired|invalid authentication", "upstream_auth", None, NEEDS_LOGIN),
    (r"permission|denied|not allowed|forbidden|not available in your", "refused", None, None),
    (r"overloaded|capacity|unavailable", "overloaded", 10.0, None),
)  # fmt: skip
_COMPILED = tuple((re.compile(words, re.IGNORECASE), kind, after, code) for words, kind, after, code in _TABLE)
_BY_STATUS: dict[int, tuple[Kind, float | None, str | None]] = {
    400: ("bad_request", None, None),
    401: ("upstream_auth", None, NEEDS_LOGIN),
    403: ("refused", None, None),
    404: ("not_found", None, None),
    413: ("too_large", None, None),
    429: ("rate_limited", RATE_COOLING, None),
    503: ("overloaded", 10.0, None),
}
MAX_WORDS = 300


class Notice(Struct, frozen=True, kw_only=True):
    """Something that the page showed. level: error or warning. status: of its own call, where that failed."""

    place: Place
    words: str
    level: Literal["error", "warning"] = "error"
    status: int | None = None


def fault(notice: Notice) -> Fault | None:
    """What a notice means; None for a warning that stops nothing."""
    words = " ".join(notice.words.split())[:MAX_WORDS]
    shown = f'AI Studio said: "{words}"' if words else f"AI Studio answered with status {notice.status}."
    for pattern, kind, after, code in _COMPILED:
        if pattern.search(words):
            return Fault(kind, shown, retry_after=after, code=code, status=notice.status)
    if notice.level == "warning":
        return None
    kind, after, code = _BY_STATUS.get(notice.status or 0, ("upstream_broken", None, None))
    return Fault(kind, shown, retry_after=after, code=code, status=notice.status)


def needs_login(profile: str) -> Fault:
    """The account of a profile has been signed out."""
    return Fault(
        "upstream_auth",
        f'The AI Studio profile "{profile}" is signed out. Sign in again: switchyard login aistudio --profile '
        f"{profile}",
        code=NEEDS_LOGIN,
    )
