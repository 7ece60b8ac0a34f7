"""Profiles: one file per Google account, with what a browser holds after a sign-in, and how each account is doing."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from router.faults import Fault
from services.aistudio import notices

NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,62}$")
DEFAULT = "default"
State = Literal["ready", "needs_login", "limited"]
Codec = Callable[[bytes], bytes]


def _as_it_is(data: bytes) -> bytes:
    return data


class Health(Struct, frozen=True, kw_only=True):
    """How an account is doing. until: wall time; reason: for a person."""

    state: State = "ready"
    until: float | None = None
    reason: str = ""


class ProfileError(ValueError):
    """A profile that cannot be used; the message names it."""


class Profiles:
    """The folder of profiles. seal, unseal: how the bytes are kept on disk (encryption, where there is a vault)."""

    def __init__(self, folder: Path, *, seal: Codec = _as_it_is, unseal: Codec = _as_it_is) -> None:
        self.folder = folder
        self._seal = seal
        self._unseal = unseal
        self._health: dict[str, Health] = {}
        self._seen: dict[str, int] = {}

    def names(self) -> list[str]:
        """All profiles, `default` first."""
        found = sorted(path.stem for path in self.folder.glob("*.json") if NAME.match(path.stem))
        return sorted(found, key=lambda name: name != DEFAULT)

    def load(self, name: str) -> dict[str, Any]:
        """The storage state. Raises `ProfileError`."""
        path = self._path(name)
        try:
            self._seen[name] = path.stat().st_mtime_ns
            held = json.loads(self._unseal(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise ProfileError(f'The profile "{name}" cannot be read from {path}: {type(error).__name__}.') from error
        return checked(held, str(path))

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write a profile at once or not at all, readable by its owner only."""
        path = self._path(name)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = self._seal(json.dumps(state, ensure_ascii=False).encode())
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=self.folder)  # 0600 by nature
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
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
        self.replace(name, checked({"cookies": held, "origins": []} if isinstance(held, list) else held, str(source)))

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
        if not NAME.match(name):
            raise ProfileError(f'"{name[:80]}" is no name of a profile; use letters, digits, dots and dashes.')
        return self.folder / f"{name}.json"


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
