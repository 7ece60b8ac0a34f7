"""One call's renewals: an account whose secret was not taken gets another one and is asked once more, once per call."""

from __future__ import annotations

from typing import Protocol

from router.accounts.record import Account
from router.faults import Fault


class Renews(Protocol):
    """The part of `router.providers.run.Runner` that renews."""

    async def renew(self, account: Account, fault: Fault) -> bool:
        """Whether another secret is there now for an account whose own was not taken, as `fault` says. Raises `Fault`
        as a renewal does."""
        ...


class Renewing:
    """Which accounts were renewed for one call."""

    def __init__(self, runner: Renews) -> None:
        self._runner = runner
        self._tried: set[str] = set()
        self._renewed: set[str] = set()

    async def recover(self, account: Account, fault: Fault) -> Fault | None:
        """None where `account` has another secret since `fault` and is to be asked once more; else what to hold against
        it: the same fault, or why nothing could be renewed (whoever renews is out of reach, a person must sign in)."""
        if not account.stored or fault.kind != "upstream_auth" or fault.status != 401 or account.id in self._tried:
            return fault
        self._tried.add(account.id)
        try:
            if not await self._runner.renew(account, fault):
                return fault
        except Fault as trouble:
            return trouble
        self._renewed.add(account.id)
        return None

    def suspends(self, account: Account, fault: Fault) -> bool:
        """Whether the provider does not take what was renewed for this call either (`wire.md` 13)."""
        return fault.kind == "upstream_auth" and account.id in self._renewed
