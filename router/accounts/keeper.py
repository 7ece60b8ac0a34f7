"""All accounts of the store, sign-ins and added keys: read, watched, renewed ahead of time, given to calls.

Lives outside the settings snapshot. The store and the exchanges block or wait, so they run on threads and in tasks of
the keeper's own; what calls and lists ask is answered from memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec.structs import replace

from router.accounts.audit import Audit, What
from router.accounts.credential import Credential
from router.accounts.outcomes import Gone, Good, Outcome, Suspended
from router.accounts.record import Access, Account
from router.accounts.refresh import Refresher
from router.accounts.standing import Held, account_of, held_by, no_access, standing
from router.accounts.stores.base import AccountStore, Contents, Trouble
from router.clock import Clock
from router.faults import Fault
from router.routing.cooldown import HeldState
from router.secret import Secret
from router.tasks import Tasks

_log = logging.getLogger("switchyard.accounts")
LOOK_EVERY = 1.0
"""Seconds between two looks at what others wrote and at what is due."""
AT_ONCE = 4
"""Renewals ahead of time that run beside one another."""


class Holds(Protocol):
    """The part of `router.accounts.health.Health` that says of an account that waiting does not help."""

    def hold(self, account: str, state: HeldState, cause: str) -> None: ...

    def unhold(self, account: str) -> None: ...

    def forget(self, account: str) -> None: ...


class Keeper:
    """One per process.

    active: whether a provider is turned on. changed: called when routing must learn of other accounts. The refresher
    must tell `learn` how renewals end.
    """

    def __init__(
        self,
        store: AccountStore,
        refresher: Refresher,
        health: Holds,
        audit: Audit,
        clock: Clock,
        *,
        active: Callable[[str], bool],
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._refresher = refresher
        self._health = health
        self._audit = audit
        self._clock = clock
        self._active = active
        self._changed = changed
        self._credentials: dict[str, Credential] = {}
        self._held: dict[str, Held] = {}
        self._blamed: dict[str, tuple[Secret, Secret]] = {}
        self._version: object = None
        self._renewing: set[str] = set()
        self._writing = asyncio.Lock()
        self._tasks = Tasks("accounts")
        self.troubles: tuple[Trouble, ...] = ()

    async def start(self) -> None:
        """Read everything, and begin to watch and to renew."""
        await self.reload()
        self._tasks.periodic(lambda: LOOK_EVERY, self.look, "look after accounts")

    async def close(self) -> None:
        """Stop. Renewals under way come to their end: a rotated token must not be lost."""
        await self._tasks.close()
        await self._refresher.close()

    def accounts(self) -> Mapping[str, tuple[Account, ...]]:
        """What routing sees, by provider, in the order of the store."""
        found: dict[str, tuple[Account, ...]] = {}
        for credential in self._credentials.values():
            found[credential.provider] = (*found.get(credential.provider, ()), account_of(credential))
        return found

    def credentials(self) -> tuple[Credential, ...]:
        """Every account, in the order of the store."""
        return tuple(self._credentials.values())

    def find(self, account: str) -> Credential | None:
        """One account by its id."""
        return self._credentials.get(account)

    def held(self, account: str) -> Held | None:
        """Why one cannot serve though nothing failed; None where it can."""
        return self._held.get(account)

    def renews_at(self, account: str) -> float | None:
        """Unix time of the next renewal ahead of time; None where none is planned."""
        credential = self._credentials.get(account)
        return self._due(credential) if credential is not None else None

    async def access(self, account: str) -> Access:
        """See `router.providers.credentials.Stored`."""
        credential = self._credentials.get(account)
        if credential is None:
            raise Fault("unavailable", f"The account {account} is gone.")
        if credential.is_key:
            return Access(credential.access, credential.facts)
        if not self._refresher.ready(credential):
            outcome = await self._refresher.access(credential)
            if not isinstance(outcome, Good):
                raise no_access(credential, outcome, self._clock.wall())
            credential = outcome.credential
        return Access(credential.access, credential.facts)

    async def renew(self, account: str, rejected: Secret) -> bool:
        """See `router.providers.credentials.Stored`."""
        credential = self._credentials.get(account)
        if credential is None or credential.is_key:
            return False
        if credential.access != rejected and credential.fresh(self._clock.wall()):
            return True  # renewed since the call was sent
        outcome = await self._refresher.renew(credential, rejected=rejected)
        return isinstance(outcome, Good) and outcome.credential.access != rejected

    def learn(self, account: str, outcome: Outcome) -> None:
        """How a renewal ended; the refresher tells, also where nobody waits for it any more."""
        credential = self._credentials.get(account)
        if credential is None or isinstance(outcome, Gone):
            return
        if isinstance(outcome, Good):
            self._credentials[account] = outcome.credential
            if outcome.renewed:
                self._audit.record("router", "refreshed", account, outcome.unsaved)
            if outcome.unsaved:
                _log.error("the new token of %s is not on disk: %s", account, outcome.unsaved)
            self._unhold(account)
            return
        self._audit.record("router", "refresh_failed", account, outcome.reason)
        if isinstance(outcome, Suspended):
            credential = self._credentials[account] = outcome.credential
        held = held_by(credential, outcome, self._clock.wall())
        if held is not None:
            self._hold(account, held, credential)

    async def save(self, credential: Credential, who: str, what: What = "signed_in") -> Credential:
        """Store a new account, or new tokens of one that is there: the operator's choices for it stay."""
        async with self._writing:
            before = self._credentials.get(credential.id)
            if before is not None and before.owner == "ours":
                credential = _with_choices(credential, before)
            async with self._refresher.held(credential.id):
                await asyncio.shield(asyncio.to_thread(self._store.save, credential))
            self._audit.record(who, what, credential.id)
            self._tried_again(credential.id)
            await self._read()
        return self._credentials.get(credential.id, credential)

    async def change(self, account: str, changes: Mapping[str, object], who: str) -> Credential:
        """Change an operator's choices. Raises `KeyError` (no such account) and `ValueError` (not one of ours)."""
        async with self._writing:
            new = replace(self._ours(account), **changes)
            async with self._refresher.held(account):
                await asyncio.shield(asyncio.to_thread(self._change, account, changes))
            if changes.get("disabled") is False:
                self._tried_again(account)
            self._audit.record(who, "changed", account, ", ".join(sorted(changes)))
            await self._read()
        return self._credentials.get(account, new)

    async def rename(self, account: str, label: str, who: str) -> Credential:
        """Give an account another label. Raises `KeyError`, and `ValueError` for a label that is taken or wrong."""
        async with self._writing:
            self._ours(account)
            renamed = await asyncio.shield(asyncio.to_thread(self._store.rename, account, label))
            self._audit.record(who, "changed", renamed.id, f"was {account}")
            await self._read()
        return renamed

    async def delete(self, account: str, who: str) -> None:
        """Forget an account and its tokens. Raises `KeyError`, and `ValueError` for one that is not ours."""
        async with self._writing:
            self._ours(account)
            await asyncio.shield(asyncio.to_thread(self._store.delete, account))
            self._audit.record(who, "deleted", account)
            self._tried_again(account)
            await self._read()

    async def reload(self) -> None:
        """Read the whole store again."""
        async with self._writing:
            await self._read()

    async def look(self) -> None:
        """Take over what others wrote, notice what has ended, renew what is due. Called every second."""
        if await asyncio.to_thread(self._store.version) != self._version:
            await self.reload()
        for credential in list(self._credentials.values()):
            self._judge(credential)
            due = self._due(credential)
            if due is None or due > self._clock.wall() or len(self._renewing) >= AT_ONCE:
                continue
            if credential.id not in self._renewing:
                self._renewing.add(credential.id)
                self._tasks.spawn(self._ahead(credential), f"renew {credential.id}")

    def _due(self, credential: Credential) -> float | None:
        if credential.is_key or not self._active(credential.provider) or self._needs_person(credential.id):
            return None
        return self._refresher.next_at(credential)

    async def _ahead(self, credential: Credential) -> None:
        try:
            await self._refresher.renew(credential)
        finally:
            self._renewing.discard(credential.id)

    def _judge(self, credential: Credential) -> None:
        """Hold what cannot serve as it is stored; let go of what it was held for, unless a renewal said so of the very
        tokens that it has."""
        account = credential.id
        held = standing(credential, self._clock.wall())
        if held is not None:
            self._hold(account, held)
        elif account in self._held and self._blamed.get(account) != _tokens(credential):
            self._unhold(account)

    def _hold(self, account: str, held: Held, blamed: Credential | None = None) -> None:
        if self._held.get(account) == held:
            return
        self._held[account] = held
        if blamed is not None:
            self._blamed[account] = _tokens(blamed)
        self._health.hold(account, held.state, held.cause)
        if held.state in ("needs_login", "expired", "refused"):
            _log.warning("%s cannot serve: %s", account, held.cause)

    def _unhold(self, account: str) -> None:
        self._blamed.pop(account, None)
        if self._held.pop(account, None) is not None:
            self._health.unhold(account)
            _log.info("%s can serve again", account)

    def _tried_again(self, account: str) -> None:
        """Whatever was held against the account is over: somebody signed in, or enabled it."""
        self._refresher.forget(account)
        self._unhold(account)
        self._health.forget(account)

    def _needs_person(self, account: str) -> bool:
        return account in self._held and self._held[account].state == "needs_login"

    async def _read(self) -> None:
        """What the store holds, in place of what was known. Whoever calls has the lock."""
        version, contents = await asyncio.to_thread(self._load)
        before = self._credentials
        shown = self.accounts()
        self._version, self.troubles = version, contents.troubles
        self._credentials = {each.id: _with_memory(each, before.get(each.id)) for each in contents.credentials}
        for account in before.keys() - self._credentials.keys():
            self._unhold(account)
        for credential in self._credentials.values():
            self._judge(credential)
        for trouble in contents.troubles:
            _log.warning("the account file %s cannot be used: %s", trouble.name, trouble.reason)
        if self.accounts() != shown:
            self._changed()

    def _load(self) -> tuple[object, Contents]:
        version = self._store.version()  # first: what is written in between is then read once more, never missed
        return version, self._store.load()

    def _change(self, account: str, changes: Mapping[str, object]) -> None:
        current = self._store.read(account)
        if current is None:
            raise KeyError(account)
        self._store.save(replace(current, **changes))

    def _ours(self, account: str) -> Credential:
        credential = self._credentials[account]
        if credential.owner != "ours":
            raise ValueError(f"{account} is a file of another program; import it to change it here")
        return credential


def _tokens(credential: Credential) -> tuple[Secret, Secret]:
    return credential.access, credential.refresh


def _with_choices(new: Credential, before: Credential) -> Credential:
    """New tokens with what the operator had chosen for the account."""
    return replace(
        new,
        priority=before.priority,
        weight=before.weight,
        proxy=before.proxy,
        models=before.models,
        excluded=before.excluded,
        aliases=before.aliases,
        thinking=before.thinking,
        created_at=before.created_at,
        unknown={**before.unknown, **new.unknown},
    )


def _with_memory(read: Credential, before: Credential | None) -> Credential:
    """A credential as read, with a token that lives in memory only (`Renewed.persist` is false)."""
    if before is None or read.access or not before.access or read.refresh != before.refresh:
        return read
    return replace(read, access=before.access, expires_at=before.expires_at, facts={**read.facts, **before.facts})
