"""Pictures: ``POST /v1/images/generations``, to every provider that makes them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from router.api.edge import Edge
from router.api.exchange import Exchange
from router.api.planning import planned
from router.api.side import Answer, Side, answer_object, first_answer, serve
from router.api.understand import Addressed, decoded
from router.faults import bad_request
from router.providers.demo.vectors import picture, refuse_too_much
from router.providers.executor import Operation
from router.routing.plan import Candidate, Needs
from router.wire import codec, images
from router.wire.dialects import DIALECTS
from router.wire.image_usage import picture_usage
from router.wire.images import ImageAnswer, ImageRequest, MadeImage
from router.wire.notes import header_value, refuse_if_strict
from router.wire.written import Written


async def generate_images(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """Pictures in OpenAI's form."""
    await serve(edge, exchange, DIALECTS["chat"], "images", addressed, _work)


async def _work(side: Side) -> Answer:
    request = images.read_openai(decoded(side.call.body))
    if request.stream:
        raise bad_request("Streamed pictures are not supported: leave `stream` out.", "stream")
    needs = Needs(dialect="chat", surface="images")
    chosen = planned(side.snapshot, side.call, needs)

    async def ask(candidate: Candidate) -> Answer:
        answer, headers = await _ask(side, candidate, replace(request, model=candidate.model))
        return Answer(codec.dumps(images.write_openai_reply(answer, request, side.call.created)), headers)

    return await first_answer(
        side, chosen.candidates, ask, "No provider with an account makes pictures with this model."
    )


async def _ask(side: Side, candidate: Candidate, request: ImageRequest) -> tuple[ImageAnswer, dict[str, str]]:
    kind = side.snapshot.providers[candidate.provider].kind
    if kind == "demo":
        side.record.provider, side.record.model = candidate.provider, candidate.model
        refuse_too_much(request.n, None)
        return ImageAnswer(tuple(MadeImage(data=picture(request.prompt)) for _ in range(request.n))), {}
    if kind not in ("gemini", "vertex"):
        return await _made(side, candidate, "images", request, [images.write_openai(request)])
    if candidate.model.startswith("imagen"):
        return await _made(side, candidate, "predict", request, images.write_imagen(request))
    return await _made(side, candidate, "images", request, images.write_gemini(request))


_READERS = {"predict": images.read_imagen_reply, "images": images.read_gemini_reply}


async def _made(
    side: Side, candidate: Candidate, operation: Operation, request: ImageRequest, calls: Sequence[Written]
) -> tuple[ImageAnswer, dict[str, str]]:
    """Make the upstream calls of one request, one after the other; one that fails fails the request."""
    notes = calls[0].notes
    refuse_if_strict(notes, strict=side.call.strict)
    google = side.snapshot.providers[candidate.provider].kind in ("gemini", "vertex")
    read = _READERS[operation] if google else images.read_openai_reply
    answers = []
    side.expected = replace(picture_usage({}, request, max(1, request.n // len(calls))), estimated=True)
    for call in calls:
        body = answer_object((await side.ask(candidate, operation, codec.dumps(call.body)))[0])
        answers.append(read(body))
        side.used(picture_usage(body, request, len(answers[-1].images)))
    answer = images.joined(answers)
    return answer, {"x-switchyard-notes": header_value(notes)} if notes else {}
