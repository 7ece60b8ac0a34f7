"""The health of every account and target, in memory, around the pure machines of `router.routing`.

Lives outside the settings snapshot and survives reloads: everything is keyed by ids. Synchronous, no locks, no I/O.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from router.accounts.health_row import HealthRow, entry_of, row_of
from router.accounts.quota import Window
from router.accounts.record import Account
from router.clock import Clock
from router.faults import Fault
from router.providers.config import ProviderConfig
from router.routing import cooldown, scopes
from router.routing.choose import Strategy, View, Waiting, look
from router.routing.cooldown import Entry, HeldState, Key
from router.routing.gate import Gate
from router.routing.rooms import Rooms
from router.routing.waiting import nothing_left

_MAX_ENTRIES = 4096  # model names come from clients, so the memory needs a bound
_KEPT = 3600.0  # seconds for which strikes of something quiet are remembered when room is needed


class Verdict(Protocol):
    """What one lease's good news make of an entry; None: ready."""

    def __call__(self, key: Key, entry: Entry | None, began: float, *, probe: bool) -> Entry | None: ...


class Lease(Struct, frozen=True, kw_only=True):
    """One account in use for one attempt. probe: this attempt tests whether something cooling has recovered.
    began: Unix time. config: the provider as it was when the lease began. why: as of `Outlook`."""

    number: int
    provider: str
    model: str
    account: Account
    config: ProviderConfig
    began: float
    probes: tuple[Key, ...] = ()
    why: str = ""

    @property
    def probe(self) -> bool:
        return bool(self.probes)


class Cooling(Struct, frozen=True, kw_only=True):
    """No account of the provider can be used. retry_after: seconds until the earliest one may, None if never."""

    provider: str
    model: str
    reasons: tuple[Waiting, ...]
    retry_after: float | None

    def fault(self) -> Fault:
        """What to tell the client when there is nothing else: 429 or 503 naming accounts and causes."""
        return nothing_left(self.provider, self.model, self.reasons, self.retry_after)


class Crowded(Struct, frozen=True, kw_only=True):
    """An account could serve, but the provider has as many calls as its settings allow. gate: where to wait."""

    provider: str
    gate: Gate

    def fault(self) -> Fault:
        """What to tell the client when there is nothing else and it does not wait."""
        return self.gate.fault("full")


class Health:
    """Leases accounts and learns from how the attempts end.

    strategy: how accounts of one priority share the work; may be set anew on a settings reload. windows: quotas by
    account and name, for the strategy that looks at them (`router.accounts.windows.Windows.known`). load_of: how busy
    the service behind an account is (`router.relay.hub.Hub.load`). rooms: of providers with a limit of calls at once.
    """

    def __init__(self, clock: Clock, chance: random.Random, strategy: Strategy = "round-robin") -> None:
        self.strategy: Strategy = strategy
        self.windows: Mapping[str, Mapping[str, Window]] = {}
        self.load_of: Callable[[str], float | None] = lambda account: None
        self.rooms = Rooms(clock)
        self._clock = clock
        self._chance = chance
        self._entries: dict[Key, Entry] = {}
        self._busy: dict[str, int] = {}
        self._turns: dict[str, int] = {}
        self._open: dict[int, Lease] = {}
        self._gates: dict[int, Gate] = {}  # by lease, of those that hold a place
        self._dirty: dict[Key, None] = {}
        self._numbers = 0

    def lease(
        self,
        provider: ProviderConfig,
        model: str,
        *,
        avoid: Collection[str] = (),
        prefer: str | None = None,
        place: Gate | None = None,
    ) -> Lease | Cooling | Crowded:
        """Take an account for one attempt. avoid: account ids already tried for this call. prefer: the account that
        holds this conversation's opaque items or cache, taken if it can serve at all. place: one at the provider that
        the call has waited for; it is the lease's from now on, or given back where there is none.

        Every lease ends with exactly one of `succeeded`, `failed`, `release` (later ones are ignored)."""
        now = self._clock.wall()
        outlook = look(provider, model, self._view(now), avoid=avoid, prefer=prefer)
        if outlook.account is None:
            if place is not None:
                place.release()
            return Cooling(provider=provider.id, model=model, reasons=outlook.waiting, retry_after=outlook.retry_after)
        if place is None and provider.max_concurrency is not None:
            place = self.rooms.of(provider)
            if place is not None and not place.take():
                return Crowded(provider=provider.id, gate=place)
        self._numbers += 1
        if place is not None:
            self._gates[self._numbers] = place
        lease = Lease(
            number=self._numbers,
            provider=provider.id,
            model=model,
            account=outlook.account,
            config=provider,
            began=now,
            probes=outlook.probes,
            why=outlook.why,
        )
        self._open[lease.number] = lease
        self._busy[lease.account.id] = self._busy.get(lease.account.id, 0) + 1
        self._turns[provider.id] = self._turns.get(provider.id, 0) + 1
        for key in lease.probes:
            self._set(key, cooldown.probing(self._entries[key], now))
        return lease

    def committed(self, lease: Lease) -> None:
        """The first content arrived: the account and the target work. Ends probes at once; the lease goes on."""
        if lease.number in self._open:
            self._learn(lease, cooldown.answering)

    def succeeded(self, lease: Lease) -> None:
        """The answer is complete."""
        if self._close(lease):
            self._learn(lease, cooldown.recovered)

    def failed(self, lease: Lease, fault: Fault, *, suspend: bool = False) -> None:
        """The attempt ended with `fault`. A request fault cools nothing. suspend: the account's credential was renewed
        for this call, and is not taken all the same."""
        if not self._close(lease):
            return
        account = lease.account
        blamed = scopes.blamed(lease.config, account.id, lease.model, fault, upstream=account.upstream(lease.model))
        if blamed is not None:
            self._set(blamed, self._struck(lease, blamed, fault, suspend))
        self._unprobe(lease, blamed)

    def release(self, lease: Lease) -> None:
        """The attempt ended without saying anything about the account (the client went away)."""
        if self._close(lease):
            self._unprobe(lease, None)

    def hold(self, account: str, state: HeldState, cause: str) -> None:
        """An account cannot be used at all, as whoever keeps it knows without a call, until `unhold`. What calls meet
        meanwhile stays known beside it. No row: whoever keeps accounts finds it out anew after a restart."""
        key = scopes.held(account)
        known = self._entries.get(key)
        if known is None or (known.state, known.cause) != (state, cause[:200]):
            self._set(key, Entry(state=state, at=self._clock.wall(), cause=cause[:200]))

    def unhold(self, account: str) -> None:
        """What `hold` said is over. What calls have met stays."""
        self._set(scopes.held(account), None)

    def cool(self, account: str, until: float, cause: str, *, bucket: str = "") -> None:
        """The provider says ahead of any refusal that nothing goes through before `until` (Unix time). bucket: only for
        the models of this class."""
        key: Key = (account, "bucket", bucket) if bucket else (account, "account", "")
        known = self._entries.get(key)
        self._set(key, cooldown.forewarned(known, until, cause, self._clock.wall(), self._chance))

    def forget(self, account: str) -> None:
        """The operator says that an account is well again (a new secret, a button): ready in every scope, but for what
        `hold` says. Also the way back from a refusal for good."""
        for key in [key for key in self._entries if key[0] == account and key != scopes.held(account)]:
            self._set(key, None)

    def resting(self, account: str) -> Entry | None:
        """Why an account as a whole serves nothing now; None where it is ready, were it for some models only."""
        return scopes.ruling(self._entries, account, self._clock.wall())

    def waiting_for_people(self) -> frozenset[str]:
        """Accounts that somebody must sign in to again."""
        if not self._entries:
            return frozenset()
        return frozenset(key[0] for key, entry in self._entries.items() if entry.state == "needs_login")

    def snapshot(self) -> View:
        """All health now, for status, metrics and explain; does not change afterwards."""
        live = self._view(self._clock.wall())
        return View(
            entries=dict(live.entries),
            busy=dict(live.busy),
            turns=dict(live.turns),
            now=live.now,
            strategy=live.strategy,
            windows={account: dict(known) for account, known in live.windows.items()},
            load=live.load,
        )

    def dirty(self) -> list[HealthRow]:
        """Rows that changed since the last call, for whoever persists them. A recovered one has state ``ready``."""
        now = self._clock.wall()
        rows = [row_of(key, self._entries.get(key), now) for key in self._dirty if key != scopes.held(key[0])]
        self._dirty.clear()
        return rows

    def load(self, rows: Iterable[HealthRow]) -> None:
        """Take persisted rows over, at start, before the first lease. Rows of unknown meaning are left out."""
        for row in rows:
            known = entry_of(row)
            if known is not None and known[0] != scopes.held(row.account):
                self._entries[known[0]] = known[1]

    def _view(self, now: float) -> View:
        return View(
            entries=self._entries,
            busy=self._busy,
            turns=self._turns,
            now=now,
            strategy=self.strategy,
            windows=self.windows,
            load=self.load_of,
        )

    def _close(self, lease: Lease) -> bool:
        if self._open.pop(lease.number, None) is None:
            return False
        left = self._busy.get(lease.account.id, 1) - 1
        if left > 0:
            self._busy[lease.account.id] = left
        else:
            self._busy.pop(lease.account.id, None)
        if self._gates and (gate := self._gates.pop(lease.number, None)) is not None:
            gate.release(max(0.0, self._clock.wall() - lease.began))
        return True

    def _learn(self, lease: Lease, verdict: Verdict) -> None:
        if not self._entries:  # all is well, as it nearly always is
            return
        upstream = lease.account.upstream(lease.model)
        for key in (*scopes.keys(lease.account.id, upstream), scopes.target(lease.provider, lease.model)):
            entry = self._entries.get(key)
            if entry is not None:
                self._set(key, verdict(key, entry, lease.began, probe=key in lease.probes))

    def _struck(self, lease: Lease, blamed: Key, fault: Fault, suspend: bool) -> Entry:
        entry, now, probe = self._entries.get(blamed), self._clock.wall(), blamed in lease.probes
        if blamed[1] == "target":
            return cooldown.tripped(entry, fault, now, lease.began, self._chance, probe=probe)
        refused = fault.kind in cooldown.REFUSALS
        return cooldown.cooled(
            entry, fault, now, lease.began, self._chance, probe=probe, refused=refused, suspend=suspend and refused
        )

    def _unprobe(self, lease: Lease, blamed: Key | None) -> None:
        for key in lease.probes:
            entry = self._entries.get(key)
            if key != blamed and entry is not None and entry.probe == lease.began:
                self._set(key, cooldown.unprobed(entry))

    def _set(self, key: Key, entry: Entry | None) -> None:
        if self._entries.get(key) == entry:
            return
        if entry is None:
            del self._entries[key]
        else:
            if key not in self._entries and len(self._entries) >= _MAX_ENTRIES:
                self._make_room()
            self._entries[key] = entry
        self._dirty[key] = None

    def _make_room(self) -> None:
        """Forget what has been quiet longest; what must not be forgotten (a sign-in that is missing) has no `until`."""
        now = self._clock.wall()
        old = [key for key, entry in self._entries.items() if entry.until is not None and entry.until < now - _KEPT]
        passing = [key for key, entry in self._entries.items() if entry.state in ("ready", "cooling")]
        for key in old or sorted(passing, key=lambda each: self._entries[each].at)[: _MAX_ENTRIES // 4]:
            del self._entries[key]
            self._dirty[key] = None
