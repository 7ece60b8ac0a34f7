"""PKCE (RFC 7636) and the state of an authorisation request: one of each for every login, never used twice.

The state is a value of its own: a verifier that doubles as the state would travel through the browser's address bar.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from hashlib import sha256
from typing import TypeAlias

from router.secret import Secret

Chance: TypeAlias = Callable[[int], bytes]
"""Gives so many unpredictable bytes."""
_BYTES = 32


def verifier(chance: Chance) -> Secret:
    """A code verifier: 32 random bytes as 43 characters (RFC 7636, 4.1)."""
    return Secret(_text(chance(_BYTES)))


def challenge(of: Secret) -> str:
    """The challenge of a verifier by the method S256 (RFC 7636, 4.2)."""
    return _text(sha256(of.reveal().encode("ascii")).digest())


def state(chance: Chance) -> Secret:
    """A state that cannot be guessed (RFC 6749, 10.12)."""
    return Secret(_text(chance(_BYTES)))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")
