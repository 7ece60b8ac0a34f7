"""Profiles: one file per Google account, with what a browser holds after a sign-in, and how each account is doing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from router.faults import Fault
from router.vault.cipher import Locked
from router.vault.keys import AccountVault
from router.vault.profiles import DEFAULT, OTHERS, ProfileFiles, storage_state
from services.aistudio import notices
from services.aistudio.settings import Settings

State = Literal["ready", "needs_login", "limited"]


class Health(Struct, frozen=True, kw_only=True):
    """How an account is doing. until: wall time; reason: for a person."""

    state: State = "ready"
    until: float | None = None
    reason: str = ""


class ProfileError(ValueError):
    """A profile that cannot be used; the message names it."""


class Profiles:
    """The folder of profiles. vault: encrypts them, as it does with the accounts of its folder; None: plain files."""

    def __init__(self, folder: Path, vault: AccountVault | None = None) -> None:
        self.folder = folder
        self._files = ProfileFiles(folder, vault)
        self._health: dict[str, Health] = {}
        self._seen: dict[str, int] = {}

    def names(self) -> list[str]:
        """All profiles, `default` first."""
        found = (name for name in self._files.names() if not name.startswith(OTHERS))
        return sorted(found, key=lambda name: name != DEFAULT)

    def load(self, name: str) -> dict[str, Any]:
        """The storage state. Raises `ProfileError`."""
        path = self._path(name)
        try:
            self._seen[name] = path.stat().st_mtime_ns
            held = json.loads(self._files.read(name))
        except Locked as error:
            raise ProfileError(f'The profile "{name}" ({path}) cannot be decrypted: {error}.') from error
        except (OSError, ValueError) as error:
            raise ProfileError(f'The profile "{name}" cannot be read from {path}: {type(error).__name__}.') from error
        return checked(held, str(path))

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write a profile at once or not at all, readable by its owner only."""
        path = self._path(name)
        self._files.write(name, json.dumps(state, ensure_ascii=False).encode())
        self._seen[name] = path.stat().st_mtime_ns

    def replace(self, name: str, state: dict[str, Any]) -> None:
        """Write a profile that a sign-in or a file brought: an open context of the old one is thrown away."""
        self.save(name, state)
        self._seen.pop(name, None)
        self.good(name)

    def changed(self, name: str) -> bool:
        """Whether somebody else has written the file since it was loaded or saved here."""
        try:
            return self._path(name).stat().st_mtime_ns != self._seen.get(name)
        except OSError:
            return True

    def import_file(self, name: str, source: Path) -> None:
        """Take over a storage state, or a plain list of cookies, from a file. Raises `ProfileError`."""
        try:
            held = json.loads(source.read_bytes())
        except (OSError, ValueError) as error:
            raise ProfileError(f"{source} cannot be read as JSON: {type(error).__name__}.") from error
        self.replace(name, checked(storage_state(held) or held, str(source)))

    def health(self, name: str, now: float) -> Health:
        found = self._health.get(name, Health())
        return Health() if found.until is not None and found.until <= now else found

    def good(self, name: str) -> None:
        """The account has answered, or has been signed in."""
        self._health.pop(name, None)

    def trouble(self, name: str, fault: Fault, now: float) -> bool:
        """Remember what a fault says about the account; True where another account may do better."""
        if fault.code == notices.NEEDS_LOGIN:
            self._health[name] = Health(state="needs_login", reason=fault.message)
        elif fault.kind in ("rate_limited", "quota_spent"):
            until = now + (fault.retry_after or notices.RATE_COOLING)
            self._health[name] = Health(state="limited", until=until, reason=fault.message)
        else:
            return False
        return True

    def usable(self, now: float) -> list[str]:
        """The accounts that may be asked now. Raises `Fault` that names why there is none."""
        names = self.names()
        if not names:
            raise Fault(
                "unavailable",
                "There is no AI Studio profile yet. Sign in: switchyard login aistudio",
                code=notices.NEEDS_LOGIN,
            )
        told = {name: self.health(name, now) for name in names}
        usable = [name for name, health in told.items() if health.state == "ready"]
        if usable:
            return usable
        limited = [health.until - now for health in told.values() if health.until is not None]
        reasons = "; ".join(f"{name}: {health.reason}" for name, health in told.items())
        if limited:
            raise Fault("rate_limited", f"Every AI Studio account rests. {reasons}", retry_after=min(limited))
        raise Fault("upstream_auth", f"Every AI Studio account is signed out. {reasons}", code=notices.NEEDS_LOGIN)

    def _path(self, name: str) -> Path:
        try:
            return self._files.path(name)
        except ValueError:
            text = f'"{name[:80]}" is no name of a profile; use small letters, digits, dots and dashes.'
            raise ProfileError(text) from None


class AttachedProfiles(Profiles):
    """The one session of a person's own browser: it stays there, nothing is read or written."""

    def names(self) -> list[str]:
        return [DEFAULT]

    def load(self, name: str) -> dict[str, Any]:
        return {"cookies": [], "origins": []}

    def save(self, name: str, state: dict[str, Any]) -> None:
        return None

    def changed(self, name: str) -> bool:
        return False


def profiles_of(settings: Settings, vault: AccountVault | None = None) -> Profiles:
    """Those of the settings."""
    attached = settings.browser.engine == "attach"
    return (AttachedProfiles if attached else Profiles)(settings.profiles, vault)


def checked(held: Any, where: str) -> dict[str, Any]:
    """A storage state in Playwright's form; Raises `ProfileError`."""
    if not isinstance(held, dict) or not isinstance(held.get("cookies"), list):
        raise ProfileError(f"{where} is no storage state: it needs a list of cookies.")
    if not all(isinstance(each, dict) and {"name", "value", "domain"} <= set(each) for each in held["cookies"]):
        raise ProfileError(f"{where}: a cookie needs a name, a value and a domain.")
    cookies = [_cookie(each) for each in held["cookies"]]
    origins = held.get("origins")
    sessions = held.get("sessionStorage")
    return {
        "cookies": cookies,
        "origins": origins if isinstance(origins, list) else [],
        "sessionStorage": sessions if isinstance(sessions, dict) else {},
    }


def _cookie(given: dict[str, Any]) -> dict[str, Any]:
    """A cookie as Playwright takes it, also of a list that a browser's extension has written."""
    cookie = {"path": "/", **{key: given[key] for key in _COOKIE if given.get(key) is not None}}
    if "expires" not in cookie and isinstance(given.get("expirationDate"), int | float):
        cookie["expires"] = given["expirationDate"]
    site = _SAME_SITE.get(str(cookie.pop("sameSite", "")).lower())
    return {**cookie, "sameSite": site} if site is not None else cookie


_SAME_SITE = {"strict": "Strict", "lax": "Lax", "none": "None", "no_restriction": "None"}
_COOKIE = ("name", "value", "domain", "path", "expires", "httpOnly", "secure", "sameSite", "partitionKey")
