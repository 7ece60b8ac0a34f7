"""Token counts in three dialects: by the provider that would serve, else an estimate that says so."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from router.api.edge import Edge
from router.api.exchange import Exchange
from router.api.planning import planned, prompted
from router.api.side import Answer, Side, Work, answer_object, serve
from router.api.understand import Addressed, decoded
from router.faults import Fault
from router.models.prepare import prepare
from router.policies.shapes import Shape
from router.providers.executor import OPERATIONS
from router.routing.needs import needs_of
from router.routing.plan import Candidate, Plan
from router.wire import codec
from router.wire.conversation import Conversation, Dialect, JsonObject
from router.wire.dialects import DIALECTS
from router.wire.gemini import read_count, write_count
from router.wire.messages.count_tokens import estimate

_COUNTED: dict[Dialect, str] = {"messages": "input_tokens", "responses": "input_tokens", "gemini": "totalTokens"}
_COUNT_KEYS: dict[Dialect, frozenset[str]] = {
    "messages": frozenset({"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"}),
    "responses": frozenset({"model", "input", "instructions", "tools", "tool_choice", "text", "reasoning"}),
}
"""What the counting endpoints take of a generation body."""


async def count_messages(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """``POST /v1/messages/count_tokens``."""
    await serve(
        edge, exchange, DIALECTS["messages"], "count_tokens", addressed, _counter(_read_messages, _told_messages)
    )


async def count_responses(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """``POST /v1/responses/input_tokens``."""
    await serve(
        edge, exchange, DIALECTS["responses"], "count_tokens", addressed, _counter(_read_responses, _told_responses)
    )


async def count_gemini(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """``POST …/models/{model}:countTokens``."""
    await serve(edge, exchange, DIALECTS["gemini"], "count_tokens", addressed, _counter(_read_gemini, _told_gemini))


Read = Callable[[Side], Conversation]
Tell = Callable[[int], JsonObject]


def _counter(read: Read, tell: Tell) -> Work:
    async def count(side: Side) -> Answer:
        conversation = read(side)
        needs = needs_of(conversation, side.call.dialect)
        chosen = planned(side.snapshot, side.call, needs)
        if side.call.dialect in _COUNT_KEYS and (shape := _shape(side, chosen)).system:
            side.call = prompted(side.call, shape)
            conversation = read(side)
        for candidate in chosen.candidates:
            try:
                return Answer(codec.dumps(tell(await _ask(side, candidate, conversation))))
            except Fault as fault:
                if fault.kind in ("bad_request", "too_large") and fault.passthrough is not None:
                    raise
        return Answer(codec.dumps(tell(estimate(conversation))), {"x-switchyard-notes": "emulated=count_tokens"})

    return count


def _shape(side: Side, chosen: Plan) -> Shape:
    return side.snapshot.shapes.of(side.call.caller.key_id, chosen.route)


async def _ask(side: Side, candidate: Candidate, conversation: Conversation) -> int:
    """The provider's own count. Raises `Fault` where it has none."""
    provider = side.snapshot.providers[candidate.provider]
    dialect = next((dialect for dialect in (candidate.dialect, *provider.dialects) if dialect in _COUNTED), None)
    if provider.kind == "demo" or "count_tokens" not in OPERATIONS[provider.kind] or dialect is None:
        raise Fault("not_found", "This provider does not count tokens.")
    if dialect != candidate.dialect:  # OpenAI counts in Responses only
        facts = side.snapshot.table.capabilities.capabilities(provider, candidate.model, dialect)
        candidate = replace(candidate, dialect=dialect, lane="translated", capabilities=facts)
    body = _body(side, candidate, conversation)
    answer, _ = await side.ask(candidate, "count_tokens", codec.dumps(body))
    counted = answer_object(answer).get(_COUNTED[candidate.dialect])
    if not isinstance(counted, int):
        raise Fault("upstream_broken", "The provider's token count could not be read.")
    return counted


def _body(side: Side, candidate: Candidate, conversation: Conversation) -> JsonObject:
    if candidate.lane == "raw":
        raw = decoded(side.call.body)
        return raw if candidate.dialect == "gemini" else {**raw, "model": candidate.model}
    asked = replace(conversation, model=candidate.model)
    written = prepare(asked, candidate.capabilities, DIALECTS[candidate.dialect]).body
    if candidate.dialect == "gemini":
        return {"generateContentRequest": {"model": f"models/{candidate.model}", **written}}
    return {key: value for key, value in written.items() if key in _COUNT_KEYS[candidate.dialect]}


def _read_messages(side: Side) -> Conversation:
    return DIALECTS["messages"].read_request(decoded(side.call.body), counting=True)


def _read_responses(side: Side) -> Conversation:
    return DIALECTS["responses"].read_request(decoded(side.call.body))


def _read_gemini(side: Side) -> Conversation:
    return read_count(decoded(side.call.body), side.call.asked)


def _told_messages(count: int) -> JsonObject:
    return {"input_tokens": count}


def _told_responses(count: int) -> JsonObject:
    return {"object": "response.input_tokens", "input_tokens": count}


def _told_gemini(count: int) -> JsonObject:
    return write_count(count)
