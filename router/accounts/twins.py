"""Which credentials are one account of a provider, and what each is called so that ids are unique. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.labels import LONGEST, short_digest, tidy_label

IMPORTED_FROM = "imported_from"
"""The fact that names the file that an account was copied from."""
_IDENTITIES = ("account_id", "account_uuid", "organization_uuid", "sub", "user_id", "login")
"""Facts that tell accounts apart: one person may be in two organisations, and an organisation has many people."""


_CHOSEN = ("disabled", "priority", "weight", "proxy", "models", "excluded", "aliases", "thinking")
"""What an operator sets for an account."""


class Named(Struct, frozen=True):
    """A credential and the name of its file."""

    name: str
    credential: Credential


class Settled(Struct, frozen=True):
    """kept: credentials with unique ids. duplicates: of ours, each with the id of the one whose tokens it holds."""

    kept: tuple[Named, ...]
    duplicates: tuple[tuple[Named, str], ...]


def same_account(one: Credential, other: Credential) -> bool:
    """Whether both are one account: all that is said of both agrees; where nothing is, they hold the same token."""
    if one.provider != other.provider:
        return False
    told = agreement(one, other)
    return told if told is not None else _one_token(one, other)


def agreement(one: Credential, other: Credential) -> bool | None:
    """Whether all that is said of both, accounts of one provider, agrees; None where nothing is said of both."""
    pairs = [(one.facts.get(name), other.facts.get(name)) for name in _IDENTITIES]
    pairs.append((_folded(one.email), _folded(other.email)))
    told = [a == b for a, b in pairs if a and b]
    return all(told) if told else None


def settle(found: Iterable[Named]) -> Settled:
    """What the files of a folder stand for together, in the order of their names, ours first.

    A file of another program is left out where we own its account. Two with one label are told apart by a mark that
    depends on the file's name alone.
    """
    ordered = sorted(found, key=lambda one: (one.credential.owner != "ours", one.name))
    kept: list[Named] = []
    duplicates: list[tuple[Named, str]] = []
    taken: set[str] = set()
    for one in ordered:
        credential = one.credential
        ours = [known.credential for known in kept if known.credential.owner == "ours"]
        if credential.owner == "ours":
            first = next((known for known in ours if _one_token(known, credential)), None)
            if first is not None:
                duplicates.append((one, first.id))
                continue
        elif any(_owned(known, one) for known in ours):
            continue
        label = _free(credential, one.name, taken)
        taken.add(f"{credential.provider}/{label.casefold()}")
        kept.append(Named(one.name, replace(credential, label=label)))
    return Settled(tuple(kept), tuple(duplicates))


def placed(fresh: Credential, known: Sequence[Credential]) -> Credential:
    """A new account of ours under its label: that of the same account where we have it, else one that is free."""
    ours = [one for one in known if one.owner == "ours" and one.provider == fresh.provider]
    same = next((one for one in ours if same_account(one, fresh)), None)
    if same is not None:
        return replace(fresh, label=same.label)
    taken = {one.label.casefold() for one in ours}
    plan = fresh.facts.get("plan")
    wanted = [
        fresh.label,
        *([f"{fresh.label}-{plan}"] if plan else []),
        *(f"{fresh.label}-{n}" for n in range(2, 1000)),
    ]
    for label in map(tidy_label, wanted):
        if label.casefold() not in taken:
            return replace(fresh, label=label)
    return replace(fresh, label=short_digest(fresh.label))


def taken_over(known: Credential, fresh: Credential) -> Credential:
    """`fresh`, of an account that is known, with what the operator chose for it and what only its file says."""
    return replace(
        fresh,
        email=fresh.email or known.email,
        facts={**known.facts, **fresh.facts},
        unknown={**known.unknown, **fresh.unknown},
        created_at=known.created_at or fresh.created_at,
        **{name: getattr(known, name) for name in _CHOSEN},
    )


def _owned(ours: Credential, found: Named) -> bool:
    """Whether a found file is of an account that we own: the same, or the file that we copied it from."""
    if same_account(ours, found.credential):
        return True
    anonymous = ours.email is None and found.credential.email is None and ours.provider == found.credential.provider
    return anonymous and ours.facts.get(IMPORTED_FROM) == found.name


def _free(credential: Credential, name: str, taken: set[str]) -> str:
    """The credential's label, or one with a mark of the file's name."""
    marks = [
        "",
        *(f"~{short_digest(name)[:size]}" for size in (4, 8)),
        *(f"~{short_digest(name)}{n}" for n in range(9)),
    ]
    labels = (credential.label[: LONGEST - len(mark)] + mark for mark in marks)
    free = (label for label in labels if f"{credential.provider}/{label.casefold()}" not in taken)
    return next(free, credential.label + short_digest(name))


def _one_token(one: Credential, other: Credential) -> bool:
    if one.provider != other.provider:
        return False
    if one.refresh and other.refresh:
        return one.refresh == other.refresh
    return bool(one.access) and one.access == other.access


def _folded(text: str | None) -> str | None:
    return text.casefold() if text else None
