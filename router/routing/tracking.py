"""Which conversation a call is a part of, for people who look: a pseudonym in records, the ledger and lists. Pure.

Not what keeps a conversation at its account (`router.routing.sessions`): that goes by the model too, and whom it keeps
where is forgotten with it. A pseudonym stays as long as the ledger has its calls. It is keyed with a secret of this
gateway, so that nobody who has the ledger alone can tell whose session it was, or try names until one fits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal, TypeAlias

from router.call import Call
from router.routing.sessions import LARGEST, first_prefix

Tracking: TypeAlias = Literal["off", "named", "all"]
"""No session is told; those that clients name; also conversations that are known by their beginning alone."""
_SIZE = 8


def pseudonyms(secret: str) -> Callable[[Call, Tracking], str]:
    """Gives what the session of a call is called here, 16 hexadecimal characters; "" where it has none, or is not
    tracked. secret: of this gateway; with another one all sessions get other names. Nobody shares a session with
    another client key."""
    key = hashlib.blake2b(f"sessions of calls\0{secret}".encode()).digest()

    def pseudonym(call: Call, tracking: Tracking) -> str:
        if tracking == "off":
            return ""
        if call.session is not None:
            return digest(b"name", call.caller.key_id, call.session.encode("utf-8", "surrogatepass"))
        if tracking == "named" or len(call.body) > LARGEST:
            return ""
        beginning = first_prefix(call.dialect, call.body)
        return "" if beginning is None else digest(b"beginning", call.caller.key_id, beginning)

    def digest(kind: bytes, key_id: str, value: bytes) -> str:
        made = hashlib.blake2b(key=key, digest_size=_SIZE)
        for part in (kind, key_id.encode(), value):
            made.update(len(part).to_bytes(4, "big"))
            made.update(part)
        return made.hexdigest()

    return pseudonym
