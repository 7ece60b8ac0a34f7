"""The door of management: who comes in with a key or with a session, in which role, and who is turned away and why."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from msgspec import Struct

from router.access.credentials import presented_keys
from router.access.guesses import Guesses
from router.access.keys import ClientKey, KeyRing
from router.access.roles import Role, covers, role_of
from router.access.session_tokens import COOKIE, CSRF_HEADER, Session, SessionTokens
from router.clock import Clock
from router.secret import Secret

NO_KEY = "Send the management key as `Authorization: Bearer`; `make up` printed where it is kept."
NO_CSRF = f"Send the session's token as `{CSRF_HEADER}`: a request that changes something needs it beside the cookie."


class Entered(Struct, frozen=True):
    """Who came in. session: None where the key itself was sent."""

    key: ClientKey
    role: Role
    session: Session | None = None


class Turned(Struct, frozen=True):
    """Who did not, and what to tell: an HTTP status and words. retry_after: seconds."""

    status: int
    message: str
    retry_after: float | None = None


RECORDS: Role = "admin"
"""Who may have calls recorded, and read records: they are content of others."""


class Door:
    """One per process."""

    def __init__(self, keys: KeyRing, tokens: SessionTokens, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._guesses = Guesses(clock)
        self.tokens = tokens

    def enter(self, headers: Mapping[str, str], address: str | None, need: Role, *, unsafe: bool) -> Entered | Turned:
        """address: where the request comes from, None for this machine, which is never locked out: one program with an
        old key would lock out everybody here. unsafe: the request changes something. May read from disk."""
        presented = presented_keys(headers)
        if not presented:
            return self._by_session(headers, need, unsafe=unsafe)
        if address is not None and (seconds := self._guesses.locked(address)) > 0:
            return Turned(429, "Too many wrong keys came from this address.", seconds)
        known = [key for secret in presented if (key := self._keys.verify_fresh(secret)) is not None]
        for key in known:
            if role_of(key) is not None:
                if address is not None:
                    self._guesses.right(address)
                return self._checked(key, need, None)
        if not known and address is not None:
            self._guesses.wrong(address)
        return Turned(401, NO_KEY)

    def may_record(self, ticket: str, at: float) -> bool:
        """Whether a call that began then is recorded for this ticket: its key must still be an admin's."""
        key_id = self.tokens.ticket_of(ticket, at)
        key = self._keys.by_id(key_id) if key_id is not None else None
        role = role_of(key) if key is not None else None
        return role is not None and covers(role, RECORDS)

    def _by_session(self, headers: Mapping[str, str], need: Role, *, unsafe: bool) -> Entered | Turned:
        token = _cookie(headers.get("cookie", ""))
        session = self.tokens.read(token, self._clock.wall()) if token else None
        key = self._keys.by_id(session.key_id) if session is not None else None
        if session is None or key is None:
            return Turned(401, NO_KEY)
        if unsafe and not hmac.compare_digest(headers.get(CSRF_HEADER, "").encode(), session.csrf.encode()):
            return Turned(403, NO_CSRF)
        return self._checked(key, need, session)

    def _checked(self, key: ClientKey, need: Role, session: Session | None) -> Entered | Turned:
        role = role_of(key)
        if role is None:
            return Turned(401, NO_KEY)
        if not covers(role, need):
            return Turned(403, f"This needs the role {need}; the key {key.name!r} has the role {role}.")
        return Entered(key, role, session)


def session_secret(state_dir: Path) -> Secret:
    """What sessions are signed with: made once, and kept beside the other keys. Where nothing can be written, a new
    one: sessions then end with the process."""
    path = state_dir / "session.secret"
    for _ in range(2):
        try:
            text = path.read_text(encoding="ascii").strip()
            if len(text) >= 32:
                return Secret(text)
            path.unlink()
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError):
            break
        made = secrets.token_hex(32)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(made)
        except FileExistsError:
            continue  # the other process of a replacement was quicker
        except OSError:
            break
        return Secret(made)
    return Secret(secrets.token_hex(32))


def _cookie(header: str) -> str:
    if COOKIE not in header:
        return ""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""
