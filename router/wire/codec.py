"""JSON in and out: fast, and forgiving where real peers are odd.

msgspec does the work. It refuses lone surrogates (``"\\ud83d"`` cut from its other half by a stream delta) and some
numbers; then the standard library takes over, which carries both. Key order is kept; integers of any size are exact.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from router.wire.conversation import Json, JsonObject

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Malformed(ValueError):
    """Not JSON, or nested too deeply. The text says where, without quoting the content."""


class Peek(msgspec.Struct):
    """The two fields that every request is routed by, typed loosely: the reader says what is wrong with them."""

    model: Any = None
    stream: Any = None


_peek = msgspec.json.Decoder(Peek).decode
raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""The top-level values of a JSON object as raw bytes. Raises `msgspec.DecodeError`."""


def loads(data: bytes | bytearray | memoryview | str) -> Json:
    """Decode one JSON value. Raises `Malformed`."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeError):
        return _loads_slowly(data)
    except RecursionError as error:
        raise Malformed("JSON is nested too deeply") from error


def _loads_slowly(data: bytes | bytearray | memoryview | str) -> Json:
    try:
        return json.loads(data if isinstance(data, str) else bytes(data), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Malformed(f"{error.msg} at line {error.lineno} column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise Malformed(f"not valid UTF-8 at byte {error.start}") from error
    except ValueError as error:
        raise Malformed(str(error)) from error
    except RecursionError as error:
        raise Malformed("JSON is nested too deeply") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def dumps(value: Json) -> bytes:
    """Encode compactly, non-ASCII kept, key order kept; lone surrogates become ``\\udXXX`` escapes."""
    try:
        return _encode(value)
    except (UnicodeError, msgspec.EncodeError, OverflowError):
        return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def dumps_text(value: Json) -> str:
    """`dumps` as text, for arguments that travel as a JSON string."""
    return dumps(value).decode("utf-8")


def peek(data: bytes) -> Peek:
    """Find `model` and `stream` without decoding the rest. Raises `Malformed`, also where the body is no object."""
    try:
        return _peek(data)
    except (msgspec.DecodeError, UnicodeError):
        value = _loads_slowly(data)
        if not isinstance(value, dict):
            raise Malformed("the body must be a JSON object") from None
        return Peek(model=value.get("model"), stream=value.get("stream"))
    except RecursionError as error:
        raise Malformed("JSON is nested too deeply") from error


def top_level(data: bytes, key: str) -> Json:
    """One top-level value of a JSON object, decoded; None where the key is absent. Raises `Malformed`."""
    try:
        raw = raw_members(data).get(key)
        return None if raw is None else _decode(raw)
    except (msgspec.DecodeError, UnicodeError):
        value = _loads_slowly(data)
        return value.get(key) if isinstance(value, dict) else None
    except RecursionError as error:
        raise Malformed("JSON is nested too deeply") from error


def replace_top_level(data: bytes, replacements: JsonObject) -> bytes:
    """Re-emit a JSON object from its top-level raw values, with some keys set (or removed: value `REMOVE`).

    Values that are not replaced keep their bytes and the keys their order, so that what was checked is what is sent
    (a duplicated key appears once, with its last value). Raises `Malformed`.
    """
    try:
        top: dict[str, Any] = dict(raw_members(data))
        for key, value in replacements.items():
            if value is REMOVE:
                top.pop(key, None)
            else:
                top[key] = value
        return _encode(top)
    except (msgspec.DecodeError, msgspec.EncodeError, UnicodeError):
        value = _loads_slowly(data)
        if not isinstance(value, dict):
            raise Malformed("the body must be a JSON object") from None
        for key, new in replacements.items():
            if new is REMOVE:
                value.pop(key, None)
            else:
                value[key] = new
        return dumps(value)
    except RecursionError as error:
        raise Malformed("JSON is nested too deeply") from error


REMOVE = object()
"""For `replace_top_level`: take the key out."""
