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
from router.net.proxies import Way
from router.providers.config import ProviderConfig
from router.routing.plan import Needs, draft
from router.settings.shown import shown

TIMEOUTS = Timeouts(connect=10.0, head=10.0, idle=5.0)
MOST = 10
"""Ways that one request tries; an operator with more accounts names one of them."""


class Which(Struct, frozen=True, forbid_unknown_fields=True):
    """What is tried: a provider, one of its accounts, a provider by an address of its own, or what a combo leads to."""

    combo: str = ""
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


class _Way(Struct, frozen=True):
    """One way to be tried. own: the proxy that account, combo or provider name, and which of them does."""

    provider: str
    url: str
    own: Way | None


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
        found: dict[_Way, list[str]] = {}
        for provider, combo in self._targets(which):
            for way, account in _ways(provider, combo, which):
                names = found.setdefault(way, [])
                names += [account] if account not in names else []
        if not found:
            named = which.combo or which.provider or which.url
            raise Refused(400, f"{named[:60]!r} leads to no address: a service or this process itself answers.")
        if len(found) > MOST:
            raise Refused(400, f"There are more than {MOST} ways out; name one account as `account`.")
        return Tests([await self._try(way, names) for way, names in found.items()])

    def _targets(self, which: Which) -> list[tuple[ProviderConfig, Way | None]]:
        """Who is asked, with the proxy of the combo. Raises `Refused`."""
        if not which.combo:
            return [(self._provider(which), None)]
        current = self._gateway.current
        combo = current.table.combos.get(which.combo.lower())
        if combo is None:
            known = ", ".join(sorted(each.name for each in current.table.combos.values()))
            raise Refused(404, f"There is no combo {which.combo[:60]!r}. Known: {known or 'none'}.")
        only = self._provider(which).id if which.provider or which.url else None
        made = draft(current.table, combo.name, needs=Needs(dialect="chat"))
        targets = dict.fromkeys((each.provider, each.way) for each in made.candidates)
        found = [(current.providers[name], way) for name, way in targets if only in (None, name)]
        if not found:
            why = made.fault.message if made.fault is not None else f"None of its targets is at {only}."
            raise Refused(400, f"The combo {combo.name!r} leads to nobody now. {why}")
        return found

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

    async def _try(self, tried: _Way, accounts: list[str]) -> Tried:
        net, url, own = self._gateway.net, tried.url, tried.own
        way = net.way(url, None if own is None else own.proxy)
        hidden = Hidden(*passwords(way.proxy))
        status: int | None = None
        problem = ""
        began = self._gateway.clock.monotonic()
        try:
            request = HttpRequest(
                "GET", url, {"user-agent": "switchyard", "accept": "*/*"}, proxy=None if own is None else own.proxy
            )
            async with await net.send(request, TIMEOUTS) as response:
                status = response.status
        except Fault as fault:
            problem = hidden.text(fault.message)
        return Tried(
            provider=tried.provider,
            accounts=[name for name in accounts if name],
            url=url,
            proxy=None if way.proxy is None else shown("proxy", way.proxy),
            source=way.source if own is None else own.source,
            reachable=status is not None,
            status=status,
            seconds=round(self._gateway.clock.monotonic() - began, 3),
            problem=problem,
        )


def _ways(provider: ProviderConfig, combo: Way | None, which: Which) -> Iterator[tuple[_Way, str]]:
    """How a provider's accounts leave. One without accounts is asked too: whether it can be reached is not whether one
    may use it."""
    if which.account and not which.combo and which.account not in {account.id for account in provider.accounts}:
        raise Refused(404, f"{provider.id} has no account {which.account[:60]!r}.")
    urls = [url for url in provider.base_urls if not which.url or _origin(url) == _origin(which.url)]
    shared = combo or (None if provider.proxy is None else Way(provider.proxy, "provider"))
    for url in urls:
        if not provider.accounts:
            yield _Way(provider.id, url, shared), ""
        for account in provider.accounts:
            if which.account in ("", account.id):
                own = shared if account.proxy is None else Way(account.proxy, "account")
                yield _Way(provider.id, url, own), account.id


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", "", None
