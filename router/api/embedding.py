"""Embeddings in two dialects, to every provider that has them, in either's own form."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from router.api.edge import Edge
from router.api.exchange import Exchange
from router.api.planning import planned
from router.api.side import Answer, Side, answer_object, first_answer, serve
from router.api.understand import Addressed, decoded
from router.faults import Fault
from router.providers.demo.vectors import refuse_too_much, vector
from router.routing.plan import Candidate, Needs
from router.wire import codec, embeddings
from router.wire.conversation import JsonObject
from router.wire.dialects import DIALECTS
from router.wire.embeddings import EmbeddingAnswer, EmbeddingRequest
from router.wire.events import Usage
from router.wire.notes import header_value, refuse_if_strict

Tell = Callable[[EmbeddingAnswer, EmbeddingRequest, str], JsonObject]


async def embed_openai(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """``POST /v1/embeddings``."""

    async def work(side: Side) -> Answer:
        return await _embed(side, embeddings.read_openai(decoded(side.call.body)), embeddings.write_openai_reply)

    await serve(edge, exchange, DIALECTS["chat"], "embeddings", addressed, work)


async def embed_gemini(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """``POST …/models/{model}:embedContent``."""

    async def work(side: Side) -> Answer:
        return await _embed(side, embeddings.read_gemini(decoded(side.call.body), side.call.asked), _gemini)

    await serve(edge, exchange, DIALECTS["gemini"], "embeddings", addressed, work)


async def embed_gemini_batch(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """``POST …/models/{model}:batchEmbedContents``."""

    async def work(side: Side) -> Answer:
        return await _embed(side, embeddings.read_gemini_batch(decoded(side.call.body), side.call.asked), _gemini_batch)

    await serve(edge, exchange, DIALECTS["gemini"], "embeddings", addressed, work)


def _gemini(answer: EmbeddingAnswer, request: EmbeddingRequest, model: str) -> JsonObject:
    return embeddings.write_gemini_reply(answer)


def _gemini_batch(answer: EmbeddingAnswer, request: EmbeddingRequest, model: str) -> JsonObject:
    return embeddings.write_gemini_batch_reply(answer)


async def _embed(side: Side, request: EmbeddingRequest, tell: Tell) -> Answer:
    side.expected = Usage(input=embeddings.estimated_tokens(request), estimated=True)
    needs = Needs(dialect=side.call.dialect, surface="embeddings")
    chosen = planned(side.snapshot, side.call, needs)

    async def ask(candidate: Candidate) -> Answer:
        answer, headers = await _ask(side, candidate, replace(request, model=candidate.model))
        counted = embeddings.input_tokens(request, answer)
        side.used(Usage(input=counted, estimated=answer.input_tokens is None))
        return Answer(codec.dumps(tell(answer, request, side.call.asked)), headers)

    return await first_answer(side, chosen.candidates, ask, "No provider with an account has this model's embeddings.")


async def _ask(side: Side, candidate: Candidate, request: EmbeddingRequest) -> tuple[EmbeddingAnswer, dict[str, str]]:
    """One candidate's vectors. Raises `Fault`, also where there are not as many as there are inputs."""
    kind = side.snapshot.providers[candidate.provider].kind
    if kind == "demo":
        side.record.provider, side.record.model = candidate.provider, candidate.model
        refuse_too_much(len(request.inputs), request.dimensions)
        return EmbeddingAnswer(tuple(vector(entry, request.dimensions) for entry in request.inputs)), {}
    google = kind in ("gemini", "vertex")
    written = embeddings.write_gemini(request) if google else embeddings.write_openai(request)
    refuse_if_strict(written.notes, strict=side.call.strict)
    body, _ = await side.ask(candidate, "batch_embed" if google else "embed", codec.dumps(written.body))
    payload = answer_object(body)
    answer = embeddings.read_gemini_reply(payload, request) if google else embeddings.read_openai_reply(payload)
    if len(answer.vectors) != len(request.inputs):
        raise Fault(
            "upstream_broken",
            f"The provider gave {len(answer.vectors)} vectors for {len(request.inputs)} inputs.",
        )
    return answer, {"x-switchyard-notes": header_value(written.notes)} if written.notes else {}
