"""Windows of plans and limits: how much of each is used, and when it begins anew. Pure.

What providers say of them is read by `router.accounts.quota_headers` and `router.accounts.usage`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

STALE = 3600.0
"""Seconds for which a window without a time of reset is believed."""
_LABEL = re.compile(r"[^0-9a-z_-]+")
_LONGEST_LABEL = 32


class Window(Struct, frozen=True, kw_only=True):
    """One window of one account.

    name: as the provider calls it (``5h``, ``7d_opus``, ``primary``, ``requests``). used: from 0 to 1. resets_at,
    seen_at: Unix seconds. bucket: the class of models that alone it counts, "" for all. closed: the provider says that
    nothing more goes through before the reset; a full window alone does not mean that (extra usage may be paid for).
    """

    name: str
    used: float
    resets_at: float | None = None
    seen_at: float
    bucket: str = ""
    closed: bool = False


def window(
    name: str,
    used: float | None,
    now: float,
    *,
    resets_at: float | None = None,
    bucket: str = "",
    closed: bool = False,
) -> Window | None:
    """A window from what a provider said, in bounds; None where it did not say how much is used."""
    label = _LABEL.sub("_", name.strip().lower()).strip("_")[:_LONGEST_LABEL]
    if used is None or not label:
        return None
    share = min(1.0, max(0.0, used))
    return Window(name=label, used=share, resets_at=resets_at, seen_at=now, bucket=bucket, closed=closed)


def share_used(remaining: float | None, limit: float | None) -> float | None:
    """The used share where a provider tells what is left of how much."""
    if remaining is None or limit is None or limit <= 0:
        return None
    return 1.0 - remaining / limit


def live(windows: Iterable[Window], now: float) -> tuple[Window, ...]:
    """Those that are still true: not begun anew since they were seen."""
    return tuple(each for each in windows if now < (each.seen_at + STALE if each.resets_at is None else each.resets_at))


def left(windows: Sequence[Window], bucket: str, now: float) -> float:
    """The share that is left to a model of this bucket: that of its fullest window; 1 where nothing is known."""
    full = 0.0
    for each in windows:
        if each.bucket in ("", bucket) and each.used > full and live((each,), now):
            full = each.used
    return 1.0 - full


def closed(windows: Iterable[Window], now: float) -> tuple[Window, ...]:
    """Those that let nothing through before a known time."""
    return tuple(each for each in live(windows, now) if each.closed and each.resets_at is not None)
