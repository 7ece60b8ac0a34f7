"""What can be set about this service: the block `providers.aistudio` of the router's settings, or a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from services.link.settings import RelaySettings

Engine = Literal["auto", "camoufox", "chromium", "firefox", "attach"]
Tier = Literal["network", "dom", "final"]
Mode = Literal["headless", "virtual", "headed"]
Sandbox = Literal["auto", "on", "off"]


class Browser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which browser, and when what is recycled. Times in seconds, memory in MiB of proportional set size.

    engine: this one and no other; auto: the first that is there. type: the same by another name, which `engine` beats;
    camoufox is a preference there, and `engine` is auto.
    max_instances: pages that answer at the same time; each works for one request, in the context of its account.
    devtools: whether the network is read through the DevTools protocol where the browser has it, or in the page.
    sandbox: of Chromium; auto: on, unless it runs as root or the machine allows no user namespaces.
    mode: virtual is a window on a screen of its own that nobody sees (Xvfb); headed one on the session's display.
    """

    engine: Engine = "auto"
    type: Engine | None = None
    executable_path: str | None = None
    attach_url: str | None = None
    mode: Mode = "headless"
    sandbox: Sandbox = "auto"
    max_instances: int = 3
    devtools: bool = True
    page_uses: int = 50
    page_age: float = 3600.0
    context_uses: int = 500
    browser_age: float = 6 * 3600.0
    memory_limit: int = 2500
    idle_shutdown: float = 900.0


class Queue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """limit: requests that wait for a page. deadline: seconds that one waits at most."""

    limit: int = 32
    deadline: float = 60.0


class Timeouts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds. control: for one control of the page. first: until the answer begins. idle: between two pieces.
    stalled: after which a browser, a page or a holder of one that does nothing counts as hung."""

    launch: float = 60.0
    ready: float = 30.0
    control: float = 3.0
    first: float = 90.0
    idle: float = 120.0
    total: float = 3600.0
    stop: float = 0.8
    wire: float = 1.0
    stalled: float = 15.0


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Interactive sign-in. display: one to use (``:1``), else the session's own, else a virtual one with noVNC, whose
    page is at novnc_host and novnc_port."""

    display: str | None = None
    deadline: float = 600.0
    vnc_port: int = 5900
    novnc_host: str = "127.0.0.1"
    novnc_port: int = 6080
    novnc_path: str = "/usr/share/novnc"


class Defaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the page is set back to where a request says nothing: no user's setting reaches the next."""

    temperature: float = 1.0
    top_p: float = 0.95
    max_tokens: int = 65536
    level: str = "High"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything. url: the page's address, None for that of selectors.yaml. keep_fresh: seconds, 0 for never.
    health_host, health_port: where /healthz, /readyz and /metrics are answered, without a key."""

    profiles: Path = Path("auth_profiles")
    health_host: str = "127.0.0.1"
    health_port: int = 8318
    url: str | None = None
    selectors: Path | None = None
    tiers: tuple[Tier, ...] = ("network", "dom", "final")
    temporary_chat: bool = True
    continue_conversations: bool = False
    keep_fresh: float = 1800.0
    browser: Browser = field(default_factory=Browser)
    queue: Queue = field(default_factory=Queue)
    timeouts: Timeouts = field(default_factory=Timeouts)
    login: Login = field(default_factory=Login)
    defaults: Defaults = field(default_factory=Defaults)
    relay: RelaySettings = field(default_factory=RelaySettings)


ROUTERS = frozenset(
    {
        "enabled", "base_url", "base_urls", "headers", "proxy", "prefix", "models", "excluded_models", "priority",
        "quirks", "max_concurrency", "max_queue", "service",
    }
)  # fmt: skip
"""What stands in the same block for the router."""


class SettingsError(ValueError):
    """A setting that cannot be; the message names it."""


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _given(value) if isinstance(value, dict) else value for name, value in values.items() if value is not None
    }


def _path(kind: type, given: Any) -> Any:
    if kind is Path and isinstance(given, str):
        return Path(given)
    raise TypeError(f"must be a {kind.__name__}")


def read(block: dict[str, Any]) -> Settings:
    """Settings from plain data; what is null is at its default. Raises `SettingsError`."""
    held = _given({name: value for name, value in block.items() if name not in ROUTERS})
    browser = held.get("browser")
    if isinstance(browser, dict) and "engine" not in browser and browser.get("type", "camoufox") != "camoufox":
        held["browser"] = {"engine": browser["type"], **browser}
    try:
        settings = msgspec.convert(held, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"aistudio: {error}") from error
    if settings.browser.max_instances < 1:
        raise SettingsError("aistudio: browser.max_instances must be at least 1")
    if not settings.tiers:
        raise SettingsError("aistudio: tiers must name at least one of network, dom, final")
    return settings
