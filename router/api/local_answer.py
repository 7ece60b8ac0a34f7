"""An answer that this gateway gives itself, in the caller's dialect."""

from __future__ import annotations

from router.api.reply import Reply
from router.call import Call, Record
from router.policies.housekeeping import KINDS, Housekept, answer_to
from router.providers.run import context_of, with_conversation
from router.settings.policy_blocks import Housekeeping
from router.wire import codec
from router.wire.dialect import DialectSpec
from router.wire.events import Ended, Event, Finished, Started, TextDelta, Usage, UsageReported
from router.wire.fold import fold
from router.wire.messages.count_tokens import estimate
from router.wire.notes import header_value
from router.wire.written import Note

HERE = "switchyard"
"""What stands in the place of a provider's name."""


def housekept(call: Call, wanted: Housekeeping) -> Housekept | None:
    """What this gateway answers itself; None where a model is to be asked."""
    kinds = [kind for kind in KINDS if getattr(wanted, kind)]
    return answer_to(call, kinds) if kinds else None


async def answer_here(spec: DialectSpec, call: Call, record: Record, reply: Reply, said: Housekept) -> None:
    """Say it as a model would. The record names no provider: nobody was asked, and nothing was used."""
    call = with_conversation(call, spec)
    if call.conversation is None:
        raise ValueError("the call was not read")
    record.notes = (*call.notes, Note("policy", "housekeeping"), Note("policy", said.kind))
    headers = {
        "x-switchyard-provider": HERE,
        "x-switchyard-attempts": "0",
        "x-switchyard-notes": header_value(record.notes),
    }
    context = context_of(call, call.conversation)
    events: list[Event] = [
        Started(response_id=call.response_id, model=call.asked),
        TextDelta(said.text),
        Finished("length" if said.cut else "end"),
        UsageReported(Usage(input=estimate(call.conversation), estimated=True) if said.counted else Usage()),
        Ended(),
    ]
    if not call.stream:
        await reply.whole(200, headers, codec.dumps(spec.write_reply(fold(events), context)))
        return
    await reply.head(200, headers, stream=True)
    writer = spec.stream_writer(context)
    for event in events:
        for data in writer.feed(event):
            await reply.write(data)
    await reply.end()
