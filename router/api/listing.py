"""Model lists in three shapes, told apart by the headers, since clients of three dialects ask at one path."""

from __future__ import annotations

from router.api.edge import Edge
from router.api.exchange import Exchange
from router.api.planning import shown
from router.api.side import Answer, Side, serve
from router.api.understand import Addressed, dialect_of
from router.faults import Fault
from router.models.catalogue import Model
from router.snapshot import Snapshot
from router.wire import codec
from router.wire.conversation import JsonObject
from router.wire.dialects import DIALECTS
from router.wire.model_lists import (
    ModelInfo,
    anthropic_list,
    anthropic_model,
    gemini_list,
    gemini_model,
    openai_list,
    openai_model,
)


async def models(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """``GET /v1/models``, ``GET /v1beta/models`` and one model of them."""
    dialect = "gemini" if exchange.path.startswith("/v1beta/") else dialect_of(exchange.headers)
    query = exchange.query

    async def work(side: Side) -> Answer:
        waiting = edge.gateway.needing_login()
        rights = side.snapshot.access.of(side.call.caller.key_id)
        entries = [
            _info(model, model.provider in waiting)
            for model in _shown(side.snapshot, addressed.provider)
            if shown(side.snapshot, rights, model)
        ]
        if addressed.model is not None:
            return Answer(codec.dumps(_one(entries, addressed.model, dialect)))
        if dialect == "gemini":
            listed = gemini_list(entries, page_size=query.get("pageSize"), page_token=query.get("pageToken"))
        elif dialect == "messages":
            listed = anthropic_list(
                entries, limit=query.get("limit"), after_id=query.get("after_id"), before_id=query.get("before_id")
            )
        else:
            listed = openai_list(entries)
        return Answer(codec.dumps(listed))

    await serve(edge, exchange, DIALECTS[dialect], "models", addressed, work)


def _shown(snapshot: Snapshot, pinned: str | None) -> list[Model]:
    """The list, or one provider's part of it. Raises `Fault` not_found for a provider that is not there."""
    if pinned is None:
        return list(snapshot.catalogue.models)
    ids = snapshot.table.resolve_provider(pinned)
    if not ids:
        raise Fault("not_found", f"There is no provider {pinned[:100]!r} here.")
    return [model for model in snapshot.catalogue.models if model.provider in ids]


def _one(entries: list[ModelInfo], asked: str, dialect: str) -> JsonObject:
    name = asked.removeprefix("models/").lower()
    found = next((entry for entry in entries if entry.id.lower() == name), None)
    if found is None:
        raise Fault("not_found", f"The model {asked[:200]!r} is in no list here. GET /v1/models shows them all.")
    writers = {"gemini": gemini_model, "messages": anthropic_model}
    return writers.get(dialect, openai_model)(found)


def _info(model: Model, needs_login: bool) -> ModelInfo:
    facts = model.capabilities
    return ModelInfo(
        id=model.id,
        display_name=model.display_name,
        owned_by=model.provider or "switchyard",
        created=model.created,
        context_window=model.context_window,
        max_output=model.max_output,
        thinking=facts is not None and facts.thinking != "none",
        images=facts is not None and facts.image_output,
        embeddings=facts is not None and facts.embeddings,
        demo=model.label == "demo",
        needs_login=needs_login,
    )
