"""A folded answer as an unstreamed ``GenerateContentResponse``."""

from __future__ import annotations

from router.wire.conversation import JsonObject, Refusal, Text
from router.wire.dialect import ReplyContext
from router.wire.events import Answer, Choice, Finished
from router.wire.gemini import answer_parts, usage
from router.wire.gemini.stream_writer import candidate


def write_reply(answer: Answer, context: ReplyContext) -> JsonObject:
    """All candidates with their parts, usage and the shown model."""
    out: JsonObject = {"candidates": [_candidate(choice, index) for index, choice in enumerate(answer.choices)]}
    if answer.usage is not None:
        out["usageMetadata"] = usage.write(answer.usage)
    return {**out, "modelVersion": context.model, "responseId": context.response_id}


def _candidate(choice: Choice, index: int) -> JsonObject:
    parts = [written for part in choice.parts if (written := answer_parts.answer_part(part)) is not None]
    finished = Finished(choice.reason, choice.stop_sequence, choice.detail, index)
    text = "".join(part.text for part in choice.parts if isinstance(part, Text | Refusal))
    return candidate(parts or [{"text": ""}], index, finished, [cited for _, cited in choice.citations], text)
