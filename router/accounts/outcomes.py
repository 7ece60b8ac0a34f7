"""How a renewal may end: values, of which the keeper makes the states of accounts."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from router.accounts.credential import Credential


class Good(Struct, frozen=True, kw_only=True):
    """`credential` is to be used from now on. renewed: by this very renewal; else it was good already, or somebody else
    had renewed it. unsaved: why it is in memory only though it should be on disk, "" where all is well."""

    credential: Credential
    renewed: bool = False
    unsaved: str = ""


class Suspended(Struct, frozen=True, kw_only=True):
    """Not now. until: Unix time of the next try. credential: the newest that is known, whose access token may be used
    until it ends."""

    reason: str
    until: float
    credential: Credential


class NeedsLogin(Struct, frozen=True):
    """The grant is gone: a person must sign in."""

    reason: str


class Refused(Struct, frozen=True):
    """The provider does not let this account do this, and signing in again would not help."""

    reason: str


class Misconfigured(Struct, frozen=True):
    """Our client id, secret or address is wrong: not tried again before the settings or the account change."""

    reason: str


class Gone(Struct, frozen=True):
    """The account is no longer in the store, or cannot be read there."""


Bad: TypeAlias = Suspended | NeedsLogin | Refused | Misconfigured
"""What keeps an account from being renewed."""
Outcome: TypeAlias = Good | Bad | Gone
