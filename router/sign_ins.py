"""The accounts that people signed in to, as a part of the process: put together from settings, started and stopped.

The router has one for its calls; ``switchyard login`` has one of its own where no router runs.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from router.accounts.asking import asker
from router.accounts.audit import Audit
from router.accounts.keeper import Holds, Keeper
from router.accounts.outcomes import Outcome
from router.accounts.refresh import Refresher
from router.accounts.renewals import RENEWALS
from router.accounts.stores.files import FileStore
from router.accounts.vault_keys import account_vault
from router.clock import Clock
from router.net.client import Net
from router.providers.resolve import SignedIn
from router.settings.provider_blocks import Providers
from router.settings.provider_names import SIGN_INS
from router.settings.sign_in_blocks import block_of, sign_ins, turned_on
from router.settings.sign_ins import SignIn
from router.tasks import Tasks

_log = logging.getLogger("switchyard.accounts")
FLUSH_EVERY = 1.0


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
        self._accepted: frozenset[str] = frozenset()
        self._changed = changed
        self.ask = asker(net, clock.wall)
        self.audit = Audit(state_dir, clock)
        self.store = FileStore(folder, account_vault(folder, environ), clock)
        self.refresher = Refresher(
            self.store,
            RENEWALS,
            lambda provider: self._facts[provider],
            self.ask,
            clock,
            chance,
            settled=self._settled,
        )
        self.keeper = Keeper(self.store, self.refresher, health, self.audit, clock, active=self.active, changed=changed)
        self._tasks = Tasks("sign-ins")

    def facts(self) -> Mapping[str, SignIn]:
        """The sign-ins as the settings have them now."""
        return self._facts

    def follow(self, providers: Providers) -> None:
        """Take changed settings over."""
        self._facts, self._providers = sign_ins(providers), providers

    def accept(self, accepted: frozenset[str]) -> None:
        """The providers whose caveat somebody has accepted."""
        if accepted != self._accepted:
            self._accepted = accepted
            self._changed()

    def active(self, provider: str) -> bool:
        """Whether a provider is turned on."""
        return turned_on(block_of(self._providers, provider), provider in self._accepted)

    def signed_in(self) -> SignedIn:
        """What routing needs to know."""
        return SignedIn(accounts=self.keeper.accounts(), accepted=self._accepted)

    def on(self) -> tuple[str, ...]:
        """The providers that are turned on."""
        return tuple(name for name in SIGN_INS if self.active(name))

    async def start(self) -> None:
        """Read the accounts and begin to look after them."""
        await self.keeper.start()
        self._tasks.periodic(lambda: FLUSH_EVERY, self._flush, "write the audit log")

    async def close(self) -> None:
        """Stop; renewals under way come to their end."""
        await self._tasks.close()
        await self.keeper.close()
        with suppress(OSError):
            await asyncio.to_thread(self.audit.flush, everything=True)

    def _settled(self, account: str, outcome: Outcome) -> None:
        self.keeper.learn(account, outcome)

    async def _flush(self) -> None:
        await asyncio.to_thread(self.audit.flush)
