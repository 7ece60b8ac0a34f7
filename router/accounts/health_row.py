"""The health of accounts as rows that survive a restart: there and back. Pure."""

from __future__ import annotations

from typing import get_args

from msgspec import Struct

from router.routing import cooldown
from router.routing.cooldown import Entry, HealthState, Key, Scope

_STATES: dict[str, HealthState] = {state: state for state in get_args(HealthState)}
_SCOPES: dict[str, Scope] = {scope: scope for scope in get_args(Scope)}


class HealthRow(Struct, frozen=True, kw_only=True):
    """One row of persistent state. until, at: Unix time. account is "" for a target (scope ``target``)."""

    account: str
    scope: str  # account | bucket | model | target
    key: str
    state: str
    until: float | None
    strikes: int
    cause: str
    at: float
    hinted: bool = False


def row_of(key: Key, entry: Entry | None, now: float) -> HealthRow:
    """A row for an entry; in state ``ready`` where there is none (any more)."""
    account, scope, name = key
    known = entry or Entry(at=now)
    return HealthRow(
        account=account,
        scope=scope,
        key=name,
        state=known.state,
        until=known.until,
        strikes=known.strikes,
        cause=known.cause,
        at=known.at,
        hinted=known.hinted,
    )


def entry_of(row: HealthRow) -> tuple[Key, Entry] | None:
    """What a row says; None where it says nothing, or something of unknown meaning. Whoever probed is gone."""
    state, scope = _STATES.get(row.state), _SCOPES.get(row.scope)
    if state is None or scope is None or (state == "ready" and row.strikes == 0):
        return None
    entry = Entry(
        state="cooling" if state == "probing" else state,
        at=row.at,
        until=row.until,
        strikes=row.strikes,
        cause=row.cause,
        hinted=row.hinted or _longer(row, cooldown.LONGEST_GUESS),
        capped=_longer(row, cooldown.LONGEST_HINT - 1),
    )
    return (row.account, scope, row.key), entry


def _longer(row: HealthRow, seconds: float) -> bool:
    """A time that we would not guess is the provider's word, also in rows that do not say so."""
    return row.until is not None and row.until - row.at > seconds
