"""The accounts of Gemini's web page: their cookies on disk, how each is doing, and when its cookies are rotated."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, to_builtins

from router.faults import Fault, bad_request
from router.secret import Secret
from router.vault.cipher import Locked
from router.vault.keys import AccountVault
from router.vault.profiles import NAME, OTHERS, ProfileFiles
from services.webai.limits import Limits, ModelLimit, Rest
from services.webai.settings import Cookies

_log = logging.getLogger("switchyard.webai.accounts")
NEEDS_LOGIN = "needs_login"
PSID, PSIDTS = "__Secure-1PSID", "__Secure-1PSIDTS"
DOMAIN = ".google.com"
_OWN = "webai"
"""The member of a profile's file that is ours; the rest is Playwright's storage state."""
_FAILURES = 3
"""Answers in a row that may fail before an account rests."""
_UNREACHABLE = 30.0

FOR_A_PERSON = frozenset({NEEDS_LOGIN, "refused"})

State = Literal["starting", "ready", "limited", "needs_login", "refused", "unreachable"]


class Health(Struct, frozen=True, kw_only=True):
    """How an account is doing. until: wall time after which it is asked again; reason: for a person."""

    state: State = "starting"
    until: float | None = None
    reason: str = ""


class Profile(Struct, frozen=True, kw_only=True):
    """What is kept of an account. rotated: wall time at which its cookies were new."""

    cookies: Cookies
    rotated: float


def due(rotated: float, lifetime: float, lead: float) -> float:
    """When cookies are to be rotated: `lead` before the end that is assumed. Wall times and seconds."""
    return rotated + lifetime - lead


def checked_name(name: str) -> str:
    """Raises `Fault` for what is no name of an account."""
    if not NAME.fullmatch(OTHERS + name) or name.startswith("."):
        text = f'"{name[:80]}" is no name of an account; use small letters, digits, dots and dashes.'
        raise bad_request(text, "name")
    return name


def of_state(held: Any) -> Cookies | None:
    """The two cookies in a storage state, a list of cookies, or a mapping of them; None where the first is missing."""
    if isinstance(held, dict) and "cookies" in held:
        held = held["cookies"]
    found: dict[str, str] = {}
    if isinstance(held, dict):
        found = {str(name): value for name, value in held.items() if isinstance(value, str)}
    elif isinstance(held, list):
        for each in held:
            google = isinstance(each, dict) and str(each.get("domain", "")).lstrip(".").endswith("google.com")
            if google and isinstance(each.get("value"), str):
                found[str(each.get("name"))] = each["value"]
    found = {name.replace("_", "-").lower(): value.strip() for name, value in found.items()}
    psid = found.get("--secure-1psid") or found.get("secure-1psid")
    psidts = found.get("--secure-1psidts") or found.get("secure-1psidts") or ""
    return Cookies(secure_1psid=Secret(psid), secure_1psidts=Secret(psidts)) if psid else None


class Accounts:
    """The profiles `webai-<name>` of a folder, encrypted as those of AI Studio are, and the health of each."""

    def __init__(
        self, folder: Path, vault: AccountVault | None, wall: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        """changed: called when the health of an account became another."""
        self._files = ProfileFiles(folder, vault)
        self._wall = wall
        self._changed = changed
        self._health: dict[str, Health] = {}
        self._seen: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._limits = Limits()
        self._turn = 0

    def names(self) -> list[str]:
        """All accounts, in order."""
        return [name.removeprefix(OTHERS) for name in self._files.names() if name.startswith(OTHERS)]

    def load(self, name: str) -> Profile:
        """What is kept of an account. Raises `Fault`."""
        path = self._path(name)
        try:
            self._seen[name] = path.stat().st_mtime_ns
            held = json.loads(self._files.read(OTHERS + name))
        except FileNotFoundError:
            raise Fault("not_found", f'There is no account "{name}".') from None
        except Locked as error:
            raise Fault("unavailable", f'The account "{name}" ({path}) cannot be decrypted: {error}.') from None
        except (OSError, ValueError) as error:
            what = type(error).__name__
            raise Fault("unavailable", f'The account "{name}" cannot be read from {path}: {what}.') from None
        cookies = of_state(held)
        if cookies is None:
            raise Fault("unavailable", f'The account "{name}" ({path}) has no cookie {PSID}.', code=NEEDS_LOGIN)
        own = held.get(_OWN) if isinstance(held, dict) else None
        rotated = own.get("rotated") if isinstance(own, dict) else None
        if isinstance(rotated, bool) or not isinstance(rotated, int | float):
            rotated = path.stat().st_mtime
        return Profile(cookies=cookies, rotated=float(rotated))

    def save(self, name: str, cookies: Cookies) -> None:
        """Keep cookies that are new now: whole or not at all, readable by the owner only. Raises `OSError`."""
        end = -1
        both = ((PSID, cookies.secure_1psid), (PSIDTS, cookies.secure_1psidts))
        state = {
            "cookies": [
                {"name": key, "value": value.reveal(), "domain": DOMAIN, "path": "/", "expires": end, "secure": True}
                for key, value in both
                if value
            ],
            "origins": [],
            _OWN: {"rotated": self._wall()},
        }
        self._files.write(OTHERS + name, json.dumps(state).encode())
        self._seen[name] = self._path(name).stat().st_mtime_ns

    def remove(self, name: str) -> None:
        """Forget an account. Raises `Fault` where there is none."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            raise Fault("not_found", f'There is no account "{name}".') from None
        self._health.pop(name, None)
        self._limits.drop(name)
        self._changed()

    def rewritten(self, name: str) -> bool:
        """Whether somebody else has written or removed the file since it was loaded or saved here."""
        if name not in self._seen:
            return False
        try:
            return self._path(name).stat().st_mtime_ns != self._seen[name]
        except OSError:
            return True

    def forget(self, name: str) -> None:
        """What was known of an account whose file is another one now."""
        self._seen.pop(name, None)
        self._failures.pop(name, None)
        self._limits.drop(name)
        self.set(name, Health())

    def renewed(self, name: str) -> None:
        """It has new cookies, which may be another person's: what was known of it holds no more."""
        self._limits.drop(name)
        self.set(name, Health(state="ready"))

    def health(self, name: str) -> Health:
        """How it is doing now."""
        found = self._health.get(name, Health())
        if found.until is not None and found.until <= self._wall():
            return Health(state="starting" if found.state == "unreachable" else "ready")
        return found

    def set(self, name: str, health: Health) -> None:
        """Remember how an account is doing."""
        before = self._health.get(name, Health())
        self._health[name] = health
        if health.state == "ready":
            self._failures.pop(name, None)
        if before.state != health.state:
            _log.info("account %s: %s%s", name, health.state, f", {health.reason}" if health.reason else "")
            self._changed()

    def trouble(self, name: str, fault: Fault, rest: float, *, model: str = "", opening: bool = False) -> None:
        """Remember what a fault says about an account, if anything. rest: seconds without a hint. model: which was
        asked for. opening: whether the page did not even open; else a few answers in a row have to fail."""
        now = self._wall()
        if isinstance(fault, ModelLimit) and model:
            self._limits.put(name, model, Rest(until=now + (fault.retry_after or rest), reason=fault.message))
            _log.info("account %s: %s rests, %s", name, model, fault.message)
            self._changed()
        elif fault.code == NEEDS_LOGIN:
            self.set(name, Health(state="needs_login", reason=fault.message))
        elif fault.kind == "refused":
            self.set(name, Health(state="refused", reason=fault.message))
        elif fault.kind in ("rate_limited", "quota_spent"):
            self.set(name, Health(state="limited", until=now + (fault.retry_after or rest), reason=fault.message))
        elif fault.kind in ("unavailable", "upstream_broken", "timeout"):
            failures = self._failures[name] = self._failures.get(name, 0) + 1
            if opening or failures >= _FAILURES:
                until = now + (fault.retry_after or _UNREACHABLE)
                self.set(name, Health(state="unreachable", until=until, reason=fault.message))

    def usable(self) -> list[str]:
        """Those that may be asked now; the next one first each time."""
        found = [name for name in self.names() if self.health(name).state in ("ready", "starting")]
        self._turn += 1
        cut = self._turn % len(found) if found else 0
        return found[cut:] + found[:cut]

    def resting(self, name: str, model: str) -> Fault | None:
        """Why an account cannot be asked for one of its models now, if so."""
        now = self._wall()
        rest = self._limits.of(name, now).get(model)
        if rest is None:
            return None
        return Fault("rate_limited", f"{name} rests for {model}. {rest.reason}", retry_after=max(1.0, rest.until - now))

    def told(self) -> list[dict[str, str]]:
        """Every account as routers hear of it."""
        return [{"name": name, "state": self.health(name).state, "cause": self._words(name)} for name in self.names()]

    def listed(self) -> list[dict[str, Any]]:
        """Every account for people and for routers that ask. resting: which of its models rest, and until when."""
        return [
            {
                "name": name,
                **to_builtins(self.health(name)),
                "reason": self._words(name),
                "resting": to_builtins(self._limits.of(name, self._wall())),
            }
            for name in self.names()
        ]

    def _words(self, name: str) -> str:
        resting = self._limits.of(name, self._wall())
        return self.health(name).reason or "; ".join(f"{model}: {rest.reason}" for model, rest in resting.items())

    def for_a_person(self) -> dict[str, str]:
        """Those that nothing but a person can bring back, and why."""
        found = ((name, self.health(name)) for name in self.names())
        return {name: health.reason or health.state for name, health in found if health.state in FOR_A_PERSON}

    def why_none(self) -> Fault:
        """Why none can be asked: the fault for a caller."""
        told = {name: self.health(name) for name in self.names()}
        if not told:
            text = "There is no account of Gemini's web page yet: PUT /v1/accounts/{name}, or the settings."
            return Fault("upstream_auth", text, code=NEEDS_LOGIN)
        reasons = "; ".join(f"{name}: {health.reason or health.state}" for name, health in told.items())
        waits = [health.until - self._wall() for health in told.values() if health.until is not None]
        states = {health.state for health in told.values()}
        if "limited" in states:
            return Fault("rate_limited", f"Every account rests. {reasons}", retry_after=max(1.0, min(waits)))
        if "unreachable" in states:
            text = f"Gemini's page cannot be reached. {reasons}"
            return Fault("unavailable", text, retry_after=max(1.0, min(waits)))
        if states == {"refused"}:
            return Fault("refused", f"Google refuses every account. {reasons}")
        return Fault("upstream_auth", f"Every account is signed out. {reasons}", code=NEEDS_LOGIN)

    def _path(self, name: str) -> Path:
        return self._files.path(OTHERS + checked_name(name))
