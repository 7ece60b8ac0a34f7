"""The blocks below `providers.aistudio`. The AI Studio service reads them itself (`services/aistudio/settings.py`)
when it starts: `switchyard restart aistudio`. Here they are checked and described; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, Literal

from router.settings.block import Block, Texts
from router.settings.block import setting as _setting

Engine = Literal["auto", "camoufox", "chromium", "firefox", "attach"]
Tier = Literal["network", "dom", "final"]


def setting(default: Any, description: str, **rules: Any) -> Any:
    """A setting of the service."""
    return _setting(default, description, effect="restart", **rules)


class AIStudioService(Block):
    """How the service is started."""

    start: bool = _setting(
        True,
        "Whether the service is started on this machine, under supervisord, while the provider is on; off where it "
        "runs elsewhere.",
    )
    command: str | None = _setting(
        None, "Accepted from other layouts and not used: it always means the service that ships with this product."
    )


class Browser(Block):
    """Which browser, and when what is recycled."""

    engine: Engine = setting("auto", "Which browser, without a fallback. `auto`: the first that is there.")
    type: Engine | None = setting(
        None,
        "The same, as other layouts name it; `engine` wins. `camoufox` is a preference here: without its binary the "
        "system's browser is used, and `/readyz` of the service says so.",
    )
    executable_path: str | None = setting(None, "The browser's binary. Default: looked for.")
    attach_url: str | None = setting(None, "For `attach`: where a running Chromium listens, `http://127.0.0.1:9222`.")
    mode: Literal["headless", "virtual", "headed"] = setting(
        "headless",
        "`virtual`: a window on a screen of its own that nobody sees; `headed`: one on the session's display.",
    )
    sandbox: Literal["auto", "on", "off"] = setting(
        "auto",
        "Chromium's own sandbox. `auto`: on, unless it runs as root or this machine or container allows no user "
        "namespaces; the log and `switchyard doctor` say so then. `on`: with it or not at all.",
    )
    max_instances: int = setting(3, "Most pages that answer at the same time.", ge=1, le=64)
    devtools: bool = setting(True, "Whether answers are read through the DevTools protocol where the browser has it.")
    page_uses: int = setting(50, "Answers after which a page is replaced.", ge=1)
    page_age: float = setting(3600.0, "Seconds after which a page is replaced.", gt=0)
    context_uses: int = setting(500, "Answers after which an account's context is replaced.", ge=1)
    browser_age: float = setting(21600.0, "Seconds after which the browser is replaced.", gt=0)
    memory_limit: int = setting(2500, "MiB of proportional set size after which the browser is replaced.", ge=1)
    idle_shutdown: float = setting(900.0, "Seconds without a request after which the browser ends.", gt=0)


class Queue(Block):
    """Who waits for a page; beyond it a 429."""

    limit: int = setting(32, "Requests that wait for a page.", ge=0)
    deadline: float = setting(60.0, "Seconds that one waits at most.", ge=0)


class PageTimeouts(Block):
    """Seconds that the page gets."""

    launch: float = setting(60.0, "For the browser to start.", gt=0)
    ready: float = setting(30.0, "For the page to be there with its controls.", gt=0)
    control: float = setting(3.0, "For one control of the page.", gt=0)
    first: float = setting(90.0, "Until an answer begins.", gt=0)
    idle: float = setting(120.0, "Between two pieces of an answer.", gt=0)
    total: float = setting(3600.0, "For a whole answer.", gt=0)
    stop: float = setting(0.8, "For the page to stop when the caller has gone.", gt=0)
    wire: float = setting(1.0, "For the network to tell of an answer that the page shows already.", gt=0)
    stalled: float = setting(
        15.0,
        "Without an answer from the browser, or from anybody who holds a page while others wait, after which "
        "`/readyz` asks for a restart; a page that is silent for so long is asked whether it still answers.",
        gt=0,
    )


class SignInWindow(Block):
    """The window in which a person signs in."""

    display: str | None = setting(None, "Display for it, like `:1`. Default: the session's own, else a virtual one.")
    deadline: float = setting(600.0, "Seconds that a person has.", gt=0)
    vnc_port: int = setting(5900, "Port of x11vnc on loopback, while a virtual display is seen.", ge=1, le=65535)
    novnc_host: str = setting(
        "127.0.0.1",
        "Address of noVNC. Another than loopback shows the window to a network, unencrypted and behind a password of "
        "eight characters: [what to protect](aistudio.md#on-a-server).",
    )
    novnc_port: int = setting(6080, "Port of noVNC.", ge=1, le=65535)
    novnc_path: str = setting("/usr/share/novnc", "Folder with noVNC's `vnc.html`.")


class PageDefaults(Block):
    """What the page is set to where a request says nothing, so that no user's setting reaches the next."""

    temperature: float = setting(1.0, "Temperature.", ge=0, le=2)
    top_p: float = setting(0.95, "Top-p.", ge=0, le=1)
    max_tokens: int = setting(65536, "Most tokens of an answer.", ge=1)
    level: str = setting("High", "Thinking level, in the page's words.")


class RelayLink(Block):
    """How the service finds its routers."""

    urls: Texts | None = setting(None, "Where to dial, like `wss://host.example:8317/v1/ws`. Default: this router.")
    key_file: str | None = setting(
        None, "The service key. Default: the one that `make up` makes in `server.state_dir`."
    )
    ca: str | None = setting(None, "PEM file to check `wss://` with. Default: `server.tls.cert`, else the system's.")
    name: str = setting("", "Name of the service, the same after each start. Default: the host's.")
