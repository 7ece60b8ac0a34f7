"""Opaque bytes (signatures, encrypted reasoning) on their way through a client that speaks another dialect.

A client whose dialect has a slot for such bytes gets them with our own prefix, ``gw1.<dialect>.<family>.<payload>``.
On the way back the prefix tells whose they are, so that they are never sent to another provider or model family.
"""

from __future__ import annotations

import base64
import binascii

from router.wire.conversation import Dialect, Opaque

PREFIX = "gw1."
_DIALECTS: dict[str, Dialect] = {
    "chat": "chat",
    "responses": "responses",
    "messages": "messages",
    "gemini": "gemini",
}


def wrap(opaque: Opaque) -> str:
    """Text for a foreign dialect's slot. Base64url without padding around family, item id and data."""
    fields = "\0".join((opaque.model or "", opaque.id or "", opaque.data))
    payload = base64.urlsafe_b64encode(fields.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    return f"{PREFIX}{opaque.dialect}.{payload}"


def unwrap(text: str, native: Dialect, item_id: str | None = None) -> Opaque | None:
    """What a client sent back in a slot of `native`: ours by the prefix, else native bytes of an unknown model.

    None where the text carries our prefix but is damaged: such bytes are left out, never forwarded.
    """
    if not text.startswith(PREFIX):
        return Opaque(dialect=native, data=text, id=item_id)
    dialect, _, payload = text[len(PREFIX) :].partition(".")
    owner = _DIALECTS.get(dialect)
    if owner is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode("utf-8", "surrogatepass")
        family, own_id, data = raw.split("\0", 2)
    except (binascii.Error, ValueError):
        return None
    return Opaque(dialect=owner, data=data, model=family or None, id=own_id or None)


def fits(opaque: Opaque | None, target: Dialect, family: str) -> bool:
    """May these bytes be sent to a model of `family` that speaks `target`? Unknown families are given the benefit."""
    if opaque is None or opaque.dialect != target:
        return False
    return opaque.model is None or not family or opaque.model == family


def stamped(opaque: Opaque, family: str) -> Opaque:
    """The same bytes with the family that made them, for those that arrive from upstream."""
    return Opaque(dialect=opaque.dialect, data=opaque.data, model=family or opaque.model, id=opaque.id)
