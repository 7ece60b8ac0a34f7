"""What ``GET /accounts`` answers, as types for its description; `router.accounts.view` makes it. Times: RFC 3339."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from router.api.manage.key_shapes import Thinking as WantedThinking


class Resting(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of an account that rests while the whole may serve. scope: bucket or model."""

    scope: str
    name: str
    state: str
    reason: str
    until: str | None


class Quota(Struct, frozen=True, forbid_unknown_fields=True):
    """One window of a plan."""

    name: str
    used_percent: float
    resets_at: str | None


class AccountThinking(Struct, frozen=True, forbid_unknown_fields=True):
    """How much it may be asked to think. default, max: an effort, or tokens."""

    mode: str
    default: str | int | None
    max: str | int | None


class ShownAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """kind: sign-in or key. owner: who keeps it: this gateway, another program, the settings. changeable: whether
    ``PATCH`` can change it. busy: calls under way."""

    account: str
    provider: str
    label: str
    kind: str
    owner: str
    changeable: bool
    email: str | None
    plan: str | None
    state: str
    reason: str | None
    until: str | None
    resting: list[Resting]
    busy: int
    last_error: str | None
    last_error_at: str | None
    last_used_at: str | None
    requests: int
    failures: int
    input_tokens: int
    output_tokens: int
    token_expires_at: str | None
    token_renews_at: str | None
    quota: list[Quota]
    priority: int
    weight: int
    proxy: bool
    models: list[str]
    excluded: list[str]
    aliases: dict[str, str]
    thinking: AccountThinking | None


class UnusableFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the accounts' folder that holds no usable one."""

    file: str
    account: str | None
    state: str
    reason: str


class AccountList(Struct, frozen=True, forbid_unknown_fields=True):
    accounts: list[ShownAccount]
    files: list[UnusableFile]


Model: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]


class AccountChanges(Struct, forbid_unknown_fields=True):
    """What is given is changed; null takes a proxy or a word about thinking out, an empty list or mapping empties.
    label: of accounts that are kept here; a key of the settings has its own in the file. excluded: patterns. aliases:
    names for clients -> upstream models."""

    disabled: bool | UnsetType = UNSET
    label: Annotated[str, Meta(min_length=1, max_length=127)] | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=-1000, le=1000)] | UnsetType = UNSET
    weight: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    proxy: Annotated[str, Meta(min_length=1, max_length=2000)] | UnsetType | None = UNSET
    models: list[Model] | UnsetType = UNSET
    excluded: list[Model] | UnsetType = UNSET
    aliases: dict[Model, Model] | UnsetType = UNSET
    thinking: WantedThinking | UnsetType | None = UNSET
