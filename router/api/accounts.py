"""Every account as people see it: of the settings and signed in, of providers that serve and of those that are off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.accounts.keeper import Keeper
from router.accounts.standing import account_of
from router.accounts.view import Seen, account_view, entries_by_account, sorted_views, trouble_view
from router.gateway import Gateway
from router.routing.cooldown import Entry, Key
from router.settings.key_entries import written_keys


class AccountViews:
    """For one gateway and its keeper."""

    def __init__(self, gateway: Gateway, keeper: Keeper) -> None:
        self._gateway = gateway
        self._keeper = keeper

    def all(self) -> dict[str, Any]:
        """``accounts``, and ``files`` that hold no usable one."""
        view = self._gateway.health.snapshot()
        entries = entries_by_account(view.entries)
        views = [account_view(seen, view.now) for seen in self._seen(entries, view.busy)]
        return {
            "accounts": sorted_views(views),
            "files": [trouble_view(trouble) for trouble in self._keeper.troubles],
        }

    def signed_in(self) -> dict[str, Any]:
        """The same without the keys of the settings."""
        everything = self.all()
        return {**everything, "accounts": [each for each in everything["accounts"] if each["owner"] != "settings"]}

    def one(self, account: str) -> dict[str, Any] | None:
        """One of them, None where there is none."""
        return next((each for each in self.all()["accounts"] if each["account"] == account), None)

    def _seen(self, entries: Mapping[str, Mapping[Key, Entry]], busy: Mapping[str, int]) -> Iterator[Seen]:
        gateway, keeper = self._gateway, self._keeper
        written = written_keys(gateway.current.settings)
        served = {account.id for provider in gateway.current.providers.values() for account in provider.accounts}
        for provider in gateway.current.providers.values():
            stored = [account_of(each) for each in keeper.credentials() if each.provider == provider.id]
            for account in (*provider.accounts, *(each for each in stored if each.id not in served)):
                if provider.kind == "demo":
                    continue
                yield Seen(
                    account=account,
                    credential=keeper.find(account.id),
                    entries=entries.get(account.id, {}),
                    tally=gateway.tallies.of(account.id),
                    windows=gateway.windows.of(account.id),
                    renews_at=keeper.renews_at(account.id),
                    busy=busy.get(account.id, 0),
                    off="" if account.id in served else provider.reason or "",
                    written=account.id in written,
                )
