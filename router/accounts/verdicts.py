"""What failed renewals mean, remembered so that nobody asks a provider again before that makes sense. In memory: after
a restart each dead account costs one request."""

from __future__ import annotations

import random
from collections.abc import Callable

from msgspec import Struct

from router.accounts import schedule
from router.accounts.credential import Credential
from router.accounts.exchange import Failed
from router.accounts.oauth import Trouble
from router.accounts.outcomes import Bad, Misconfigured, NeedsLogin, Refused, Suspended
from router.clock import Clock
from router.secret import Secret
from router.settings.sign_ins import SignIn

DEAD: tuple[Trouble, ...] = ("dead", "expired")
_LOST = "; the answer to the request before never came, and the token that was in it is lost"


class _Verdict(Struct, frozen=True):
    """What comes of renewing with `refresh` under `facts`."""

    outcome: Bad
    refresh: Secret
    facts: SignIn


class Verdicts:
    """By account. facts: of a provider, now; a verdict falls where they change, or the account's refresh token does."""

    def __init__(self, facts: Callable[[str], SignIn], clock: Clock, chance: random.Random) -> None:
        self._facts = facts
        self._clock = clock
        self._chance = chance
        self._known: dict[str, _Verdict] = {}
        self._failures: dict[str, int] = {}

    def find(self, credential: Credential) -> Bad | None:
        """What would come of renewing this very token now; None: try it."""
        held = self._known.get(credential.id)
        if held is None or held.refresh != credential.refresh or held.facts != self._facts(credential.provider):
            return None
        if isinstance(held.outcome, Suspended):
            left = held.outcome.until - self._clock.wall()
            if not 0 < left <= schedule.LONGEST_PAUSE:  # it is over, or the clock was set back
                return None
        return held.outcome

    def note(self, stored: Credential, failed: Failed) -> Bad:
        """What a failure means from now on."""
        outcome = self._meaning(stored, failed)
        self._known[stored.id] = _Verdict(outcome, stored.refresh, self._facts(stored.provider))
        return outcome

    def clear(self, account: str) -> None:
        """All is well, or to be tried again."""
        self._known.pop(account, None)
        self._failures.pop(account, None)

    def _meaning(self, stored: Credential, failed: Failed) -> Bad:
        if failed.trouble in DEAD:
            return NeedsLogin(f"{failed.message}{_LOST if failed.lost else ''}")
        if failed.trouble == "misconfigured":
            return Misconfigured(failed.message)
        if failed.trouble == "denied":
            return Refused(failed.message)
        failures = self._failures[stored.id] = self._failures.get(stored.id, 0) + 1
        until = self._clock.wall() + schedule.pause(failures, self._chance.random(), failed.retry_after)
        return Suspended(reason=failed.message, until=until, credential=stored)
