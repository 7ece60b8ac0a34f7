"""Sessions of the dashboard: a signed cookie in the place of the key, so that no browser keeps the key itself. Pure.

A token names the key that opened the session, its end, and is signed with a secret of this gateway; it counts as long
as that key does. Nothing is stored, so both processes of a replacement know every session. Tickets, which let calls be
recorded for some minutes, are made the same way.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from hashlib import sha256

from msgspec import Struct

from router.secret import Secret

COOKIE = "switchyard_session"
CSRF_HEADER = "x-switchyard-csrf"
LASTS = 12 * 3600.0
"""Seconds."""
TICKET_LASTS = 120.0
"""Seconds within which a call with a ticket must begin."""
_LONGEST = 512


class Session(Struct, frozen=True):
    """key_id: of the key that opened it. ends: Unix seconds. csrf: what unsafe requests must send beside the cookie."""

    key_id: str
    ends: float
    csrf: str


class SessionTokens:
    """secret: 32 bytes, the same for all processes of this gateway. random: bytes that nobody can foresee."""

    def __init__(self, secret: Secret, random: Callable[[int], bytes]) -> None:
        self._secret = secret.reveal().encode()
        self._random = random

    def issue(self, key_id: str, now: float) -> tuple[str, Session]:
        """The cookie's value, and what it says."""
        ends = now + LASTS
        said = f"{key_id}.{ends:.0f}.{_text(self._random(16))}"
        token = f"{said}.{self._sign('session', said)}"
        return token, Session(key_id, float(round(ends)), self._sign("csrf", said))

    def read(self, token: str, now: float) -> Session | None:
        """The session of a cookie; None where it is not ours or is over."""
        said, _, signature = token[:_LONGEST].rpartition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign("session", said).encode()):
            return None
        key_id, ends, _ = said.split(".")
        return Session(key_id, float(ends), self._sign("csrf", said)) if now < float(ends) else None

    def ticket(self, key_id: str, now: float) -> tuple[str, float]:
        """What lets calls be recorded that begin soon, and when that ends."""
        ends = int(now + TICKET_LASTS)
        said = f"{key_id}.{ends}"
        return f"{said}.{self._sign('record', said)}", float(ends)

    def ticket_of(self, ticket: str, at: float) -> str | None:
        """The id of the key that a ticket was made for; None where it is not ours, or is over at that time."""
        said, _, signature = ticket[:_LONGEST].rpartition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign("record", said).encode()):
            return None
        key_id, _, ends = said.rpartition(".")
        return key_id if at < float(ends) else None

    def _sign(self, purpose: str, said: str) -> str:
        return _text(hmac.digest(self._secret, f"{purpose}\0{said}".encode("utf-8", "replace"), sha256))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
