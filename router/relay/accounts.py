"""From connected services to accounts of providers: which appear, what they may serve, and why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, Protocol

from msgspec import Struct

from router.accounts.record import Account
from router.relay.protocol.messages import Profile
from router.secret import Secret

SERVICES: Mapping[str, str] = MappingProxyType({"aistudio": "aistudio"})
"""What services call themselves -> the provider that they serve."""
DEFAULT_PROFILE = "default"


State = Literal["needs_login", "refused", "disabled"]


class Connected(Struct, frozen=True):
    """What the services of one provider offer now. models: upstream names, where every service names its own; empty:
    those that the catalogue has. held: accounts that cannot serve now, and why, as `Health.hold` takes it."""

    accounts: tuple[Account, ...] = ()
    models: tuple[str, ...] = ()
    held: Mapping[str, tuple[State, str]] = {}


class Offering(Protocol):
    """What is asked of a session."""

    @property
    def name(self) -> str: ...

    @property
    def service(self) -> str: ...

    @property
    def profiles(self) -> tuple[Profile, ...]: ...

    @property
    def models(self) -> tuple[str, ...]: ...

    @property
    def cause(self) -> str: ...


def account_id(provider: str, name: str, profile: str = DEFAULT_PROFILE) -> str:
    """Stable over reconnects, so that what is known of an account is still known: ``aistudio/desk``, and behind a colon
    any profile but the first."""
    return f"{provider}/{name}" if profile == DEFAULT_PROFILE else f"{provider}/{name}:{profile}"


def service_of(account: str) -> tuple[str, str]:
    """Name of the service and profile behind an account's id."""
    name, _, profile = account.partition("/")[2].partition(":")
    return name, profile or DEFAULT_PROFILE


def connected(sessions: Iterable[Offering]) -> Mapping[str, Connected]:
    """By provider, the same for the same sessions in whatever order."""
    found: dict[str, list[Offering]] = {}
    for session in sorted(sessions, key=lambda each: each.name):
        found.setdefault(SERVICES[session.service], []).append(session)
    return {provider: _of(provider, offering) for provider, offering in found.items()}


def _of(provider: str, sessions: list[Offering]) -> Connected:
    accounts: list[Account] = []
    held: dict[str, tuple[State, str]] = {}
    for session in sessions:
        for profile in session.profiles or (Profile(name=DEFAULT_PROFILE),):
            account = _account(provider, profile, session)
            accounts.append(account)
            if session.cause:
                held[account.id] = ("disabled", session.cause)
            elif profile.state != "ready":
                state: State = "needs_login" if profile.state == "needs_login" else "disabled"
                held[account.id] = (state, profile.cause or profile.state)
    names = [session.models for session in sessions]
    models = tuple(sorted({model for each in names for model in each})) if all(names) else ()
    return Connected(tuple(accounts), models, held)


def _account(provider: str, profile: Profile, session: Offering) -> Account:
    made = account_id(provider, session.name, profile.name)
    return Account(
        id=made,
        provider=provider,
        label=made.partition("/")[2],
        secret=Secret(""),
        models=tuple(sorted(session.models)),
    )
