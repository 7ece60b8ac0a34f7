"""OpenAI Chat Completions."""

from __future__ import annotations

from router.wire.chat.faults import read_fault, rename_model, render_fault, stream_failure
from router.wire.chat.glance import glance
from router.wire.chat.reply_reader import read_reply
from router.wire.chat.reply_writer import write_reply
from router.wire.chat.request_reader import read_request
from router.wire.chat.request_writer import write_request
from router.wire.chat.stream_reader import ChatStreamReader
from router.wire.chat.stream_writer import ChatStreamWriter
from router.wire.dialect import DialectSpec
from router.wire.sse import COMMENT_HEARTBEAT, DONE_FRAME


def take_over(writer: ChatStreamWriter, reader: ChatStreamReader, place: int) -> bool:
    """See `DialectSpec`. Clients put calls together by their index."""
    return reader.numbered_calls


SPEC = DialectSpec(
    name="chat",
    read_request=read_request,
    write_request=write_request,
    stream_reader=ChatStreamReader,
    stream_writer=ChatStreamWriter,
    read_reply=read_reply,
    write_reply=write_reply,
    read_fault=read_fault,
    render_fault=render_fault,
    stream_failure=stream_failure,
    rename_model=rename_model,
    heartbeat=COMMENT_HEARTBEAT,
    id_prefix="chatcmpl-",
    end_mark=DONE_FRAME,
    glance=glance,
    take_over=take_over,
)
