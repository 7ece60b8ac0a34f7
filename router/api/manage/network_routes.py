"""Does a provider answer from here, and through which proxy: asked without a credential, at its own address alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from router.api.manage.operation import Asked, Operation, Refused
from router.faults import Fault
from router.gateway import Gateway
from router.hidden import Hidden, passwords
from router.net.message import HttpRequest, Timeouts
from router.providers.config import ProviderConfig
from router.settings.shown import shown

TIMEOUTS = Timeouts(connect=10.0, head=10.0, idle=5.0)
MOST = 10
"""Ways that one request tries; an operator with more accounts names one of them."""


class Which(Struct, frozen=True, forbid_unknown_fields=True):
    """What is tried: a provider, one of its accounts, or a provider by an address of its own."""

    provider: str = ""
    account: str = ""
    url: str = ""


class Tried(Struct, frozen=True):
    """One way. proxy: without its password; None for straight on. source: where that was said. reachable: whether the
    origin answered, with whatever status. seconds: until it did, or until it was given up."""

    provider: str
    accounts: list[str]
    url: str
    proxy: str | None
    source: str
    reachable: bool
    status: int | None
    seconds: float
    problem: str = ""


class Tests(Struct, frozen=True):
    """One for each address and proxy."""

    tests: list[Tried]


class NetworkDesk:
    """Looks at what a request of the gateway would do; tries nothing that no provider's settings name."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="POST",
                path="/network/test",
                need="operator",
                name="network_test",
                summary="Which proxy the requests to a provider take, and whether the provider answers through it.",
                body=Which,
                answer=Tests,
                handler=self.test,
            )
        ]

    async def test(self, asked: Asked) -> Tests:
        which: Which = asked.body
        provider = self._provider(which)
        ways = list(_ways(provider, which))
        if not ways:
            raise Refused(400, f"{provider.id} has no address of its own: its service or this process answers.")
        found: dict[tuple[str, str | None], list[str]] = {}
        for url, proxy, account in ways:
            found.setdefault((url, proxy), []).append(account)
        if len(found) > MOST:
            raise Refused(400, f"{provider.id} has more than {MOST} ways out; name one account as `account`.")
        return Tests([await self._try(provider, url, proxy, names) for (url, proxy), names in found.items()])

    def _provider(self, which: Which) -> ProviderConfig:
        providers = self._gateway.current.providers
        if which.provider:
            provider = providers.get(which.provider)
            if provider is None:
                raise Refused(
                    404, f"There is no provider {which.provider[:60]!r}. Known: {', '.join(sorted(providers))}."
                )
            return provider
        for provider in providers.values():
            if any(_origin(which.url) == _origin(url) for url in provider.base_urls):
                return provider
        raise Refused(404, "Give `provider`, or as `url` an address of a provider that the settings have.")

    async def _try(self, provider: ProviderConfig, url: str, own: str | None, accounts: list[str]) -> Tried:
        net = self._gateway.net
        way = net.way(url, own)
        hidden = Hidden(*passwords(way.proxy))
        status: int | None = None
        problem = ""
        began = self._gateway.clock.monotonic()
        try:
            request = HttpRequest("GET", url, {"user-agent": "switchyard", "accept": "*/*"}, proxy=own)
            async with await net.send(request, TIMEOUTS) as response:
                status = response.status
        except Fault as fault:
            problem = hidden.text(fault.message)
        return Tried(
            provider=provider.id,
            accounts=[name for name in accounts if name],
            url=url,
            proxy=None if way.proxy is None else shown("proxy", way.proxy),
            source=way.source,
            reachable=status is not None,
            status=status,
            seconds=round(self._gateway.clock.monotonic() - began, 3),
            problem=problem,
        )


def _ways(provider: ProviderConfig, which: Which) -> Iterator[tuple[str, str | None, str]]:
    """Address, proxy and account. A provider without accounts is asked too: whether it can be reached is not whether
    one may use it."""
    if which.account and which.account not in {account.id for account in provider.accounts}:
        raise Refused(404, f"{provider.id} has no account {which.account[:60]!r}.")
    urls = [url for url in provider.base_urls if not which.url or _origin(url) == _origin(which.url)]
    for url in urls:
        if not provider.accounts:
            yield url, provider.proxy, ""
        for account in provider.accounts:
            if which.account in ("", account.id):
                yield url, account.proxy or provider.proxy, account.id


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", "", None
