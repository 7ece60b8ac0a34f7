"""Ids of conversations that can go on: the page's own ids, sealed, so that nothing has to be kept here.

Whoever holds an id can go on with that one chat, through this service; nobody can make one up.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256

import msgspec

from router.faults import Fault, bad_request
from router.vault.cipher import Locked, Vault
from services.webai.asking import Conversation

PREFIX = "conv_"
_NAME = "webai conversation"
_MOST = 16 * 1024
_decoder = msgspec.json.Decoder(Conversation)


def seal(conversation: Conversation, key: str) -> str:
    """An id for a client. key: the service's."""
    sealed = _vault(key).seal(msgspec.json.encode(conversation), _NAME)
    return PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def opened(text: str, key: str) -> Conversation:
    """The chat that an id stands for. Raises `Fault`."""
    body = text.removeprefix(PREFIX)
    try:
        if not text.startswith(PREFIX) or len(text) > _MOST:
            raise Locked("it is none")
        sealed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        return _decoder.decode(_vault(key).open(sealed, _NAME))
    except (Locked, binascii.Error, msgspec.DecodeError, ValueError):
        raise bad_request(
            "conversation_id is none of this service's, or the service key has changed since: begin a new one with "
            '"new".',
            "conversation_id",
            code="conversation_not_found",
        ) from None


def _vault(key: str) -> Vault:
    if not key:
        raise Fault("unavailable", "There is no service key, which conversation ids are made with.")
    return Vault(sha256(b"switchyard webai conversations\0" + key.encode()).digest())
