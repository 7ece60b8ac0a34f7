"""How a sign-in begins: which way, and the values of each. Pure but for the requests of the device flow."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from router.accounts.asking import Ask
from router.accounts.labels import label_problem
from router.accounts.login import addresses, device, pkce
from router.accounts.login.flows import Flow, Hidden
from router.accounts.login.pkce import Chance
from router.accounts.login.refusals import Refused
from router.settings import sign_ins
from router.settings.sign_ins import PasteFlow, SignIn

LIFE = 600.0
"""Seconds in which a person signs in; codes live as long (RFC 6749, 4.1.2)."""
_NO_SECRET = "{} needs the secret of its OAuth client: set providers.{}.client_secret."  # noqa: S105  words


def way(sign_in: SignIn, asked: sign_ins.Flow | None) -> tuple[sign_ins.Flow, bool]:
    """The flow, and whether its answer is brought by hand. Raises `ValueError` with the ways that there are."""
    if asked is None:
        return sign_in.flows[0], False
    if asked in sign_in.flows:
        return asked, False
    if asked == "paste" and "code" in sign_in.flows:
        return "code", True
    ways = (*sign_in.flows, "paste") if "code" in sign_in.flows else sign_in.flows
    raise ValueError(f"{sign_in.title} is signed in to by {' or '.join(ways)}, not by {asked}")


def port_of(sign_in: SignIn) -> int | None:
    """Where the browser of this machine brings the answer; None where it cannot."""
    place = addresses.loopback_place(addresses.code_flow(sign_in).redirect_uri)
    return place.port if place is not None else None


def with_code(flow: Flow, sign_in: SignIn, chance: Chance, now: float, *, by_hand: bool, problem: str | None) -> Flow:
    """An authorisation code in the browser. by_hand: nobody listens. problem: why nobody can."""
    facts = addresses.code_flow(sign_in)
    alone = by_hand or problem is not None
    redirect_uri = facts.paste_redirect_uri if alone and facts.paste_redirect_uri else facts.redirect_uri
    verifier = pkce.verifier(chance) if facts.pkce else None
    state = pkce.state(chance)
    return replace(
        flow,
        state="waiting",
        expires_at=now + LIFE,
        url=addresses.authorisation_url(sign_in, redirect_uri=redirect_uri, state=state, verifier=verifier),
        redirect_uri=redirect_uri,
        port=None if by_hand or redirect_uri != facts.redirect_uri else port_of(sign_in),
        message=problem or "",
        hidden=Hidden(state=state, verifier=verifier),
    )


async def with_device(flow: Flow, sign_in: SignIn, chance: Chance, ask: Ask) -> Flow:
    """A code for another device. Raises `TokenTrouble` and `Fault`."""
    facts = device.device_flow(sign_in)
    request = device.discovery_request(facts)
    if request is not None:
        places = device.read_discovery(await ask(request), facts)
    else:
        places = device.Endpoints(facts.device_url or "")
    verifier = pkce.verifier(chance) if facts.pkce else None
    begun = device.read_begun(await ask(device.begin_request(sign_in, places.device_url, verifier)), facts)
    return replace(
        flow,
        state="waiting",
        expires_at=begun.expires_at,
        redirect_uri=facts.redirect_uri or "",
        user_code=begun.user_code,
        verification_uri=begun.verification_uri,
        verification_uri_complete=begun.verification_uri_complete,
        interval=begun.interval,
        token_url=places.token_url,
        hidden=Hidden(verifier=verifier, device_code=begun.device_code),
    )


def with_paste(flow: Flow, sign_in: SignIn, now: float) -> Flow:
    """Something that is copied out of a browser. Raises `ValueError` where there is no such way."""
    facts: PasteFlow | None = sign_in.paste
    if facts is None:
        raise ValueError(f"{sign_in.title} takes nothing pasted")
    changes: dict[str, Any] = {"url": facts.page or None, "message": facts.instructions}
    return replace(flow, state="waiting", expires_at=now + LIFE, **changes)


def fit(provider: str, sign_in: SignIn, asked: sign_ins.Flow | None, label: str | None) -> tuple[sign_ins.Flow, bool]:
    """The way in, and whether its answer is brought by hand. Raises `Refused`."""
    try:
        kind, by_hand = way(sign_in, asked)
    except ValueError as error:
        raise Refused("unfit", f"{error}.") from None
    if label is not None and (problem := label_problem(label)) is not None:
        raise Refused("unfit", f"{problem[0].upper()}{problem[1:]}.")
    if sign_in.needs_secret and not sign_in.client_secret:
        raise Refused("misconfigured", _NO_SECRET.format(sign_in.title, provider.replace("-", "_")))
    return kind, by_hand
