"""What a model is for, in one word, and the facts that say so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from router.wire.capabilities import Capabilities

ModelKind: TypeAlias = Literal["chat", "embedding", "image"]
FACTS: Mapping[ModelKind, Mapping[str, bool]] = MappingProxyType(
    {
        "chat": MappingProxyType({"embeddings": False, "image_output": False}),
        "embedding": MappingProxyType({"embeddings": True, "image_output": False}),
        "image": MappingProxyType({"embeddings": False, "image_output": True}),
    }
)


def kind_of(known: Capabilities | None) -> ModelKind:
    """By what is known of it: one that makes pictures may well talk too."""
    if known is not None and known.embeddings:
        return "embedding"
    return "image" if known is not None and known.image_output else "chat"
