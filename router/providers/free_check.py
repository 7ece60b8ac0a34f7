"""Asks a provider whether it takes the credential of an account, with a call that costs nothing. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from router.accounts.record import Access, Account
from router.faults import Fault
from router.net.client import Net
from router.net.message import HttpRequest, Timeouts
from router.providers import free_calls
from router.providers.config import ProviderConfig
from router.providers.credentials import Credentials
from router.providers.free_calls import Verdict
from router.providers.sending import sent_with

WITHIN = 10.0
"""Seconds for one account, a renewal of its token included."""
LONGEST = 4 * 1024 * 1024
_TIMEOUTS = Timeouts(connect=5.0, head=WITHIN, idle=WITHIN)
Heard = Callable[[Account, Mapping[str, str]], None]


class FreeCheck:
    """heard: is told of every answer's headers: limits and windows stand there. within: seconds for one account."""

    def __init__(
        self, net: Net, credentials: Credentials, heard: Heard | None = None, *, within: float = WITHIN
    ) -> None:
        self._net = net
        self._credentials = credentials
        self._heard = heard
        self._within = within

    async def look(self, provider: ProviderConfig, account: Account, usage_url: str | None = None) -> Verdict:
        """What the provider says. usage_url: where the sign-in's plan tells its windows. Raises nothing."""
        try:
            async with asyncio.timeout(self._within):
                return await self._look(provider, account, usage_url)
        except TimeoutError:
            return free_calls.failed(Fault("timeout", f"There was no answer within {self._within:g} seconds."))
        except Fault as fault:
            return free_calls.failed(fault)

    async def _look(self, provider: ProviderConfig, account: Account, usage_url: str | None) -> Verdict:
        access = await self._credentials.resolve(provider, account)
        try:
            return await self._ask(provider, account, access, usage_url)
        except Fault as fault:
            if fault.kind != "upstream_auth" or not await self._credentials.renew(account, access.secret):
                raise
        return await self._ask(provider, account, await self._credentials.resolve(provider, account), usage_url)

    async def _ask(self, provider: ProviderConfig, account: Account, access: Access, usage_url: str | None) -> Verdict:
        request = free_calls.free_call(provider, account, access, usage_url)
        if request is None:
            return free_calls.NOTHING_FREE
        return await self._sent(provider, account, access, request)

    async def _sent(self, provider: ProviderConfig, account: Account, access: Access, request: HttpRequest) -> Verdict:
        hidden = sent_with(provider, account, access.secret, self._net.passwords)
        async with await self._net.send(request, _TIMEOUTS) as response:
            if self._heard is not None:
                self._heard(account, response.headers)
            if 200 <= response.status < 300:
                return free_calls.answered(provider, account, await response.read(LONGEST))
            body = hidden.data(await response.read_some())
            raise hidden.fault(free_calls.fault_of(provider, response.status, response.headers, body))
