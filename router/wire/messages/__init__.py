"""Anthropic's Messages API. Other packages use `SPEC` and the token estimate, nothing else."""

from __future__ import annotations

from router.wire.dialect import DialectSpec
from router.wire.messages.faults import read_fault, render_fault, stream_failure
from router.wire.messages.rename import rename_model
from router.wire.messages.reply_reader import read_reply
from router.wire.messages.reply_writer import write_reply
from router.wire.messages.request_reader import read_request
from router.wire.messages.request_writer import write_request
from router.wire.messages.stream_reader import StreamReader
from router.wire.messages.stream_writer import StreamWriter
from router.wire.sse import typed_frame


def take_over(writer: StreamWriter, reader: StreamReader, place: int) -> bool:
    """See `DialectSpec`."""
    return writer.take_over(place, in_text=reader.in_text)


SPEC = DialectSpec(
    name="messages",
    read_request=read_request,
    write_request=write_request,
    stream_reader=StreamReader,
    stream_writer=StreamWriter,
    read_reply=read_reply,
    write_reply=write_reply,
    read_fault=read_fault,
    render_fault=render_fault,
    stream_failure=stream_failure,
    rename_model=rename_model,
    heartbeat=typed_frame({"type": "ping"}),
    id_prefix="msg_",
    end_mark=typed_frame({"type": "message_stop"}),
    take_over=take_over,
)
