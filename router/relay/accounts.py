"""From connected services to accounts of providers: which appear, what they may serve, and why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from router.accounts.record import Account
from router.relay.protocol.messages import Profile
from router.secret import Secret

SERVICES: Mapping[str, str] = MappingProxyType({"aistudio": "aistudio"})
"""What services call themselves -> the provider that they serve."""
DEFAULT_PROFILE = "default"


class Connected(Struct, frozen=True):
    """What the services of one provider offer now. models: upstream names, where every service names its own; empty:
    those that the catalogue has. causes: why services that are connected cannot serve."""

    accounts: tuple[Account, ...] = ()
    models: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


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
    causes: list[str] = []
    for session in sessions:
        if session.cause:
            causes.append(f"{session.name}: {session.cause}")
            continue
        for profile in session.profiles or (Profile(name=DEFAULT_PROFILE),):
            made = account_id(provider, session.name, profile.name)
            if profile.state == "ready":
                accounts.append(_account(provider, made, session))
            else:
                causes.append(f"{made.partition('/')[2]}: {profile.cause or profile.state}")
    names = [session.models for session in sessions if not session.cause]
    models = tuple(sorted({model for each in names for model in each})) if all(names) else ()
    return Connected(tuple(accounts), models, tuple(causes))


def _account(provider: str, made: str, session: Offering) -> Account:
    return Account(
        id=made,
        provider=provider,
        label=made.partition("/")[2],
        secret=Secret(""),
        models=tuple(sorted(session.models)),
    )
