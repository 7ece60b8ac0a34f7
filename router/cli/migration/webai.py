"""WebAI-to-API's ``config.conf``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from router.cli.migration.gathered import Gathered
from router.cli.migration.values import key_of, proxy_of

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "default_ai": "every call names its model here",
        "default_model_gemini": "every call names its model here: `...-webai`",
        "claude": "Claude's web page is not asked here; `switchyard login claude` signs in to the subscription",
    }
)
_BROWSERS = ("chrome", "firefox", "brave", "edge", "safari", "chromium", "opera", "vivaldi")


def fits(values: Any) -> bool:
    """Whether it looks like such a file."""
    if not isinstance(values, dict):
        return False
    sections = {str(name).lower() for name, block in values.items() if isinstance(block, dict)}
    return bool({"enabledai", "cookies"} & sections) and bool({"browser", "ai"} & sections)


def translate(values: Mapping[str, Any], out: Gathered) -> None:
    """Everything that has a place here."""
    sections = {str(name).lower(): (str(name), block) for name, block in values.items() if isinstance(block, dict)}
    out.put("providers.webai.enabled", True)
    name, cookies = sections.get("cookies", ("Cookies", {}))
    first, second = key_of(cookies.get("gemini_cookie_1psid")), key_of(cookies.get("gemini_cookie_1psidts"))
    if first is not None:
        account = {"secure_1psid": first}
        out.take((name, "gemini_cookie_1psid"), "providers.webai.gemini.accounts.default")
        if second is not None:
            account["secure_1psidts"] = second
            out.take((name, "gemini_cookie_1psidts"), "providers.webai.gemini.accounts.default")
        out.put("providers.webai.gemini.accounts.default", account)
    name, browser = sections.get("browser", ("Browser", {}))
    wanted = str(browser.get("name") or "").lower()
    if first is not None and wanted:
        out.leave((name, "name"), "not needed where the cookies are given")
    elif wanted in _BROWSERS:
        out.take((name, "name"), out.put("providers.webai.gemini.browser", wanted))
    name, enabled = sections.get("enabledai", ("EnabledAI", {}))
    if "gemini" in enabled:
        on = str(enabled["gemini"]).strip().lower() in ("true", "yes", "1", "on")
        out.take((name, "gemini"), out.put("providers.webai.gemini.enabled", on))
    name, proxies = sections.get("proxy", ("Proxy", {}))
    given = proxy_of(proxies.get("http_proxy"))
    if given is not None and given.strip().lower().startswith("http"):
        out.take((name, "http_proxy"), out.put("providers.webai.gemini.proxy", given.strip()))
    elif proxies.get("http_proxy"):
        out.leave((name, "http_proxy"), "only HTTP proxies are supported here")
    out.note("WebAI's packages have licences of their own: docs/webai.md says how `make webai` installs them")
