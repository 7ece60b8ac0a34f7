"""Errors of the Chat dialect. The envelope is OpenAI's, shared with Responses (`router.wire.openai_errors`)."""

from __future__ import annotations

import msgspec

from router.faults import Fault
from router.wire.chat.stream_writer import failure
from router.wire.codec import Malformed, dumps, loads, raw_members
from router.wire.dialect import StreamReader
from router.wire.openai_errors import read as read_fault
from router.wire.openai_errors import render as render_fault

__all__ = ["read_fault", "rename_model", "render_fault", "stream_failure"]

_encode = msgspec.json.Encoder().encode


def stream_failure(fault: Fault, reader: StreamReader) -> list[bytes]:
    """`StreamWriter.fail` for the raw lane; a Chat error chunk needs nothing of what came before."""
    return failure(fault)


def rename_model(data: bytes, shown: str) -> bytes:
    """`data` with its top-level model replaced, all other values byte for byte; unchanged where there is none."""
    if b'"model"' not in data:
        return data
    try:
        top = raw_members(data)
        if "model" not in top:
            return data
        return _encode({**top, "model": shown})
    except (msgspec.DecodeError, msgspec.EncodeError, UnicodeError):
        return _rename_slowly(data, shown)


def _rename_slowly(data: bytes, shown: str) -> bytes:
    """For what only the standard library reads (lone surrogates), and for ``[DONE]`` and other text, which stays."""
    try:
        value = loads(data)
    except Malformed:
        return data
    return dumps({**value, "model": shown}) if isinstance(value, dict) and "model" in value else data
