"""One stored account: its tokens, whose it is, and what the operator chose for it. A value without behaviour.

API keys of the settings are `router.accounts.record.Account` values alone. What a sign-in brought, and a key that was
added while the router ran, lives in the account store as a `Credential`, and the keeper (`router.accounts.keeper`)
shows an `Account` of it to the routing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from router.secret import Secret
from router.settings.policy_blocks import Thinking
from router.settings.provider_names import SIGN_INS

NOTHING = Secret("")
Owner: TypeAlias = Literal["ours", "found"]
"""ours: written by us; renewed, changed and deleted by us. found: a file of another program, which is read and never
written, and whose token is never renewed by us (two programs must not refresh one token)."""


class Credential(Struct, frozen=True, kw_only=True):
    """What one account file says.

    provider: the sign-in's id, such as ``claude-oauth``, or that of a provider with keys, such as ``openai``.
    label: tells the accounts of one provider apart: the address where there is one, else ``default`` or what the
    operator called it.
    access: what is sent upstream, empty where it must be made first. refresh: what a new one is made with: a refresh
    token, Clerk's ``__client`` cookie, GitHub's token; empty where nothing can be renewed.
    expires_at: of `access`, Unix seconds, None where it does not end (or nobody said so). issued_at: Unix seconds.
    facts: what is known besides and no secret (``account_id``, ``project_id``, ``plan``, ``resource_url``).
    secrets: further secrets by name (``id_token``, ``api_key``).
    disabled, priority, weight, proxy, excluded, aliases, thinking: the operator's choices, as on `Account`. aliases:
    name for clients -> upstream name.
    unknown: fields of the document that mean nothing here and are written back as they were; some may be secret.
    """

    provider: str
    label: str
    access: Secret = NOTHING
    refresh: Secret = NOTHING
    expires_at: float | None = None
    issued_at: float | None = None
    email: str | None = None
    facts: Mapping[str, str] = {}
    secrets: Mapping[str, Secret] = {}
    disabled: bool = False
    priority: int = 0
    weight: int = 1
    proxy: str | None = None
    models: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    aliases: Mapping[str, str] = {}
    thinking: Thinking | None = None
    created_at: float | None = None
    owner: Owner = "ours"
    unknown: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        return f"Credential({self.id}, {self.owner})"  # `unknown` and `proxy` may hold secrets

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id), ("owner", self.owner)]

    @property
    def id(self) -> str:
        """The account's id everywhere: ``<provider>/<label>``."""
        return f"{self.provider}/{self.label}"

    @property
    def is_key(self) -> bool:
        """Whether it is an API key: it does not end, and nobody signs in to have another one."""
        return self.provider not in SIGN_INS

    @property
    def renewable(self) -> bool:
        """Whether a new `access` can be had without a person."""
        return self.owner == "ours" and bool(self.refresh)

    def fresh(self, now: float, margin: float = 0.0) -> bool:
        """Whether `access` is there and good for `margin` more seconds."""
        return bool(self.access) and (self.expires_at is None or now + margin < self.expires_at)
