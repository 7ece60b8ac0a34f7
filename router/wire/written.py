"""What a request writer gives back: the body, and how to undo on the answer what the request had to bend."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct, field

from router.wire.conversation import JsonObject

Action: TypeAlias = Literal["dropped", "clamped", "changed", "emulated", "repaired", "service", "served_by", "policy"]


class Note(Struct, frozen=True):
    """One thing that the target could not be told as it was said. `what` is a short name of the caller's key. service,
    served_by: what a service says of its answer, in its own words. policy: what the operator changed of the request."""

    action: Action
    what: str


class Undo(Struct, frozen=True):
    """What `wire.undo` must reverse on the answer's events.

    names: upstream tool name -> (caller's name, namespace), only where they differ.
    custom: upstream names of tools that the caller declared as free text and that were sent as ``{"input": string}``.
    output_tool: name of the forced tool that stands for a structured output; its arguments are the answer's text.
    stop: sequences to cut at, because the target has no (or too few) stop sequences.
    unfence: strip one Markdown code fence around the text.
    """

    names: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    custom: frozenset[str] = frozenset()
    output_tool: str | None = None
    stop: tuple[str, ...] = ()
    unfence: bool = False

    @property
    def nothing(self) -> bool:
        """True where the answer's events can go through untouched."""
        return not (self.names or self.custom or self.output_tool or self.stop or self.unfence)


class Written(Struct, frozen=True):
    """An upstream request body and what came of writing it."""

    body: JsonObject
    notes: tuple[Note, ...] = ()
    undo: Undo = Undo()
