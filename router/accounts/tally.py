"""What each account has done: calls, failures, tokens, its last error in words. In memory; rows for whoever persists.

Synchronous, no locks, no I/O, as `router.accounts.health`. Counts add up over restarts.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from router.call import Record, Try
from router.clock import Clock

_MOST = 4096
"""Accounts that are counted; ids come from settings and files, so this is a bound for mistakes."""
_WORDS = 300


class Tally(Struct, frozen=True, kw_only=True):
    """One account since it was first used. tokens: input with cache, and output with reasoning. Times: Unix seconds."""

    account: str
    calls: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    last_used_at: float | None = None
    last_error: str = ""
    last_error_at: float | None = None


class Tallies:
    """All accounts. What was counted since the last `fresh` is kept apart, so that two processes that overlap add to
    the same rows instead of overwriting them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: dict[str, Tally] = {}
        self._fresh: dict[str, Tally] = {}

    def settle(self, record: Record) -> None:
        """Count one finished call: every attempt, and what it used, for its own account."""
        now = self._clock.wall()
        shares: dict[str, tuple[int, int]] = {}
        for share in record.shares():
            used, account = share.usage, share.account
            if used is not None and account:
                before = shares.get(account, (0, 0))
                shares[account] = before[0] + used.input, before[1] + used.output
        for attempt in record.tries:
            failed = attempt.outcome not in ("ok", "cancelled")  # whose client went away has not failed
            read, written = shares.pop(attempt.account, (0, 0))
            self._add(
                Tally(
                    account=attempt.account,
                    calls=1,
                    failures=int(failed),
                    input_tokens=read,
                    output_tokens=written,
                    last_used_at=now,
                    last_error=_words(attempt) if failed else "",
                    last_error_at=now if failed else None,
                )
            )
        for account, (read, written) in shares.items():
            self._add(Tally(account=account, input_tokens=read, output_tokens=written))

    def of(self, account: str) -> Tally:
        """One account's; zeros where it has not been used."""
        return self._all.get(account) or Tally(account=account)

    def fresh(self) -> list[Tally]:
        """What came on top since the last call, to be added to what is stored."""
        counted = list(self._fresh.values())
        self._fresh.clear()
        return counted

    def load(self, rows: Iterable[Tally]) -> None:
        """Take over what is stored; what is counted and not stored yet stays on top."""
        for row in rows:
            self._all[row.account] = added(row, self._fresh.get(row.account))

    def _add(self, more: Tally) -> None:
        account = more.account
        if account not in self._all and len(self._all) >= _MOST:
            return
        self._all[account] = added(self._all.get(account), more)
        self._fresh[account] = added(self._fresh.get(account), more)


def added(before: Tally | None, more: Tally | None) -> Tally:
    """Both together; the later words win."""
    if before is None or more is None:
        one = before or more
        if one is None:
            raise ValueError("there is nothing to add up")
        return one
    return Tally(
        account=before.account,
        calls=before.calls + more.calls,
        failures=before.failures + more.failures,
        input_tokens=before.input_tokens + more.input_tokens,
        output_tokens=before.output_tokens + more.output_tokens,
        last_used_at=more.last_used_at or before.last_used_at,
        last_error=more.last_error or before.last_error,
        last_error_at=more.last_error_at or before.last_error_at,
    )


def _words(attempt: Try) -> str:
    status = f" (HTTP {attempt.status})" if attempt.status is not None else ""
    return f"{attempt.outcome}{status}: {attempt.reason}"[:_WORDS]
