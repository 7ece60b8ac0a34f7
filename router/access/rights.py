"""What a client key may do: which models, which providers, from where. Pure.

Keys of the settings and of the database bring the same block along (`KeyRights`), which becomes `Rights` here, once for
each snapshot. Rights belong to a key's id, which follows from its digest. A key without any such block has every right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from router.access.addresses import AddressRules, Networks, client_address, networks
from router.access.keys import ClientKey
from router.faults import Fault
from router.models.patterns import Pattern, compile_pattern
from router.providers.config import ProviderConfig
from router.routing.plan import Candidate, Plan
from router.routing.substitutes import Substitution, without_substitutes
from router.routing.suffix import split
from router.settings.auth import KeyRights
from router.settings.schema import Settings


class Rights(Struct, frozen=True, kw_only=True):
    """What one key may do. name: of the key. by: where each of its rights stands, for words. block: what this was made
    of. models: of names that may be asked for, or of models that answer; empty: all. providers: their ids; None: all.
    substitution: whether other models than the one that was asked for may answer. own: every provider with those
    accounts alone that the key may use; None: all."""

    name: str = ""
    by: Callable[[str], str] = str
    block: KeyRights | None = None
    models: tuple[Pattern, ...] = ()
    providers: frozenset[str] | None = None
    addresses: AddressRules = AddressRules()
    substitution: Substitution = "any"
    own: Mapping[str, ProviderConfig] | None = None

    @property
    def limited(self) -> bool:
        """Whether there is anything that the key may not ask for."""
        return bool(self.models) or self.providers is not None or self.own is not None

    def permits(self, asked: str, candidate: Candidate) -> bool:
        """Whether this key's call for `asked` may go to `candidate`."""
        return self.withheld(asked, candidate) is None

    def withheld(self, asked: str, candidate: Candidate) -> Literal["models", "providers", "accounts"] | None:
        """The right that keeps this key's call for `asked` from `candidate`; None where it may go there."""
        if not self._model(asked, candidate):
            return "models"
        if not self._provider(candidate):
            return "providers"
        return None if self._account(candidate) else "accounts"

    def narrowed(self, plan: Plan) -> Plan:
        """The plan without what this key may not use. Raises `Fault` forbidden where nothing is left, and unavailable
        where only substitutes are that it does not take."""
        plan = without_substitutes(plan, self.substitution, self.by("substitution"))
        if not self.limited or not plan.candidates:
            return plan
        kept = tuple(each for each in plan.candidates if self.permits(plan.asked, each))
        if not kept:
            raise self._refusal(plan)
        smaller = tuple(each for each in plan.smaller if self.permits(plan.asked, each))
        return replace(plan, candidates=kept, smaller=smaller)

    def _refusal(self, plan: Plan) -> Fault:
        named = [each for each in plan.candidates if self._model(plan.asked, each)]
        if any(self._provider(each) for each in named):
            text = f"The key {self.name!r} may use no account that could serve this model"
            return Fault("forbidden", f"{text} ({self.by('accounts')}).", code="account_not_allowed")
        if named:
            served = ", ".join(dict.fromkeys(each.provider for each in plan.candidates))
            text = f"The key {self.name!r} may not use the providers of this model: {served}"
            return Fault("forbidden", f"{text} ({self.by('providers')}).", code="provider_not_allowed")
        text = f"The key {self.name!r} may not use the model {plan.asked[:200]!r} ({self.by('models')})."
        return Fault("forbidden", text, param="model", code="model_not_allowed")

    def _model(self, asked: str, candidate: Candidate) -> bool:
        if not self.models:
            return True
        base, _ = split(asked, lambda _: False, lambda _: True)
        names = (asked, base, candidate.model, f"{candidate.provider}/{candidate.model}")
        return any(pattern.matches(name) for pattern in self.models for name in names)

    def _provider(self, candidate: Candidate) -> bool:
        return self.providers is None or candidate.provider in self.providers

    def _account(self, candidate: Candidate) -> bool:
        return self.own is None or bool(self.own[candidate.provider].accounts)


EVERYTHING = Rights()
_IN_SETTINGS = "setting auth.keys[].{}".format
_IN_DATABASE = "rights.{} of the key in the database".format


class Access(Struct, frozen=True, kw_only=True):
    """The rights of all keys, and where calls may come from. rights: by the key's id."""

    addresses: AddressRules = AddressRules()
    trusted: Networks = Networks()
    rights: Mapping[str, Rights] = {}

    def of(self, key: str) -> Rights:
        """The rights of the key with this id."""
        return self.rights.get(key, EVERYTHING)

    def fits(self, keys: Iterable[ClientKey]) -> bool:
        """Whether these keys have the very rights that are here."""
        theirs = {key.id: (key.name, key.rights) for key in keys if key.rights is not None}
        return theirs == {key: (rights.name, rights.block) for key, rights in self.rights.items()}

    def address(self, peer: str, forwarded: Callable[[], Iterable[str]]) -> str:
        """Where a call comes from. forwarded: gives its ``X-Forwarded-For`` headers."""
        return client_address(peer, forwarded(), self.trusted) if self.trusted else peer


def access_of(
    settings: Settings,
    ids: Callable[[str], tuple[str, ...]],
    providers: Iterable[ProviderConfig],
    keys: Iterable[ClientKey],
    before: Mapping[str, Rights] = MappingProxyType({}),
) -> Access:
    """What is allowed. ids: the providers that a name means. providers: all, with the accounts of now. keys: all that
    are known. before: rights from which what does not depend on providers is taken over, where a key has the same."""
    providers = tuple(providers)
    ips = settings.policies.ips
    own = cache(lambda texts: _with_accounts(texts, providers))  # many keys may have the same
    return Access(
        addresses=AddressRules(allow=networks(ips.allow), deny=networks(ips.deny)),
        trusted=networks(ips.trusted_proxies),
        rights={
            key.id: replace(
                _rights(key, key.rights, before.get(key.id)),
                providers=_named(key.rights.providers, ids) if key.rights.providers else None,
                own=own(key.rights.accounts) if key.rights.accounts else None,
            )
            for key in keys
            if key.rights is not None
        },
    )


def _rights(key: ClientKey, block: KeyRights, before: Rights | None) -> Rights:
    by = _IN_SETTINGS if key.source == "settings" else _IN_DATABASE
    if before is not None and (before.name, before.by, before.block) == (key.name, by, block):
        return before
    return Rights(
        name=key.name,
        by=by,
        block=block,
        models=tuple(compile_pattern(text) for text in block.models),
        addresses=AddressRules(allowed_by=f"{by('ips')}, key {key.name!r}", allow=networks(block.ips)),
        substitution=block.substitution,
    )


def _named(names: Iterable[str], ids: Callable[[str], tuple[str, ...]]) -> frozenset[str]:
    return frozenset(provider for name in names for provider in ids(name))


def _with_accounts(texts: Iterable[str], providers: Iterable[ProviderConfig]) -> Mapping[str, ProviderConfig]:
    """The providers with those accounts alone that a pattern names, by id."""
    patterns = tuple(compile_pattern(text) for text in texts)
    kept = {
        each.id: tuple(account for account in each.accounts if any(p.matches(account.id) for p in patterns))
        for each in providers
    }
    return {
        each.id: each if kept[each.id] == each.accounts else replace(each, accounts=kept[each.id]) for each in providers
    }
