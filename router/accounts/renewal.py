"""What it means to renew an account's access: the shape that every provider's way has. The machine around it, with its
single flight, its locks and its persistence, is `router.accounts.refresh`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from router.accounts.asking import Ask
from router.accounts.credential import Credential
from router.secret import Secret
from router.settings.sign_ins import SignIn


class Renewed(Struct, frozen=True, kw_only=True):
    """A new access. refresh: what replaces the old one, None where that stays. facts, secrets: what changed of them.

    persist: whether it must be on disk before it is used; False for what is made again from the same `refresh` at any
    time (a minute's JWT), where `refresh` is None.
    """

    access: Secret
    expires_at: float | None
    refresh: Secret | None = None
    facts: Mapping[str, str] = {}
    secrets: Mapping[str, Secret] = {}
    persist: bool = True


Renew: TypeAlias = Callable[[SignIn, Credential, Ask], Awaitable[Renewed]]
"""One exchange. Raises `router.accounts.oauth.TokenTrouble`, and `Fault` where there is no answer."""
