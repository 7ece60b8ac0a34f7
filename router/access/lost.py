"""What a plan loses by the rights of a key, and why, for people who look. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from router.access.rights import Rights
from router.faults import Fault
from router.providers.config import ProviderConfig
from router.routing.plan import Candidate, Plan
from router.routing.substitutes import without_substitutes


class Lost(Struct, frozen=True):
    """A candidate that the key may not use."""

    provider: str
    model: str
    reason: str


class Fewer(Struct, frozen=True):
    """A provider of which the key may use some accounts alone."""

    provider: str
    accounts: list[str]
    of: int
    reason: str


class Told(Struct, frozen=True):
    """What became of a plan of `of` candidates for the key `name`."""

    name: str
    of: int
    lost: list[Lost]
    fewer: list[Fewer]


def lost(rights: Rights, name: str, plan: Plan, providers: Mapping[str, ProviderConfig]) -> Told:
    """plan: as it is for a key with every right. name: of the key. providers: with all of their accounts."""
    try:
        kept = without_substitutes(plan, rights.substitution, rights.by("substitution")).candidates
    except Fault:
        kept = ()
    gone = [(each, _reason(rights, plan.asked, each, kept)) for each in plan.candidates]
    able = dict.fromkeys(each.provider for each, reason in gone if reason is None)
    return Told(
        name,
        len(plan.candidates),
        [Lost(each.provider, each.model, reason) for each, reason in gone if reason is not None],
        [few for provider in able if (few := _fewer(rights, providers[provider])) is not None],
    )


def _reason(rights: Rights, asked: str, candidate: Candidate, kept: tuple[Candidate, ...]) -> str | None:
    if candidate not in kept:
        return f"it is another model than the one that was asked for ({rights.by('substitution')})"
    which = rights.withheld(asked, candidate)
    if which is None:
        return None
    words = {
        "models": f"the key may not use the model {candidate.model!r}",
        "providers": f"the key may not use the provider {candidate.provider!r}",
        "unpriced": f"nobody knows the price of {candidate.provider}/{candidate.model}",
        "accounts": f"the key may use no account of {candidate.provider!r} that there is",
    }
    return f"{words[which]} ({rights.by(which)})"


def _fewer(rights: Rights, provider: ProviderConfig) -> Fewer | None:
    if rights.own is None:
        return None
    own = [each.id for each in rights.own[provider.id].accounts]
    if len(own) == len(provider.accounts):
        return None
    return Fewer(provider.id, own, len(provider.accounts), rights.by("accounts"))
