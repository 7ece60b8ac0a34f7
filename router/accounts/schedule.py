"""When an access token is renewed, and when another try makes sense. Pure: times and chance come in.

`wire.md` 13, "Clock": early, with a spread between accounts, decided by the wall clock. All times are Unix seconds.
"""

from __future__ import annotations

import zlib

from router.wire.hints import http_date

SHORTEST_LEAD = 60.0
LONGEST_LEAD = 300.0
SHARE = 0.1
"""Share of a token's life that the lead is, between the two limits."""
MOST_OF_A_SHORT_LIFE = 0.25
"""The lead is no more than this share, so that a token that lives for a minute is used for most of it."""
MOST_OF_LIFE = 0.5
"""A lead that the provider's facts ask for is no more than this share: a lead longer than the life would never end."""
SPREAD = 0.2
"""Up to this share of the lead, an account is earlier than another one of the same moment."""
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
SHORTEST_TOLD = 5.0
"""Seconds that a ``Retry-After`` is taken for at least."""
FORCED_PAUSE = 60.0
"""Seconds between two renewals that a provider's 401 forces, at most; a tenth of the life where that is shorter."""
SHORTEST_PERIOD = 30.0
"""Seconds between two renewals of the background, whatever a provider says of a token's life."""
LONGEST_SLEEP = 30.0
"""Nobody sleeps for longer, so that a machine that was suspended, or whose clock was set, looks at the clock again."""
SKEW = 300.0
"""Seconds by which two clocks may differ before somebody is told."""


def lead(life: float | None, wanted: float | None) -> float:
    """Seconds before its end at which a token is due. life: of the token, if known. wanted: by the facts."""
    if wanted is not None:
        return wanted if life is None else min(wanted, life * MOST_OF_LIFE)
    if life is None:
        return LONGEST_LEAD
    return min(max(SHORTEST_LEAD, min(LONGEST_LEAD, life * SHARE)), life * MOST_OF_A_SHORT_LIFE)


def due_at(*, expires_at: float | None, issued_at: float | None, wanted: float | None, spread: float) -> float | None:
    """The moment from which a token should be renewed; None where it does not end. spread: of `spread_of`."""
    if expires_at is None:
        return None
    life = None if issued_at is None else max(0.0, expires_at - issued_at)
    return expires_at - lead(life, wanted) * (1 + SPREAD * spread)


def in_background(due: float | None, issued_at: float | None) -> float | None:
    """When the background renews what is due at `due`: not more often than every so many seconds, however short a life
    a provider says."""
    if due is None or issued_at is None:
        return due
    return max(due, issued_at + SHORTEST_PERIOD)


def spread_of(account: str) -> float:
    """A number in [0, 1) that is always the same for one account, so that many do not fall due in one moment."""
    return zlib.crc32(account.encode()) / 2**32


def pause(failures: int, chance: float, told: float | None = None) -> float:
    """Seconds to wait after so many failures in a row (from 1). chance: in [0, 1). told: by the provider, obeyed
    within limits; otherwise doubling, less up to a quarter by chance."""
    if told is not None:
        return min(max(told, SHORTEST_TOLD), LONGEST_PAUSE)
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE) * (1 - 0.25 * chance)


def forced_pause(expires_at: float | None, issued_at: float | None) -> float:
    """Seconds after its making for which a token that is rejected is not replaced yet again."""
    if expires_at is None or issued_at is None:
        return FORCED_PAUSE
    return min(FORCED_PAUSE, max(0.0, expires_at - issued_at) / 10)


def nap(next_at: float | None, now: float) -> float:
    """Seconds to sleep before looking at the wall clock again, given the next moment of any account."""
    if next_at is None:
        return LONGEST_SLEEP
    return min(max(next_at - now, 0.0), LONGEST_SLEEP)


def skew(date: str | None, began: float, ended: float) -> float:
    """Seconds by which the clock of a server is ahead of ours (negative: behind), by the ``Date`` of an answer to a
    request that ran from `began` to `ended`; 0 where it lies between the two, or nobody says."""
    moment = http_date(date) if date is not None else None
    if moment is None:
        return 0.0
    if moment < began - 1:  # a Date has whole seconds
        return moment - began
    return max(0.0, moment - ended)
