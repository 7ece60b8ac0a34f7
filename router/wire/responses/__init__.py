"""OpenAI Responses."""

from __future__ import annotations

import msgspec

from router.wire.codec import raw_members, replace_top_level
from router.wire.dialect import DialectSpec
from router.wire.responses.faults import read_fault, render_fault, stream_failure
from router.wire.responses.reply_reader import read_reply
from router.wire.responses.reply_writer import write_reply
from router.wire.responses.request_reader import read_request
from router.wire.responses.request_writer import write_request
from router.wire.responses.stream_reader import ResponsesStreamReader
from router.wire.responses.stream_writer import ResponsesStreamWriter
from router.wire.sse import COMMENT_HEARTBEAT


def rename_model(data: bytes, shown: str) -> bytes:
    """`model` of the response, which is the body itself or stands in a lifecycle event; nothing else is touched."""
    if b'"model"' not in data:
        return data
    try:
        top = raw_members(data)
        if "response" in top:
            response = bytes(top["response"])
            if "model" not in raw_members(response):
                return data
            return replace_top_level(data, {"response": msgspec.Raw(replace_top_level(response, {"model": shown}))})
        return replace_top_level(data, {"model": shown}) if "model" in top else data
    except (msgspec.DecodeError, UnicodeError):
        return data


def take_over(writer: ResponsesStreamWriter, reader: ResponsesStreamReader, place: int) -> bool:
    """See `DialectSpec`."""
    return writer.take_over(reader.names, place)


SPEC = DialectSpec(
    name="responses",
    read_request=read_request,
    write_request=write_request,
    stream_reader=ResponsesStreamReader,
    stream_writer=ResponsesStreamWriter,
    read_reply=read_reply,
    write_reply=write_reply,
    read_fault=read_fault,
    render_fault=render_fault,
    stream_failure=stream_failure,
    rename_model=rename_model,
    heartbeat=COMMENT_HEARTBEAT,
    id_prefix="resp_",
    take_over=take_over,
)
