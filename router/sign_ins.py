"""The accounts that people signed in to, as a part of the process: put together from settings, started and stopped.

The router has one for its calls; ``switchyard login`` has one of its own where no router runs.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from router.accounts.asking import asker, through
from router.accounts.audit import Audit
from router.accounts.importing import Imported, Importer
from router.accounts.keeper import Holds, Keeper
from router.accounts.login.flows import FlowStore
from router.accounts.login.manager import Logins
from router.accounts.outcomes import Gone, Good, Outcome
from router.accounts.profiles import profile_files
from router.accounts.record import Access, Account
from router.accounts.refresh import Refresher
from router.accounts.renewal import Renew
from router.accounts.renewals import RENEWALS, clerk
from router.accounts.stores.files import FileStore
from router.call import Record
from router.clock import Clock
from router.net.client import Net
from router.providers.resolve import SignedIn
from router.settings.provider_blocks import Providers
from router.settings.provider_names import SIGN_INS
from router.settings.sign_in_blocks import block_of, sign_ins, turned_on
from router.settings.sign_ins import SignIn
from router.tasks import Tasks
from router.vault.keys import account_vault
from router.vault.profiles import profile_name

_log = logging.getLogger("switchyard.accounts")
FLUSH_EVERY = 1.0
FIRST: Mapping[str, Renew] = {"copilot": RENEWALS["copilot"], "ctonew": clerk.renew}
"""Sign-ins that bring what an access is made of, which is made once to see that it is good."""


class SignIns:
    """Keeper, refresher, store and audit log of one process, and the settings that they follow."""

    def __init__(
        self,
        providers: Providers,
        folder: Path,
        state_dir: Path,
        environ: Mapping[str, str],
        *,
        net: Net,
        health: Holds,
        clock: Clock,
        chance: random.Random,
        changed: Callable[[], None],
    ) -> None:
        """folder: of the account files. changed: called when routing must learn of other accounts."""
        self._facts: Mapping[str, SignIn] = sign_ins(providers)
        self._providers = providers
        self.accepted: frozenset[str] = frozenset()
        self._changed = changed
        self._clock = clock
        self.logins: Logins | None = None
        self.ask = asker(net, clock.wall)
        self.audit = Audit(state_dir, clock)
        vault = account_vault(folder, environ)
        self.store = FileStore(folder, vault, clock)
        self._vault = vault
        self.refresher = Refresher(
            self.store,
            RENEWALS,
            lambda provider: self._facts[provider],
            self.ask,
            clock,
            chance,
            settled=self._settled,
            proxy_of=self._proxy_of,
        )
        self.keeper = Keeper(self.store, self.refresher, health, self.audit, clock, active=self.active, changed=changed)
        self.on_renewal: Callable[[str, bool], None] = lambda account, good: None
        """Told of each renewal that was made or failed."""
        self._tasks = Tasks("sign-ins")
        self._unwritten = ""  # why the audit log could not be written the last time

    def facts(self) -> Mapping[str, SignIn]:
        """The sign-ins as the settings have them now."""
        return self._facts

    def follow(self, providers: Providers) -> None:
        """Take changed settings over."""
        self._facts, self._providers = sign_ins(providers), providers

    def accept(self, accepted: frozenset[str]) -> None:
        """The providers whose caveat somebody has accepted."""
        if accepted != self.accepted:
            self.accepted = accepted
            self._changed()

    def active(self, provider: str) -> bool:
        """Whether a provider is turned on."""
        return turned_on(block_of(self._providers, provider), provider in self.accepted)

    def admit(self, flows: FlowStore, accept: Callable[[str, str, str], Awaitable[None]]) -> Logins:
        """Let people sign in from now on. flows: where sign-ins in progress are kept. accept: writes down provider,
        who and caveat."""
        self.logins = Logins(
            facts=self.facts,
            flows=flows,
            accounts=self.keeper,
            consents=_Consents(self, accept),
            ask_for=lambda provider: through(self.ask, self._proxy_of(provider)),
            clock=self._clock,
            chance=secrets.token_bytes,
            first=FIRST,
        )
        self.logins.open()
        return self.logins

    async def bring_in(self, content: bytes, name: str, who: str) -> Imported:
        """Take over one file of another program. Raises `OSError`."""
        folder = self.store.folder
        profiles = profile_files(self._providers, folder, self._vault)

        def work() -> Imported:
            importer = Importer(self.store, folder, profiles, self._clock, dry_run=False, replaces=False)
            return importer.take(content, name)

        brought = await asyncio.shield(asyncio.to_thread(work))
        if brought.became == "profile":
            self.audit.record(who, "imported", profile_name(name), f"as a profile, from {name}")
        if brought.became == "account":
            self.audit.record(who, "imported", brought.account, f"from {name}")
            await self.keeper.reload()
        return brought

    def signed_in(self) -> SignedIn:
        """What routing needs to know."""
        return SignedIn(accounts=self.keeper.accounts(), accepted=self.accepted)

    def on(self) -> tuple[str, ...]:
        """The providers that are turned on."""
        return tuple(name for name in SIGN_INS if self.active(name))

    def usable(self) -> tuple[Account, ...]:
        """The accounts of the providers that are turned on, without those that cannot serve, each with the proxy that
        counts for it."""
        known = self.keeper.accounts()
        accounts = [
            replace(account, proxy=account.proxy or self._proxy_of(provider))
            for provider in self.on()
            for account in known.get(provider, ())
        ]
        return tuple(account for account in accounts if self.keeper.held(account.id) is None)

    async def secret(self, account: Account, takes: str) -> Access:
        """What lets one ask about an account: its ``access``, or what that is made with. Raises `Fault`."""
        credential = self.keeper.find(account.id)
        if takes == "access" or credential is None:
            return await self.keeper.access(account.id)
        return Access(credential.refresh, credential.facts)

    def brought(self, who: str, account: str) -> None:
        """Note for the audit log that somebody brought cookies of a browser, which a service keeps."""
        self.audit.record(who, "signed_in", account, "with cookies of a browser")

    def used(self, record: Record) -> None:
        """Note for the audit log whose calls used which accounts."""
        if record.caller is not None:
            for attempt in record.tries:
                if attempt.provider != "demo":
                    self.audit.used(record.caller.key_name, attempt.account)

    async def start(self) -> None:
        """Read the accounts and begin to look after them."""
        await self.keeper.start()
        self._tasks.periodic(lambda: FLUSH_EVERY, self._flush, "write the audit log")

    async def close(self) -> None:
        """Stop; renewals under way come to their end."""
        await self._tasks.close()
        if self.logins is not None:
            await self.logins.close()
        await self.keeper.close()
        with suppress(OSError):
            await asyncio.to_thread(self.audit.flush, everything=True)

    def _proxy_of(self, provider: str) -> str | None:
        return block_of(self._providers, provider).proxy

    def _settled(self, account: str, outcome: Outcome) -> None:
        self.keeper.learn(account, outcome)
        if isinstance(outcome, Good):
            if outcome.renewed:
                self.on_renewal(account, True)
        elif not isinstance(outcome, Gone):
            self.on_renewal(account, False)

    async def _flush(self) -> None:
        try:
            await asyncio.to_thread(self.audit.flush)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            if reason != self._unwritten:
                _log.error("the audit log %s cannot be written: %s; its lines wait", self.audit.path, reason)
            self._unwritten = reason
        else:
            self._unwritten = ""


class _Consents:
    """As `router.accounts.login.steps.Consents`."""

    def __init__(self, signs: SignIns, accept: Callable[[str, str, str], Awaitable[None]]) -> None:
        self._signs = signs
        self._accept = accept

    def on(self, provider: str) -> bool:
        return self._signs.active(provider)

    async def accept(self, provider: str, by: str, caveat: str) -> None:
        await self._accept(provider, by, caveat)
        self._signs.accept(self._signs.accepted | {provider})
