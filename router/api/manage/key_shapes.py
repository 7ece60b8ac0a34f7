"""What the management API says and hears of keys: the shapes, and the way from and to what the ring has."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from router.access.keys import ClientKey, Scope, State
from router.access.limits import KeyLimits, limits_in_dollars
from router.call import Priority
from router.money import MICRO
from router.routing.substitutes import Substitution
from router.settings.auth import KeyRights
from router.settings.key_rights import plain

Count: TypeAlias = Annotated[int, Meta(ge=1, le=10**15)]
Calls: TypeAlias = Annotated[int, Meta(ge=1, le=10**6)]
Dollars: TypeAlias = Annotated[float, Meta(gt=0, le=10**9)]
Lasts: TypeAlias = Annotated[float, Meta(gt=0, le=315_360_000)]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=300)]
Names: TypeAlias = Annotated[list[Text], Meta(max_length=200)]
Words: TypeAlias = Annotated[str, Meta(max_length=65_536)]
LARGEST = 1024 * 1024
"""Bytes of a request, which may have two long prompts."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key may use; days and months are those of UTC. soft: the share from which it is told."""

    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    tokens_per_day: Count | None = None
    tokens_per_month: Count | None = None
    usd_per_day: Dollars | None = None
    usd_per_month: Dollars | None = None
    soft: Annotated[float, Meta(gt=0, le=1)] = 0.8


class Prompt(Struct, frozen=True, forbid_unknown_fields=True):
    """Words around the system prompts of the key's calls."""

    prepend: Words = ""
    append: Words = ""


class Thinking(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much models may think in the key's calls. default, max: an effort, or tokens."""

    mode: Literal["passthrough", "off", "fixed", "adaptive"] = "passthrough"
    default: str | int | None = None
    max: str | int | None = None


class Rights(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key may do, as `auth.keys[]` of the settings has it. In an answer: what is not there is not limited. In a
    request: what is given is changed, null or an empty list takes it back. A prompt and thinking count as a whole."""

    models: Names | UnsetType | None = UNSET
    providers: Names | UnsetType | None = UNSET
    accounts: Names | UnsetType | None = UNSET
    ips: Names | UnsetType | None = UNSET
    substitution: Substitution | UnsetType | None = UNSET
    system_prompt: Prompt | UnsetType | None = UNSET
    thinking: Thinking | UnsetType | None = UNSET
    unpriced: Literal["allow", "refuse"] | UnsetType | None = UNSET
    request_log: bool | UnsetType | None = UNSET


class Key(Struct, frozen=True):
    """One key, never its text. source: where it is kept; only those of the database can be changed here. Times: Unix
    seconds. rights: null for all. used: of each limit, running calls included."""

    id: str
    name: str
    scopes: list[Scope]
    source: Literal["settings", "file", "database"]
    state: State
    expires_at: float | None
    concurrency: int | None
    queue: int
    priority: Priority
    limits: Limits | None
    rights: Rights | None
    used: dict[str, float]


class Keys(Struct, frozen=True):
    keys: list[Key]


class Wanted(Struct, forbid_unknown_fields=True):
    """expires_in: seconds from now; without it the key does not expire. concurrency: calls at once, null for any
    number; queue: calls that may wait beyond them. rights: of keys with the scope client."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")]
    scope: Scope = "client"
    expires_in: Lasts | None = None
    concurrency: Calls | None = None
    queue: Annotated[int, Meta(ge=0, le=10**6)] = 0
    priority: Priority = "interactive"
    limits: Limits | None = None
    rights: Rights | None = None


class Changed(Struct, forbid_unknown_fields=True):
    """What is given is changed. expires_in: seconds from now, null for never. concurrency: null for any number. limits:
    all of them, null for none. rights: those that are given, null for all. disabled: whether the key is refused."""

    expires_in: Lasts | UnsetType | None = UNSET
    concurrency: Calls | UnsetType | None = UNSET
    queue: Annotated[int, Meta(ge=0, le=10**6)] | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    limits: Limits | UnsetType | None = UNSET
    rights: Rights | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET


class Made(Struct, frozen=True):
    """key: the text itself, which is shown this once."""

    id: str
    name: str
    key: str


def shown(key: ClientKey, now: float, used: dict[str, int]) -> Key:
    """A key as the answer has it. used: of each limit, in requests, tokens or micro-USD."""
    return Key(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        source=key.source,
        state=key.state(now),
        expires_at=key.expires_at,
        concurrency=key.concurrency,
        queue=key.queue,
        priority=key.priority,
        limits=_told(key.limits),
        rights=None if key.rights is None else msgspec.convert(plain(key.rights), Rights),
        used={name: value / MICRO if name.startswith("usd") else float(value) for name, value in used.items()},
    )


def given_rights(wanted: Rights | None) -> dict[str, Any]:
    """The rights of a request by name; all of them taken back where it is null."""
    if wanted is None:
        return dict.fromkeys(KeyRights.model_fields)
    given: dict[str, Any] = msgspec.to_builtins(wanted)
    return given


def given_limits(wanted: Limits | None) -> KeyLimits | None:
    """The limits of a request."""
    return None if wanted is None else limits_in_dollars(wanted)


def _told(limits: KeyLimits | None) -> Limits | None:
    if limits is None:
        return None
    return Limits(
        requests_per_minute=limits.requests_per_minute,
        tokens_per_minute=limits.tokens_per_minute,
        tokens_per_day=limits.tokens_per_day,
        tokens_per_month=limits.tokens_per_month,
        usd_per_day=None if limits.usd_per_day is None else limits.usd_per_day / MICRO,
        usd_per_month=None if limits.usd_per_month is None else limits.usd_per_month / MICRO,
        soft=limits.soft,
    )
