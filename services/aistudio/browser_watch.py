"""Asks the browser for next to nothing, again and again: one that does not answer serves no page either."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from services.aistudio.accounts import Accounts
from services.aistudio.signs import Uses

EVERY = 3.0
"""Seconds between two questions."""
_NOWHERE = "http://switchyard.invalid"


class BrowserWatch:
    """reason: why the browser is held to be hung, "" while it is not. within: seconds that it gets for an answer."""

    def __init__(self, accounts: Accounts, uses: Uses, within: float, now: Callable[[], float]) -> None:
        self.reason = ""
        self._accounts = accounts
        self._uses = uses
        self._within = within
        self._now = now
        self._owed: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.ask()
            if not self.reason:
                await asyncio.sleep(EVERY)

    async def ask(self) -> None:
        """Ask once. The cookies for an address that is nobody's: every engine's main process has to answer that."""
        account = next(iter(self._accounts.open), None)
        asked = self._now()
        answered = account is None
        if account is not None:
            try:
                async with asyncio.timeout(self._within):
                    with contextlib.suppress(Exception):  # Playwright's: it went away, which is told elsewhere
                        await account.context.cookies(_NOWHERE)
                answered = True
            except TimeoutError:
                answered = self._uses.answered() > asked or account not in self._accounts.open
        if answered:
            self.reason, self._owed = "", None
            return
        self._owed = asked if self._owed is None else self._owed
        self.reason = f"the browser has not answered for {self._now() - self._owed:.0f} s"
