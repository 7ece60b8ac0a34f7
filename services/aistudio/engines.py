"""Browsers: whichever is chosen, an ordinary Playwright `Browser` comes out. Nothing is ever downloaded here.

A stock browser cannot go through Camoufox's launcher, which wants files of its own beside the binary; so the choice is
made one level below it, and after that only Playwright's common interface is used.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from services.aistudio.settings import Browser, Engine

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
FIREFOXES = ("/usr/lib/firefox-esr/firefox-esr", "/usr/lib/firefox/firefox", "firefox-esr", "firefox")
VIEWPORT = {"width": 1440, "height": 900}
"""Under 1280 pixels the page leaves out its run settings."""


class NoEngine(Exception):
    """No browser can be started; the message says why and what to do."""


class Choice(Struct, frozen=True, kw_only=True):
    """A browser that is there. cdp: whether it has the DevTools protocol. note: for a person, "" for none."""

    engine: Engine
    path: str | None
    cdp: bool
    note: str = ""


def choose(settings: Browser, environ: Mapping[str, str] = os.environ) -> Choice:
    """The browser to use. Raises `NoEngine`."""
    if settings.engine == "attach":
        if not settings.attach_url:
            raise NoEngine("browser.engine is attach, and browser.attach_url (http://127.0.0.1:9222) is not set.")
        return Choice(engine="attach", path=None, cdp=True)
    finders = {"camoufox": _camoufox, "chromium": _chromium, "firefox": _firefox}
    wanted = ("camoufox", "chromium", "firefox") if settings.engine == "auto" else (settings.engine,)
    reasons: list[str] = []
    for name in wanted:
        found = finders[name](settings, environ)
        if isinstance(found, Choice):
            return replace(found, note=_noted(settings, found, reasons))
        reasons.append(found)
    raise NoEngine(" ".join(reasons))


def _noted(settings: Browser, found: Choice, reasons: list[str]) -> str:
    """What a person should know of the choice: that another browser was preferred, and why it was not taken."""
    missed = settings.engine == "auto" and settings.type == "camoufox" and found.engine != "camoufox"
    told = f"browser.type prefers Camoufox; {found.engine} is used instead. {reasons[0]}" if missed else ""
    return "; ".join(each for each in (told, found.note) if each)


def _camoufox(settings: Browser, environ: Mapping[str, str]) -> Choice | str:
    if importlib.util.find_spec("camoufox") is None:
        return "Camoufox is not installed (pip install camoufox, then camoufox fetch)."
    given = environ.get("CAMOUFOX_EXECUTABLE_PATH")
    if settings.executable_path and (
        settings.engine == "camoufox" or "camoufox" in Path(settings.executable_path).name
    ):
        given = settings.executable_path
    path = given or _camoufox_binary(environ)
    if path is None or not (Path(path).parent / "properties.json").is_file():
        return "Camoufox's own browser is missing (camoufox fetch); a stock browser cannot take its place."
    if reason := _would_change(environ):
        return reason
    return Choice(engine="camoufox", path=path, cdp=False)


def _would_change(environ: Mapping[str, str]) -> str:
    """Why Camoufox's library would delete or download something when it starts; "" where it would not."""
    cache = _camoufox_cache(environ)
    if cache.is_dir() and any(cache.iterdir()) and not (cache / ".0.5_FLAG").exists():
        return f"Camoufox would delete {cache}, which an older version has made; move it away, then camoufox fetch."
    model = importlib.util.find_spec("fpgen")
    if model is None or model.origin is None or not (Path(model.origin).parent / "data" / ".pinned-model").exists():
        return "Camoufox's fingerprint model is missing and would be downloaded at its start (camoufox fetch)."
    return ""


def _camoufox_cache(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/nonexistent")) / ".cache") / "camoufox"


def _camoufox_binary(environ: Mapping[str, str]) -> str | None:
    """What `camoufox fetch` has installed, looked for by name: the library itself would download it."""
    cache = _camoufox_cache(environ)
    found = sorted(cache.glob("browsers/*/*/camoufox-bin")) or sorted(cache.glob("camoufox-bin"))
    return str(found[-1]) if found else None


def _chromium(settings: Browser, _: Mapping[str, str]) -> Choice | str:
    path = _binary(settings, CHROMIUMS, "chromium")
    if path is None:
        return "No Chromium was found (Debian and Ubuntu: apt-get install chromium; or set browser.executable_path)."
    return Choice(engine="chromium", path=path, cdp=True)


def _firefox(settings: Browser, _: Mapping[str, str]) -> Choice | str:
    path = _binary(settings, FIREFOXES, "firefox")
    if path is None:
        return "No Firefox was found (apt-get install firefox-esr; or set browser.executable_path)."
    return Choice(engine="firefox", path=path, cdp=False, note="through WebDriver BiDi, which is experimental")


def _binary(settings: Browser, names: tuple[str, ...], engine: str) -> str | None:
    given = settings.executable_path
    if given and (settings.engine == engine or engine in Path(given).name):
        return given if os.access(given, os.X_OK) else None
    return next((found for name in names if (found := shutil.which(name))), None)


async def launch(
    playwright: Any,
    choice: Choice,
    settings: Browser,
    *,
    headless: bool,
    sandbox: bool,
    display: str | None = None,
    timeout: float,
) -> Any:
    """A running Playwright `Browser`. sandbox: for a Chromium with its own. display: the X display for a window. Raises
    `NoEngine`."""
    environment = {**os.environ, **({"DISPLAY": display} if display else {})}
    milliseconds = timeout * 1000
    try:
        if choice.engine == "attach":
            return await playwright.chromium.connect_over_cdp(settings.attach_url, timeout=milliseconds)
        if choice.engine == "camoufox":
            return await _launch_camoufox(playwright, choice, headless, environment)
        options = {"executable_path": choice.path, "headless": headless, "env": environment, "timeout": milliseconds}
        if choice.engine == "firefox":
            return await playwright.firefox.launch(channel="moz-firefox", **options)
        flags = _chromium_flags(environment, headless=headless)
        return await playwright.chromium.launch(args=flags, chromium_sandbox=sandbox, **options)  # Playwright's is off
    except Exception as error:  # Playwright's and Camoufox's own; their first line says what is wrong
        first = str(error).strip().splitlines()[:1]
        told = f"{choice.engine} could not be started: {first[0] if first else type(error).__name__}"
        if choice.engine == "chromium" and sandbox and "sandbox" in str(error).lower():
            advice = "docs/containers.md says what it needs, or set browser.sandbox: off."
            told = f"{told.rstrip('.')}. Its sandbox could not be made; {advice}"
        raise NoEngine(told) from error


def _chromium_flags(environment: Mapping[str, str], *, headless: bool) -> list[str]:
    flags = ["--disable-dev-shm-usage"]
    if not headless:
        flags += ["--window-position=0,0", f"--window-size={VIEWPORT['width']},{VIEWPORT['height']}"]
    if environment.get("WAYLAND_DISPLAY") and not environment.get("DISPLAY"):
        flags.append("--ozone-platform=wayland")
    return flags


async def _launch_camoufox(playwright: Any, choice: Choice, headless: bool, environment: Mapping[str, str]) -> Any:
    """Through Camoufox's own interface, with the binary named, so that it looks for none and fetches none."""
    from camoufox import DefaultAddons
    from camoufox.async_api import AsyncNewBrowser

    return await AsyncNewBrowser(
        playwright,
        headless=headless,
        executable_path=choice.path,
        exclude_addons=[DefaultAddons.UBO],  # else it is fetched from an add-on site
        env=dict(environment),
    )
