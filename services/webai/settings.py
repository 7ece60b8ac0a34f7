"""What can be set about this service: the block `providers.webai` of the router's settings, or a file of its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from router.secret import Secret
from services.link.settings import RelaySettings, SettingsMistake

Tools = Literal["refuse", "emulate"]


class Cookies(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The two cookies of a signed-in Google account: `__Secure-1PSID` and `__Secure-1PSIDTS`."""

    secure_1psid: Secret
    secure_1psidts: Secret = Secret("")


class Gemini(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Gemini's web page. Times in seconds.

    accounts: cookies by the name of an account; each pair is proved once and then kept as a profile.
    browser: read the cookies of this browser at the start, where there is no account yet; None never does.
    proxy: HTTP proxy to the page. ca: PEM file that its certificates are checked with.
    concurrency: answers of one account at the same time. lifetime: of rotated cookies, as is assumed.
    lead: so long before that end they are rotated. rest: of an account whose limit is reached, without a hint.
    keep_chats: leave every chat in the account's history, and so every answer can be continued.
    thinking: ask for extended thinking.
    """

    enabled: bool = True
    accounts: dict[str, Cookies] = field(default_factory=dict)
    browser: str | None = None
    proxy: str | None = None
    ca: str | None = None
    concurrency: int = 4
    lifetime: float = 86400.0
    lead: float = 21600.0
    rest: float = 900.0
    keep_chats: bool = False
    thinking: bool = False


class Custom(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server that speaks OpenAI's dialect, used as a provider of gpt4free."""

    base_url: str
    api_key: Secret = Secret("")


class Fallback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """gpt4free. Times in seconds.

    chains: providers by model, in order, as `Provider/model`; `*` is for every model that has none.
    custom: further providers by name. first: until a provider begins. failures: in a row after which one is left out.
    blacklist: how long, doubling up to `blacklist_most`; afterwards one call probes it.
    concurrency: answers at the same time.
    """

    enabled: bool = False
    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    custom: dict[str, Custom] = field(default_factory=dict)
    first: float = 30.0
    failures: int = 2
    blacklist: float = 60.0
    blacklist_most: float = 3600.0
    concurrency: int = 8


class Timeouts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds. start: to open the page with an account. first: until an answer begins, all tries together.
    idle: between two pieces. total: for a whole answer. drain: for open answers at the end."""

    start: float = 60.0
    first: float = 120.0
    idle: float = 90.0
    total: float = 900.0
    drain: Annotated[float, Meta(ge=0, le=45)] = 25.0  # supervisord kills 60 s after it said to stop


class Files(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request may bring. Sizes in MiB."""

    most: int = 8
    each: float = 20.0
    together: float = 50.0


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything. host, port: where it listens; every call needs the key. endpoint: where the router finds it without
    being told. api_key: instead of the service key. tools: what is done with a request that brings some."""

    host: str = "127.0.0.1"
    port: int = 8406
    endpoint: str | None = None
    api_key: Secret | None = None
    tools: Tools = "refuse"
    gemini: Gemini = field(default_factory=Gemini)
    fallback: Fallback = field(default_factory=Fallback)
    timeouts: Timeouts = field(default_factory=Timeouts)
    files: Files = field(default_factory=Files)
    relay: RelaySettings = field(default_factory=RelaySettings)


ROUTERS = frozenset(
    {
        "enabled", "allowed_endpoints", "base_url", "base_urls", "headers", "prefix", "models",
        "excluded_models", "priority", "quirks", "max_concurrency", "max_queue", "service", "api_key_file", "api_keys",
        "proxy", "name",
    }
)  # fmt: skip
"""What stands in the same block for the router."""


def read(block: dict[str, Any]) -> Settings:
    """Settings from plain data; what is null is at its default. Raises `SettingsMistake`."""
    held = _given({name: value for name, value in block.items() if name not in ROUTERS})
    try:
        settings = msgspec.convert(held, Settings, strict=False, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise SettingsMistake(f"providers.webai: {str(error).replace('`$.', '`')}") from None
    for place, wrong, rule in _rules(settings):
        if wrong:
            raise SettingsMistake(f"providers.webai.{place} {rule}")
    return settings


def _rules(settings: Settings) -> tuple[tuple[str, bool, str], ...]:
    gemini, fallback = settings.gemini, settings.fallback
    times = [gemini.lifetime, gemini.rest, fallback.first, fallback.blacklist, fallback.blacklist_most]
    times += [settings.timeouts.start, settings.timeouts.first, settings.timeouts.idle, settings.timeouts.total]
    odd = [each for chain in fallback.chains.values() for each in chain if "/" not in each.strip("/")]
    return (
        ("port", not 0 <= settings.port <= 65535, "must be a port, 0 to 65535"),
        ("gemini.concurrency", not 1 <= gemini.concurrency <= 8, "must be 1 to 8: one session has ten connections"),
        ("gemini.lead", not 0 <= gemini.lead < gemini.lifetime, "must be shorter than gemini.lifetime"),
        ("fallback.concurrency", not 1 <= fallback.concurrency <= 64, "must be 1 to 64"),
        ("fallback.failures", fallback.failures < 1, "must be at least 1"),
        ("fallback.chains", bool(odd), f'has "{odd[0] if odd else ""}"; write Provider/model'),
        ("files", min(settings.files.each, settings.files.together, settings.files.most) < 0, "must not be negative"),
        ("timeouts", min(times) <= 0, "and the other times must be more than 0 seconds"),
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _given(value) if isinstance(value, dict) else value for name, value in values.items() if value is not None
    }


def _secret(kind: type, given: Any) -> Any:
    if kind is Secret and isinstance(given, str):
        return Secret(given.strip())
    raise TypeError("must be a text")
