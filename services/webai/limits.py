"""Models that an account cannot be asked for now, because its limit for them is reached. Pure."""

from __future__ import annotations

from msgspec import Struct

from router.faults import Fault


class ModelLimit(Fault):
    """A limit of one model: the account goes on with its others."""


class Rest(Struct, frozen=True, kw_only=True):
    """until: wall time after which it is asked again; reason: for a person."""

    until: float
    reason: str


class Limits:
    """What rests, by account and by the page's name of the model."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Rest]] = {}

    def put(self, account: str, model: str, rest: Rest) -> None:
        """Remember it."""
        self._held.setdefault(account, {})[model] = rest

    def drop(self, account: str) -> None:
        """Forget what was known of an account: it is another one now."""
        self._held.pop(account, None)

    def of(self, account: str, now: float) -> dict[str, Rest]:
        """What rests still, by model."""
        found = {model: rest for model, rest in self._held.get(account, {}).items() if rest.until > now}
        if account in self._held:
            self._held[account] = found
        return found
