"""The blocks below `providers.webai`. The WebAI service reads them itself (`services/webai/settings.py`) when it
starts. Here they are checked and described; a test holds the two together.
"""

from __future__ import annotations

from typing import Literal

from router.secret import Secret
from router.settings.aistudio_blocks import setting
from router.settings.block import Block, Texts
from router.settings.block import setting as _setting


class WebAIService(Block):
    """How the service is started."""

    start: bool = _setting(
        True,
        "Whether the service is started on this machine, under supervisord, while the provider is on; off where it "
        "runs elsewhere.",
    )
    command: str | None = _setting(
        None, "Accepted from other layouts and not used: it always means the service that ships with this product."
    )


class WebCookies(Block):
    """The two cookies of a signed-in Google account."""

    secure_1psid: Secret = setting(..., "The cookie `__Secure-1PSID`.", repr=False)
    secure_1psidts: Secret = setting(Secret(""), "The cookie `__Secure-1PSIDTS`.", repr=False)


class GeminiWeb(Block):
    """Gemini's web page."""

    enabled: bool = setting(True, "Whether the page is asked.")
    accounts: dict[str, WebCookies] = setting(
        {}, "Cookies by the name of an account; each pair is proved once and then kept as a profile."
    )
    browser: str | None = setting(
        None, "Read the cookies of this browser at the start, where there is no account yet. Default: never."
    )
    proxy: str | None = setting(None, "HTTP proxy to the page.", repr=False)
    ca: str | None = setting(None, "PEM file that the page's certificates are checked with.")
    concurrency: int = setting(4, "Answers of one account at the same time.", ge=1, le=8)
    lifetime: float = setting(86400.0, "Seconds that rotated cookies live, as is assumed.", gt=0)
    lead: float = setting(21600.0, "Seconds before that end at which they are rotated.", ge=0)
    rest: float = setting(900.0, "Seconds that an account rests whose limit is reached, without a hint.", gt=0)
    keep_chats: bool = setting(False, "Leave every chat in the account's history, so that it can be continued.")
    thinking: bool = setting(False, "Ask for extended thinking.")


class FreeServer(Block):
    """A server that speaks OpenAI's dialect, used as a provider of gpt4free."""

    base_url: str = setting(..., "Its address.")
    api_key: Secret = setting(Secret(""), "Its key.", repr=False)


class FreeFallback(Block):
    """gpt4free."""

    enabled: bool = setting(False, "Whether free providers are asked where the page cannot answer.")
    chains: dict[str, Texts] = setting(
        {}, "Providers by model, in order, as `Provider/model`; `*` is for every model that has none."
    )
    custom: dict[str, FreeServer] = setting({}, "Further providers by name.")
    first: float = setting(30.0, "Seconds until a provider begins.", gt=0)
    failures: int = setting(2, "Failures in a row after which a provider is left out.", ge=1)
    blacklist: float = setting(60.0, "Seconds for which it is left out at first; one call then probes it.", gt=0)
    blacklist_most: float = setting(3600.0, "Seconds for which it is left out at most.", gt=0)
    concurrency: int = setting(8, "Answers at the same time.", ge=1, le=64)


class WebAITimeouts(Block):
    """Seconds."""

    start: float = setting(60.0, "To open the page with an account.", gt=0)
    first: float = setting(120.0, "Until an answer begins, all tries together.", gt=0)
    idle: float = setting(90.0, "Between two pieces.", gt=0)
    total: float = setting(900.0, "For a whole answer.", gt=0)
    drain: float = setting(
        25.0,
        "For open answers when the service stops.",
        ge=0,
        le=45,  # with what closing takes afterwards, below supervisord's 60 s
    )


class WebAIFiles(Block):
    """What a request may bring."""

    most: int = setting(8, "Files of one request.", ge=0)
    each: float = setting(20.0, "MiB of one file.", ge=0)
    together: float = setting(50.0, "MiB of all files of one request.", ge=0)


Tools = Literal["refuse", "emulate"]
