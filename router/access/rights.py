"""What a client key may do: which models, which providers, from where. Pure.

Keys of the settings and of the database bring the same block along (`KeyRights`), which becomes `Rights` here, once for
each snapshot. Rights belong to a key's id, which follows from its digest. A key without any such block has every right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

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

Known: TypeAlias = Callable[[str, str], bool]
"""Whether what a provider's model costs is known."""

Withheld: TypeAlias = Literal["models", "providers", "accounts", "unpriced"]
"""A right, by the name of its setting."""


class Rights(Struct, frozen=True, kw_only=True):
    """What one key may do. name: of the key. by: where each of its rights stands, for words. block: what this was
    made of. models: of names that may be asked for, or of models that answer; empty: all. providers: their ids;
    None: all. substitution: whether other models than the one that was asked for may answer. own: every provider
    with those accounts alone that the key may use; None: all. recorded: whether its calls are; None: as the
    settings say. known: whether what a model of a provider costs is known, where nothing else may answer; None: all
    may."""

    name: str = ""
    by: Callable[[str], str] = str
    block: KeyRights | None = None
    models: tuple[Pattern, ...] = ()
    providers: frozenset[str] | None = None
    addresses: AddressRules = AddressRules()
    substitution: Substitution = "any"
    own: Mapping[str, ProviderConfig] | None = None
    recorded: bool | None = None
    known: Known | None = None

    @property
    def limited(self) -> bool:
        """Whether there is anything that the key may not ask for."""
        narrower = self.providers is not None or self.own is not None or self.known is not None
        return narrower or bool(self.models)

    def permits(self, asked: str, candidate: Candidate) -> bool:
        """Whether this key's call for `asked` may go to `candidate`."""
        return self.withheld(asked, candidate) is None

    def withheld(self, asked: str, candidate: Candidate) -> Withheld | None:
        """The right that keeps this key's call for `asked` from `candidate`; None where it may go there."""
        if not self._model(asked, candidate):
            return "models"
        if not self._provider(candidate):
            return "providers"
        if not self._account(candidate):
            return "accounts"
        return None if self._priced(candidate) else "unpriced"

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
        unpriced = [each for each in named if self._provider(each) and self._account(each)]
        if unpriced:
            names = ", ".join(dict.fromkeys(f"{each.provider}/{each.model}" for each in unpriced))
            text = f"Nobody knows the price of {names}, and the key {self.name!r} may use no such model"
            text = f"{text} ({self.by('unpriced')}). A price can be named in usage.prices."
            return Fault("forbidden", text, param="model", code="model_without_price")
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

    def _priced(self, candidate: Candidate) -> bool:
        return self.known is None or self.known(candidate.provider, candidate.model)


EVERYTHING = Rights()
_IN_SETTINGS = "setting auth.keys[].{}".format
_IN_DATABASE = "rights.{} of the key in the database".format


def _or_usage(by: Callable[[str], str]) -> Callable[[str], str]:
    """The same for keys that have no word of their own about prices."""
    return lambda right: "setting usage.unpriced" if right == "unpriced" else by(right)


_WORDS = {"settings": (_IN_SETTINGS, _or_usage(_IN_SETTINGS)), "database": (_IN_DATABASE, _or_usage(_IN_DATABASE))}


class Access(Struct, frozen=True, kw_only=True):
    """The rights of all keys, and where calls may come from. rights: by the key's id. unpriced: `usage.unpriced`."""

    addresses: AddressRules = AddressRules()
    trusted: Networks = Networks()
    rights: Mapping[str, Rights] = {}
    unpriced: str = "allow"

    def of(self, key: str) -> Rights:
        """The rights of the key with this id."""
        return self.rights.get(key, EVERYTHING)

    def fits(self, keys: Iterable[ClientKey]) -> bool:
        """Whether these keys have the very rights that are here."""
        theirs = {
            key.id: (key.name, key.rights, refuses)
            for key in keys
            if (refuses := _refuses(key, self.unpriced)) or key.rights is not None
        }
        return theirs == {
            key: (rights.name, rights.block, rights.known is not None) for key, rights in self.rights.items()
        }

    def address(self, peer: str, forwarded: Callable[[], Iterable[str]]) -> str:
        """Where a call comes from. forwarded: gives its ``X-Forwarded-For`` headers."""
        return client_address(peer, forwarded(), self.trusted) if self.trusted else peer


def access_of(
    settings: Settings,
    ids: Callable[[str], tuple[str, ...]],
    providers: Iterable[ProviderConfig],
    keys: Iterable[ClientKey],
    before: Mapping[str, Rights] = MappingProxyType({}),
    known: Known = lambda provider, model: True,
) -> Access:
    """What is allowed. known: see `Rights`. ids: the providers that a name means. providers: all, with the accounts
    of now. keys: all that are known. before: rights from which what does not depend on providers is taken over,
    where a key has the same."""
    providers = tuple(providers)
    ips = settings.policies.ips
    own = cache(lambda texts: _with_accounts(texts, providers))  # many keys may have the same
    return Access(
        addresses=AddressRules(allow=networks(ips.allow), deny=networks(ips.deny)),
        trusted=networks(ips.trusted_proxies),
        rights={
            key.id: replace(
                _rights(key, before.get(key.id)),
                providers=_named(key.rights.providers, ids) if key.rights and key.rights.providers else None,
                own=own(key.rights.accounts) if key.rights and key.rights.accounts else None,
                known=known if refuses else None,
            )
            for key in keys
            if (refuses := _refuses(key, settings.usage.unpriced)) or key.rights is not None
        },
        unpriced=settings.usage.unpriced,
    )


def _refuses(key: ClientKey, unpriced: str) -> bool:
    """Whether a key may use no model without a price. unpriced: what is said for those with a limit in dollars."""
    if key.rights is not None and key.rights.unpriced is not None:
        return key.rights.unpriced == "refuse"
    return unpriced == "refuse" and key.limits is not None and key.limits.in_dollars


def _rights(key: ClientKey, before: Rights | None) -> Rights:
    """Those that follow from the key alone."""
    block = key.rights or KeyRights()
    by = _WORDS["settings" if key.source == "settings" else "database"][block.unpriced is None]
    if before is not None and (before.name, before.by, before.block) == (key.name, by, key.rights):
        return before
    return Rights(
        name=key.name,
        by=by,
        block=key.rights,
        models=tuple(compile_pattern(text) for text in block.models),
        addresses=AddressRules(allowed_by=f"{by('ips')}, key {key.name!r}", allow=networks(block.ips)),
        substitution=block.substitution,
        recorded=block.request_log,
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
