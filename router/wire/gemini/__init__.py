"""The Gemini dialect: ``generateContent`` of Google AI and Vertex AI."""

from __future__ import annotations

from router.faults import Fault
from router.wire.dialect import DialectSpec, StreamReader
from router.wire.gemini.count_tokens import read_count, read_total, write_count, write_count_request
from router.wire.gemini.faults import in_stream, read_fault, render_fault
from router.wire.gemini.json_array import array_close, as_array_item
from router.wire.gemini.reply_reader import read_reply, rename_model
from router.wire.gemini.reply_writer import write_reply
from router.wire.gemini.request_reader import read_request
from router.wire.gemini.request_writer import write_request
from router.wire.gemini.stream_reader import GeminiStreamReader
from router.wire.gemini.stream_writer import GeminiStreamWriter

__all__ = [
    "SPEC",
    "array_close",
    "as_array_item",
    "read_count",
    "read_total",
    "write_count",
    "write_count_request",
]


def _stream_failure(fault: Fault, reader: StreamReader) -> list[bytes]:
    return in_stream(fault)


SPEC = DialectSpec(
    name="gemini",
    read_request=read_request,
    write_request=write_request,
    stream_reader=GeminiStreamReader,
    stream_writer=GeminiStreamWriter,
    read_reply=read_reply,
    write_reply=write_reply,
    read_fault=read_fault,
    render_fault=render_fault,
    stream_failure=_stream_failure,
    rename_model=rename_model,
    heartbeat=b"",
    id_prefix="",
)
