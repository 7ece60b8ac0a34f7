"""Opaque values as real servers make them: bound to their dialect, the model family and what they sign."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_KEY = b"the simulators' own secret"
_HEAD = {"messages": b"\x12\xcd", "gemini": b"\x0a\x9c", "responses": b"\x80gA"}


def issue(dialect: str, family: str, subject: str, nonce: str) -> str:
    """A signature of `subject` that only `family` of `dialect` accepts. Standard base64, about 150 characters."""
    salt = hashlib.sha256(nonce.encode()).digest()[:24]
    mac = _mac(dialect, family, subject, salt)
    return base64.b64encode(_HEAD[dialect] + salt + mac + hashlib.sha512(mac).digest()[:48]).decode()


def verify(signature: object, dialect: str, family: str, subject: str) -> bool:
    """Whether `signature` was issued for exactly this."""
    if not isinstance(signature, str):
        return False
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    salt, mac = raw[len(_HEAD[dialect]) :][:24], raw[len(_HEAD[dialect]) + 24 :][:32]
    expected = _mac(dialect, family, subject, salt)
    rest = hashlib.sha512(mac).digest()[:48]
    whole = _HEAD[dialect] + salt + expected + rest
    return hmac.compare_digest(raw, whole)


def _mac(dialect: str, family: str, subject: str, salt: bytes) -> bytes:
    return hmac.new(_KEY, f"{dialect}\n{family}\n{subject}".encode() + salt, hashlib.sha256).digest()
