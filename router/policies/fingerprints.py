"""What makes two calls the same call, as digests. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from router.call import Call
from router.policies.idempotency import HEADER
from router.wire import codec

_canonical = msgspec.json.Encoder(order="sorted").encode
_packed = msgspec.msgpack.Encoder().encode


def canonical(body: bytes) -> bytes:
    """JSON without spaces and with sorted keys; as it stands where it cannot be written so."""
    try:
        return _canonical(codec.loads(body))
    except (codec.Malformed, UnicodeError, msgspec.MsgspecError, RecursionError, TypeError, ValueError):
        return body


def of_request(call: Call, surface: str, *, array: bool) -> bytes:
    """Everything that a caller asks for. surface: name of the path's family. array: whether
    a stream is asked for as a JSON array."""
    headers = sorted((name, value) for name, value in call.headers.items() if name != HEADER)
    facts = (
        call.caller.key_id,
        surface,
        call.dialect,
        call.asked,
        call.stream,
        array,
        call.pinned,
        headers,
    )
    return blake2b(_packed(facts) + canonical(call.body), digest_size=32).digest()


def of_call(
    request: bytes, call: Call, targets: Iterable[tuple[str, str]], suffix: object, continued: bytes = b""
) -> bytes:
    """A call with those who may answer it, in whatever order they take turns, and how it is to be treated. request:
    `of_request`. suffix: what the name of the model asks for. continued: the body with the conversation that the
    caller's body only names."""
    facts = (request, sorted(set(targets)), repr(suffix), call.strict, call.thinking_output, call.resume)
    return blake2b(_packed(facts) + (canonical(continued) if continued else b""), digest_size=32).digest()
