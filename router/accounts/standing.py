"""What a stored account is, apart from what calls have taught of it: why it cannot serve where nothing failed."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from router.accounts.credential import Credential
from router.accounts.outcomes import Bad, Gone, NeedsLogin, Refused, Suspended
from router.accounts.record import Account
from router.faults import Fault
from router.policies.shapes import rule_of
from router.routing.cooldown import HeldState
from router.secret import Secret
from router.settings.provider_names import SIGN_INS

WAITED_FOR = 30.0
"""Seconds for which a call waits for a renewal to be tried again; an account that takes longer is passed over."""


class Held(Struct, frozen=True):
    """Why an account cannot serve, and will not by waiting. cause: for a person, with what to do."""

    state: HeldState
    cause: str


def account_of(credential: Credential) -> Account:
    """What routing sees of a stored account: everything but its secrets."""
    return Account(
        id=credential.id,
        provider=credential.provider,
        label=credential.label,
        secret=Secret(""),
        priority=credential.priority,
        weight=credential.weight,
        proxy=credential.proxy,
        models=credential.models,
        excluded=credential.excluded,
        aliases=credential.aliases,
        thinking=rule_of(credential.thinking),
        stored=True,
    )


def standing(credential: Credential, now: float) -> Held | None:
    """Why `credential` cannot be used, as it is; None where it can."""
    if credential.disabled:
        return Held("disabled", "switched off by the operator")
    if credential.fresh(now) or credential.renewable:
        return None
    if credential.is_key:
        return Held("needs_login", "its file has no key; forget the account and add it again")
    ended = f"its token ended at {_moment(credential.expires_at)}" if credential.access else "its file has no token"
    if credential.owner == "found":
        return Held(
            "expired",
            f"{ended}; the file belongs to another program, which renews it when it runs. To have it renewed here: "
            f"`{_login(credential)}`, or import the file",
        )
    return Held("needs_login", f"{ended} and cannot be renewed; sign in again: `{_login(credential)}`")


def held_by(credential: Credential, outcome: Bad, now: float) -> Held | None:
    """What a renewal that failed says of the account; None where its token still lives, or calls had better wait."""
    if isinstance(outcome, NeedsLogin):
        if credential.owner == "found":
            return Held("expired", outcome.reason)
        return Held("needs_login", f"{outcome.reason}; sign in again: `{_login(credential)}`")
    if isinstance(outcome, Refused):
        return Held("refused", outcome.reason)
    if credential.fresh(now) or (isinstance(outcome, Suspended) and outcome.until - now <= WAITED_FOR):
        return None
    return Held("expired", f"its token has ended and could not be renewed: {outcome.reason}")


def no_access(credential: Credential, outcome: Bad | Gone, now: float) -> Fault:
    """What to tell a call that wanted a token. Whoever renews being out of reach is nothing that the account did."""
    if isinstance(outcome, Gone):
        return Fault("unavailable", f"The account {credential.id} is gone.")
    if isinstance(outcome, NeedsLogin):
        return Fault("upstream_auth", f"{credential.id} must be signed in again: {outcome.reason}.")
    if isinstance(outcome, Refused):
        details = {"scope": "account", "for_good": True}
        return Fault("refused", f"{credential.id}: {outcome.reason}.", details=details)
    wait = max(1.0, outcome.until - now) if isinstance(outcome, Suspended) else None
    text = f"The token of {credential.id} has ended and could not be renewed: {outcome.reason}."
    return Fault("unavailable", text, retry_after=wait)


def _login(credential: Credential) -> str:
    return f"switchyard login {SIGN_INS[credential.provider].login[0]}"


def _moment(at: float | None) -> str:
    return "an unknown time" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
