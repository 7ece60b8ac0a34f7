"""The providers' side of a simulation: twelve accounts with tokens, quotas and troubles, that nobody looks into.

Servers of authorisation rotate refresh tokens and punish reuse; quotas are met, told in each provider's own way, and
begin anew; tokens are rejected early; outages come and go. The random generator that comes in decides everything.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

from router.accounts.credential import Credential
from router.accounts.oauth import TokenTrouble
from router.accounts.renewal import Renewed
from router.clock import Clock
from router.faults import Fault
from router.secret import Secret
from router.settings.sign_ins import SignIn
from router.wire.dialects import DIALECTS

DIALECT_OF = {
    "claude-oauth": "messages",
    "chatgpt-oauth": "responses",
    "gemini-cli": "gemini",
    "qwen-oauth": "chat",
    "kimi-oauth": "chat",
    "xai-oauth": "chat",
    "copilot": "chat",
    "openai": "chat",
}
ACCOUNTS = (
    *(f"claude-oauth/{label}" for label in "abc"),
    *(f"chatgpt-oauth/{label}" for label in "ab"),
    *(f"gemini-cli/{label}" for label in "ab"),
    *(f"{provider}/a" for provider in ("qwen-oauth", "kimi-oauth", "xai-oauth", "copilot", "openai")),
)
LIFE = {"claude-oauth": 28_800.0, "chatgpt-oauth": 36_000.0, "kimi-oauth": 900.0, "copilot": 1500.0}
"""Seconds that an access token lives; of the others an hour."""
GRACE = 30.0
"""Seconds for which a server of authorisation gives the same tokens for one refresh token again."""


class Person:
    """One account as its provider has it. quota: calls per window of so many seconds. lost: it
    was given tokens that never arrived. dead: the grant was withdrawn.
    foreign: the provider does not let other programs in. banned_until: it takes no token of it for a while."""

    def __init__(self, account: str, chance: random.Random, now: float) -> None:
        self.account = account
        self.provider = account.partition("/")[0]
        self.life = LIFE.get(self.provider, 3600.0)
        self.generation = 0
        self.rejected: set[str] = set()
        self.ends_at = 0.0
        self.last: tuple[str, float] | None = None
        self.lost = False
        self.quota = chance.choice((20, 40, 80))
        self.window = chance.choice((300.0, 1800.0, 7200.0))
        self.window_began = now
        self.used = 0
        self.dead = self.foreign = False
        self.banned_until = 0.0
        self.served = self.turned_away = 0

    @property
    def access(self) -> str:
        return f"at-{self.account}-{self.generation}"

    @property
    def refresh(self) -> str:
        return f"rt-{self.account}-{self.generation}"

    def renew(self, now: float) -> None:
        self.last = (self.refresh, now)
        self.generation += 1
        self.ends_at = now + self.life

    @property
    def healthy(self) -> bool:
        """Whether it could be used for ever by whoever waits and asks properly."""
        return not (self.dead or self.foreign)


class World:
    """All providers. doubled: refreshes that met another one of the same account. reused: tokens that were sent after
    their time. refreshes: by account."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self.clock = clock
        self.chance = chance
        now = clock.wall()
        self.people = {account: Person(account, chance, now) for account in ACCOUNTS}
        self.down: dict[str, float] = {}
        self.tokens_down: dict[str, float] = {}
        self.calm = False
        self.in_flight: Counter[str] = Counter()
        self.refreshes: Counter[str] = Counter()
        self.doubled: list[str] = []
        self.reused: list[str] = []

    def credentials(self) -> Iterator[Credential]:
        """The accounts as they are after everybody has signed in."""
        for person in self.people.values():
            if person.provider != "openai":
                yield self.signed_in(person)

    def signed_in(self, person: Person) -> Credential:
        """New tokens, of a new grant."""
        now = self.clock.wall()
        person.dead = False
        person.renew(now)
        return Credential(
            provider=person.provider,
            label=person.account.partition("/")[2],
            access=Secret(person.access),
            refresh=Secret(person.refresh),
            expires_at=person.ends_at,
            issued_at=now,
        )

    async def renew(self, sign_in: SignIn, stored: Credential, pause: Any) -> Renewed:
        """A token endpoint's answer, which takes a moment. `router.accounts.renewal.Renew` but for `pause`."""
        person, now = self.people[stored.id], self.clock.wall()
        self.refreshes[stored.id] += 1
        self.in_flight[stored.id] += 1
        if self.in_flight[stored.id] > 1:
            self.doubled.append(stored.id)
        try:
            await pause(self.chance.uniform(0.05, 3.0))
            return self._renewed(person, stored, now)
        finally:
            self.in_flight[stored.id] -= 1

    def _renewed(self, person: Person, stored: Credential, began: float) -> Renewed:
        now = self.clock.wall()
        if now < self.tokens_down.get(person.provider, 0.0) and not person.lost:
            raise self.chance.choice(
                (
                    TokenTrouble("transient", "the token endpoint answered 503", None),
                    TokenTrouble("transient", "the token endpoint answered 429", 20.0),
                    Fault("upstream_broken", "the connection was reset"),
                )
            )
        sent = stored.refresh.reveal()
        again = person.last is not None and person.last[0] == sent and now - person.last[1] <= GRACE
        if sent != person.refresh and not again:
            if sent.startswith("rt-") and not person.dead:
                self.reused.append(person.account)
            person.dead = True
        if person.dead:
            raise TokenTrouble("dead", "the token endpoint answered 400: invalid_grant", None)
        if not again:
            person.renew(now)
        person.lost = not person.lost and not self.calm and self.chance.random() < 0.05
        if person.lost:  # after the rotation; what is lost twice nobody can save
            raise Fault("upstream_broken", "the answer was lost on its way")
        return Renewed(access=Secret(person.access), refresh=Secret(person.refresh), expires_at=began + person.life)

    def trouble(self) -> None:
        """A minute passes, in which something may happen."""
        now, chance = self.clock.wall(), self.chance
        if self.calm:
            return
        person = self.people[chance.choice(ACCOUNTS)]
        if chance.random() < 0.02:
            self.down[chance.choice(list(DIALECT_OF))] = now + chance.uniform(20, 900)
        if chance.random() < 0.02:
            self.tokens_down[chance.choice(list(DIALECT_OF))] = now + chance.uniform(20, 1200)
        if chance.random() < 0.03:
            person.rejected.add(person.access)
        if chance.random() < 0.004:
            person.banned_until = now + chance.uniform(60, 3000)
        if chance.random() < 0.0007 and person.provider != "openai":
            person.dead = True
        if chance.random() < 0.0007:
            person.foreign = True

    def settle_down(self) -> None:
        """From now on all is well."""
        self.calm = True
        self.down.clear()
        self.tokens_down.clear()
        for person in self.people.values():
            person.banned_until = 0.0
            person.quota = 10_000

    def serve(self, account: str, token: str, model: str) -> None:
        """One call. Raises the `Fault` of the provider's answer."""
        person, now = self.people[account], self.clock.wall()
        if now < self.down.get(person.provider, 0.0):
            raise self._fault(person, self.chance.choice((500, 502, 503, 529)))
        if person.provider != "openai" and (token != person.access or now >= person.ends_at):
            raise self._fault(person, 401)
        if token in person.rejected or now < person.banned_until:
            raise self._fault(person, 401)
        if person.foreign:
            person.turned_away += 1
            raise Fault("refused", "Only for its own apps.", status=403, details={"for_good": True})
        if now - person.window_began >= person.window:
            person.window_began, person.used = now, 0
        person.used += 1
        if person.used > person.quota:
            raise self._limit(person, now)
        if not self.calm:
            odd = self.chance.random()
            if odd < 0.01:
                raise self._fault(person, 400)
            if odd < 0.03:
                raise self._fault(person, self.chance.choice((403, 429, 500, 529)))
        person.served += 1

    def _limit(self, person: Person, now: float) -> Fault:
        """A met quota in the provider's own words, or without any hint."""
        left = max(1.0, person.window_began + person.window - now)
        headers, error = self._hints(person.provider, left, now)
        return self._fault(person, 429, headers, error)

    def _hints(self, provider: str, left: float, now: float) -> tuple[dict[str, str], dict[str, Any]]:
        if self.chance.random() < 0.25:
            return {}, {}
        if provider == "claude-oauth":
            plan = "anthropic-ratelimit-unified"
            return {f"{plan}-status": "rejected", f"{plan}-reset": str(int(now + left))}, {}
        if provider == "chatgpt-oauth":
            return {}, {"type": "usage_limit_reached", "resets_in_seconds": int(left)}
        if provider == "gemini-cli":
            return {}, {"details": [{"metadata": {"quotaResetDelay": f"{left:.2f}s"}}]}
        if provider == "copilot":
            return {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(now + left))}, {}
        return {"retry-after": str(int(left))}, {}

    def _fault(
        self, person: Person, status: int, headers: dict[str, str] | None = None, error: dict[str, Any] | None = None
    ) -> Fault:
        body = {"error": {"message": f"simulated {status}", **(error or {})}}
        told = {"content-type": "application/json", "date": formatdate(self.clock.wall(), usegmt=True)}
        dialect = DIALECTS[DIALECT_OF[person.provider]]  # type: ignore[index]
        return dialect.read_fault(status, {**told, **(headers or {})}, json.dumps(body).encode())
