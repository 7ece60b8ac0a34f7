"""One account's exchange with its provider: bounded, through the account's proxy, and once more at once where the
answer was lost. Keeps nothing but how far the providers' clocks are off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from router.accounts import schedule
from router.accounts.asking import Ask, Reply, through
from router.accounts.credential import Credential
from router.accounts.oauth import TokenTrouble, Trouble, client_secrets
from router.accounts.renewal import Renew, Renewed
from router.clock import Clock
from router.faults import Fault
from router.hidden import Hidden, passwords
from router.net.message import HttpRequest
from router.settings.sign_ins import SignIn

_log = logging.getLogger("switchyard.accounts")
LONGEST = 75.0
"""Seconds for one attempt, however slowly the answer drips."""


class Failed(Struct, frozen=True, kw_only=True):
    """An exchange that gave nothing. lost: an answer never came, so that the request may have been obeyed all the
    same."""

    trouble: Trouble
    message: str
    retry_after: float | None = None
    lost: bool = False


class Exchange:
    """ways, facts: by the provider's id; facts may change with the settings. longest: see `LONGEST`. proxy_of: by the
    provider's id, for accounts that have none of their own."""

    def __init__(
        self,
        ways: Mapping[str, Renew],
        facts: Callable[[str], SignIn],
        ask: Ask,
        clock: Clock,
        longest: float = LONGEST,
        *,
        proxy_of: Callable[[str], str | None] = lambda provider: None,
    ) -> None:
        self._ways = ways
        self._facts = facts
        self._ask = ask
        self._clock = clock
        self._longest = longest
        self._proxy_of = proxy_of
        self.skews: dict[str, float] = {}
        """By provider: seconds by which its server's clock is ahead of ours, where that is worth a warning."""

    def knows(self, provider: str) -> bool:
        """Whether accounts of a provider can be renewed at all."""
        return provider in self._ways

    async def renewed(self, stored: Credential) -> Renewed | Failed:
        """What the provider gives. Where the answer was lost, the same token is sent once more at once: servers keep a
        short grace for that (RFC 9700, 4.14.2)."""
        first = await self._once(stored)
        if isinstance(first, Renewed) or not first.lost:
            return first
        second = await self._once(stored)
        return second if isinstance(second, Renewed) else replace(second, lost=True)

    async def _once(self, stored: Credential) -> Renewed | Failed:
        way, facts = self._ways[stored.provider], self._facts(stored.provider)
        hidden = hidden_of(facts, stored, self._proxy_of(stored.provider))
        try:
            async with asyncio.timeout(self._longest):
                return await way(facts, stored, self._ask_for(stored))
        except TokenTrouble as told:
            message = hidden.text(told.message)
            return Failed(trouble=told.trouble, message=message, retry_after=told.retry_after, lost=told.unknown)
        except Fault as fault:
            message = hidden.text(fault.message)
            return Failed(trouble="transient", message=message, retry_after=fault.retry_after, lost=True)
        except TimeoutError:
            message = f"there was no whole answer within {self._longest:g} seconds"
            return Failed(trouble="transient", message=message, lost=True)
        except Exception as error:  # a mistake of ours must not ask again and again
            _log.exception("renewing %s failed by a mistake of ours", stored.id)
            return Failed(trouble="transient", message=f"the answer could not be read ({type(error).__name__})")

    def _ask_for(self, stored: Credential) -> Ask:
        async def ask(request: HttpRequest) -> Reply:
            began = self._clock.wall()
            reply = await through(self._ask, stored.proxy or self._proxy_of(stored.provider))(request)
            self._compare(stored.provider, schedule.skew(reply.headers.get("date"), began, self._clock.wall()))
            return reply

        return ask

    def _compare(self, provider: str, skew: float) -> None:
        if abs(skew) <= schedule.SKEW:
            self.skews.pop(provider, None)
            return
        if provider not in self.skews:
            text = "the clocks of this machine and of %s differ by %.0f seconds: let NTP set this machine's"
            _log.warning(text, provider, abs(skew))
        self.skews[provider] = skew


def hidden_of(facts: SignIn, stored: Credential, proxy: str | None = None) -> Hidden:
    """What token endpoints may quote: an account's tokens, the secret of our client as it is sent, passwords of
    proxies."""
    tokens = (stored.access, stored.refresh, *stored.secrets.values())
    return Hidden(*tokens, *client_secrets(facts), *passwords(stored.proxy), *passwords(proxy))
