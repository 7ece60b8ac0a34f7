"""An account by its API key over the management API: tried before it is kept, then encrypted beside the sign-ins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, count
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from router.access.keys import ClientKey
from router.accounts.credential import Credential
from router.accounts.keeper import Keeper
from router.accounts.labels import DEFAULT, label_problem
from router.accounts.record import Account
from router.api.accounts import AccountViews
from router.api.manage.operation import Asked, Operation, Refused
from router.api.manage.probe import Target, probe, target
from router.faults import Fault
from router.gateway import Gateway
from router.net.message import Timeouts
from router.providers.config import ProviderConfig
from router.secret import Secret
from router.settings.presets import shipped_presets
from router.settings.provider_names import by_key
from router.settings.secrets import unsendable
from router.snapshot import Snapshot

_MODELS = {"anthropic": "/v1/models", "gemini": "/v1beta/models"}
"""Kind -> where a provider lists its models, below its address; elsewhere ``/models``."""
_TIMEOUTS = Timeouts(connect=10.0, head=30.0, idle=30.0)
Checked: TypeAlias = Literal["answered", "listed", "unknown"]


class Takes(Struct, frozen=True):
    """A provider that takes an API key. address: where the key is sent. accounts: how many it has. reason: why no key
    can be added now, "" where one can."""

    provider: str
    address: str
    accounts: int
    reason: str


class TakesKeys(Struct, frozen=True):
    providers: list[Takes]


class NewAccount(Struct, forbid_unknown_fields=True):
    """label: what the account is called besides its provider. model: to try the key with; without one the cheapest that
    is listed, and where none is listed the provider is asked for its models."""

    provider: Annotated[str, Meta(min_length=1, max_length=64)]
    key: Annotated[str, Meta(min_length=1, max_length=4096)]
    label: Annotated[str, Meta(max_length=127)] | None = None
    model: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Added(Struct, frozen=True):
    """checked: a model answered; the provider told its models; or the key is kept, but nobody knows yet whether it is
    good. text: the same in words."""

    account: str
    checked: Checked
    text: str


class NewAccountDesk:
    """with_account: what is in force, as it would be with one account more."""

    def __init__(
        self, gateway: Gateway, keeper: Keeper, views: AccountViews, with_account: Callable[[Account], Snapshot]
    ) -> None:
        self._gateway = gateway
        self._keeper = keeper
        self._views = views
        self._with_account = with_account
        self._trying: dict[str, Account] = {}  # by id: their names and keys are taken already

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/accounts/providers", need="viewer", name="account_providers", answer=TakesKeys,
                handler=self.providers, summary="The providers that an API key can be added for.",
            ),
            Operation(
                method="POST", path="/accounts", need="admin", name="account_add", body=NewAccount, answer=Added,
                handler=self.add,
                summary="A new account by its API key: tried once, which may cost a few tokens, and kept encrypted.",
            ),
        ]  # fmt: skip

    async def providers(self, asked: Asked) -> TakesKeys:
        current = self._gateway.current.providers
        return TakesKeys([_takes(current[name]) for name in by_key(shipped_presets()) if name in current])

    async def add(self, asked: Asked) -> Added:
        wanted: NewAccount = asked.body
        account = self._account(wanted)
        self._trying[account.id] = account
        try:
            checked, text = await self._checked(asked.who.key, account, wanted.model)
            credential = Credential(
                provider=account.provider,
                label=account.label,
                access=account.secret,
                created_at=self._gateway.clock.wall(),
            )
            await self._keeper.save(credential, asked.who.key.name, "added")
        finally:
            del self._trying[account.id]
        return Added(account.id, checked, text)

    def _account(self, wanted: NewAccount) -> Account:
        """What is asked for, before it is tried. Raises `Refused`."""
        known = by_key(shipped_presets())
        names = self._gateway.current.table.resolve_provider(wanted.provider)
        name = next((each for each in names if each in known), None)
        if name is None:
            raise Refused(
                400, f"No API key can be added for {wanted.provider[:100]!r}. It can for {', '.join(known)}; "
                "write a server of your own into the settings.",
            )  # fmt: skip
        provider = self._gateway.current.providers[name]
        if (reason := _takes(provider).reason) != "":
            raise Refused(409, reason)
        secret = wanted.key.strip()
        if not secret or (problem := unsendable(secret)) is not None:
            raise Refused(400, f"This is no API key: it {problem if secret else 'is empty'}.")
        self._refuse_twice(name, Secret(secret))
        label = self._label(name, wanted.label)
        return Account(id=f"{name}/{label}", provider=name, label=label, secret=Secret(secret))

    def _refuse_twice(self, provider: str, secret: Secret) -> None:
        """One key under two names would count as two accounts of which each may be used in full."""
        known = {each.id: each.secret for each in self._gateway.current.providers[provider].accounts}
        known |= {each.id: each.access for each in self._keeper.credentials() if each.provider == provider}
        known |= {each.id: each.secret for each in self._trying.values() if each.provider == provider}
        same = next((name for name, written in known.items() if written == secret), None)
        if same is not None:
            raise Refused(409, f"{same} has this key already.")

    def _label(self, provider: str, wanted: str | None) -> str:
        known = (each["account"] for each in self._views.all()["accounts"])
        taken = {name.casefold() for name in (*known, *self._trying)}
        label = (wanted or "").strip()
        if label:
            if (problem := label_problem(label)) is not None:
                raise Refused(400, f"{label!r} cannot be the name of the account: {problem}.")
            if f"{provider}/{label}".casefold() in taken:
                raise Refused(409, f"There is an account {provider}/{label} already: give another `label`.")
            return label
        numbered = (f"{DEFAULT}-{number}" for number in count(2))
        return next(name for name in chain([DEFAULT], numbered) if f"{provider}/{name}".casefold() not in taken)

    async def _checked(self, key: ClientKey, account: Account, model: str | None) -> tuple[Checked, str]:
        """What the provider says of the key. Raises `Refused` where it does not take it."""
        snapshot = self._with_account(account)
        provider = snapshot.providers[account.provider]
        try:
            chosen = target(snapshot, provider, account, model)
            if chosen is None:
                return await self._listed(provider, account)
            return await self._answered(key, provider, account, chosen)
        except Fault as fault:
            if fault.kind in ("upstream_auth", "refused"):
                raise Refused(
                    422, f"{provider.id} does not take this key, so it is not kept: {fault.message}"
                ) from None
            if fault.kind in ("not_found", "bad_request"):
                raise Refused(422, f"The key cannot be tried with this model: {fault.message}") from None
            return "unknown", f"{account.id} is kept, but could not be tried: {fault.message}"

    async def _answered(
        self, key: ClientKey, provider: ProviderConfig, account: Account, chosen: Target
    ) -> tuple[Checked, str]:
        found = await probe(self._gateway, key, provider, account, chosen)
        if found.fault is not None:
            raise found.fault
        return "answered", f"{account.id} serves now: {found.model} answered in {found.seconds:.1f} s."

    async def _listed(self, provider: ProviderConfig, account: Account) -> tuple[Checked, str]:
        """Where no model is known to ask for: the provider's own list, which costs nothing."""
        path = urlsplit(provider.base_urls[0]).path.rstrip("/") + _MODELS.get(provider.kind, "/models")
        response, _ = await self._gateway.runner.send_raw(provider, account, "GET", path, b"", _TIMEOUTS)
        response.close()
        if response.status in (401, 403):
            raise Fault("upstream_auth", f"it answered {response.status}.", status=response.status)
        if response.status >= 300:
            raise Fault("unavailable", f"its list of models answered {response.status}.", status=response.status)
        return "listed", f"{account.id} serves now: {provider.id} took the key and told its models."


def _takes(provider: ProviderConfig) -> Takes:
    off = provider.reason if provider.reason and provider.reason.startswith("switched off") else ""
    reason = f"{provider.id} is {off}: turn it on there first." if off else ""
    return Takes(provider.id, provider.base_urls[0] if provider.base_urls else "", len(provider.accounts), reason)
