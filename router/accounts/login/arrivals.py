"""From a finished sign-in to an account: what it is called, and what stays where the account is known already. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.credential import NOTHING, Credential
from router.accounts.labels import DEFAULT, LONGEST, tidy_label
from router.accounts.oauth import Tokens
from router.accounts.renewal import Renewed
from router.accounts.twins import agreement, taken_over
from router.secret import Secret

_ROOM = LONGEST - 20
"""Characters of a label that leave room for what tells it from another."""


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
    access: Secret | None = None


def credential(provider: str, tokens: Tokens, identity: Identity, now: float, *, made_on_demand: bool) -> Credential:
    """The account as the provider gave it, not yet called anything of the operator's. made_on_demand: what was given is
    only good for making what is sent upstream."""
    end = tokens.expires_at if tokens.answer.get("expires_in") is not None or tokens.refresh else None
    return Credential(
        provider=provider,
        label=next(_labels(identity)),
        access=NOTHING if made_on_demand else identity.access or tokens.access,
        refresh=tokens.access if made_on_demand else tokens.refresh or NOTHING,
        expires_at=None if made_on_demand else end,
        issued_at=now,
        email=identity.email,
        facts=dict(identity.facts),
        secrets=dict(identity.secrets),
        created_at=now,
    )


def renewed(fresh: Credential, by: Renewed) -> Credential:
    """The account after its first access was made, which also showed that what was given is good. One that is made
    anew at any time is not kept."""
    return replace(
        fresh,
        access=by.access if by.persist else fresh.access,
        expires_at=by.expires_at if by.persist else fresh.expires_at,
        refresh=by.refresh or fresh.refresh,
        facts={**fresh.facts, **by.facts},
        secrets={**fresh.secrets, **by.secrets},
    )


def settled(fresh: Credential, identity: Identity, known: Sequence[Credential], chosen: str | None) -> Credential:
    """The account to save: under its label, with the operator's choices where it is known already.

    known: accounts of this provider that are ours. chosen: the operator's label; an account that is known keeps its
    own. Raises `LabelTaken`.
    """
    same = next((one for one in known if agreement(one, fresh) is True), None)
    if same is not None:
        return taken_over(same, replace(fresh, label=same.label))
    taken = {one.label.casefold(): one for one in known}
    for label in [chosen] if chosen is not None else _labels(identity):
        holder = taken.get(label.casefold())
        if holder is None:
            return replace(fresh, label=label)
        if agreement(holder, fresh) is None:  # nobody can tell: whoever signs in anew means the account of that name
            return taken_over(holder, replace(fresh, label=holder.label))
    raise LabelTaken(
        f"The label {chosen or next(_labels(identity))} belongs to another account. Sign in again with another label, "
        "or delete that account first."
    )


def _labels(identity: Identity) -> Iterator[str]:
    """What the account may be called, the best first."""
    base = _plain(identity.email) or _plain(identity.name) or DEFAULT
    yield base
    more = _plain(identity.more)
    if more is not None:
        yield f"{base}-{more}"[:LONGEST]
    for number in range(2, 100):
        yield f"{base}-{number}"


def _plain(text: str | None) -> str | None:
    return tidy_label(text.lower())[:_ROOM] if text and text.strip() else None


def ours(credentials: Iterable[Credential], provider: str) -> list[Credential]:
    """Those of one provider that we may write."""
    return [one for one in credentials if one.owner == "ours" and one.provider == provider]
