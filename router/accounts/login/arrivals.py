"""From a finished sign-in to an account: what it is called, and what stays where the account is known already. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.credential import NOTHING, Credential
from router.accounts.oauth import Tokens
from router.accounts.renewal import Renewed
from router.secret import Secret

DEFAULT = "default"
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,126}")
_NOT_IN_LABELS = re.compile(r"[^a-z0-9._@+-]+")
_IDENTITIES = ("account_id", "account_uuid", "organization_uuid", "sub", "user_id", "login")
"""Facts that tell accounts of one provider apart: a person may be in two organisations, an organisation has many."""


class LabelTaken(Exception):
    """The label that the operator chose belongs to another account; the message says so."""


class Identity(Struct, frozen=True, kw_only=True):
    """Who signed in, as far as the provider says. name: for a label where there is no address. more: words that tell
    accounts of one address apart (a plan). secrets: by name, beside the tokens."""

    email: str | None = None
    name: str | None = None
    more: str | None = None
    facts: Mapping[str, str] = {}
    secrets: Mapping[str, Secret] = {}


def label_problem(label: str) -> str | None:
    """Why `label` cannot be one, None where it can."""
    if _LABEL.fullmatch(label) and ".." not in label:
        return None
    return "must be at most 127 letters, digits, '.', '_', '@', '+' and '-', and begin with a letter or a digit"


def credential(provider: str, tokens: Tokens, identity: Identity, now: float, *, made_on_demand: bool) -> Credential:
    """The account as the provider gave it, not yet called anything of the operator's. made_on_demand: what was given is
    only good for making what is sent upstream."""
    end = tokens.expires_at if tokens.answer.get("expires_in") is not None or tokens.refresh else None
    return Credential(
        provider=provider,
        label=next(_labels(identity)),
        access=NOTHING if made_on_demand else tokens.access,
        refresh=tokens.access if made_on_demand else tokens.refresh or NOTHING,
        expires_at=None if made_on_demand else end,
        issued_at=now,
        email=identity.email,
        facts=dict(identity.facts),
        secrets=dict(identity.secrets),
        created_at=now,
    )


def renewed(fresh: Credential, by: Renewed) -> Credential:
    """The account after its first access was made, which also showed that what was given is good."""
    return replace(
        fresh,
        access=by.access,
        expires_at=by.expires_at,
        refresh=by.refresh or fresh.refresh,
        facts={**fresh.facts, **by.facts},
        secrets={**fresh.secrets, **by.secrets},
    )


def settled(fresh: Credential, identity: Identity, known: Sequence[Credential], chosen: str | None) -> Credential:
    """The account to save: under its label, with the operator's choices where it is known already.

    known: accounts of this provider that are ours. chosen: the operator's label. Raises `LabelTaken`.
    """
    same = next((one for one in known if _same(one, fresh) is True), None)
    if chosen is not None:
        holder = next((one for one in known if one.label == chosen), None)
        if holder is not None and _same(holder, fresh) is False:
            raise LabelTaken(
                f"The label {chosen} belongs to {holder.email or 'another account'}. Sign in again with another label, "
                "or delete that account first."
            )
        return _over(holder or same, replace(fresh, label=chosen))
    if same is not None:
        return _over(same, replace(fresh, label=same.label))
    taken = {one.label: one for one in known}
    for label in _labels(identity):
        if label not in taken or _same(taken[label], fresh) is not False:
            return _over(taken.get(label), replace(fresh, label=label))
    raise LabelTaken("Every label for this account is taken. Sign in again and choose one.")


def _labels(identity: Identity) -> Iterator[str]:
    """What the account may be called, the best first."""
    base = _plain(identity.email) or _plain(identity.name) or DEFAULT
    yield base
    more = _plain(identity.more)
    if more is not None:
        yield f"{base}-{more}"[:127]
    for number in range(2, 100):
        yield f"{base[:120]}-{number}"


def _plain(text: str | None) -> str | None:
    made = _NOT_IN_LABELS.sub("-", (text or "").strip().lower()).strip("-._@+")[:120]
    while ".." in made:
        made = made.replace("..", ".")
    return made or None


def _same(known: Credential, fresh: Credential) -> bool | None:
    """Whether both are one account of the provider: all that is said of both must agree. None where nothing is."""
    pairs = [(known.facts.get(name), fresh.facts.get(name)) for name in _IDENTITIES]
    pairs.append((known.email, fresh.email))
    told = [one == other for one, other in pairs if one and other]
    return all(told) if told else None


def _over(known: Credential | None, fresh: Credential) -> Credential:
    """`fresh` with what the operator chose for `known`, and with what only the file says."""
    if known is None:
        return fresh
    return replace(
        fresh,
        email=fresh.email or known.email,
        facts={**known.facts, **fresh.facts},
        disabled=known.disabled,
        priority=known.priority,
        weight=known.weight,
        proxy=known.proxy,
        models=known.models,
        excluded=known.excluded,
        aliases=known.aliases,
        created_at=known.created_at or fresh.created_at,
        unknown=known.unknown,
    )


def ours(credentials: Iterable[Credential]) -> list[Credential]:
    """Those that we may write."""
    return [one for one in credentials if one.owner == "ours"]
