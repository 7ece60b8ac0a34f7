"""A conversation to an upstream body: repair, adapt, merge, write. The whole request path of the typed lane."""

from __future__ import annotations

from msgspec import structs

from router.models.adapt import adapt
from router.wire import repair
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation
from router.wire.dialect import DialectSpec
from router.wire.notes import Notes
from router.wire.unique_calls import with_unique_ids
from router.wire.written import Undo, Written

_UNIQUE_IDS = ("messages", "responses")
"""Dialects that refuse a history in which a call id returns."""


def prepare(conversation: Conversation, capabilities: Capabilities, spec: DialectSpec) -> Written:
    """The body for `spec`'s dialect with the notes of every step and everything that must be undone on the answer.

    conversation: with `model` already the upstream's name and `reasoning` already replaced by a plan's override.
    Raises `Fault` bad_request for what this model cannot be given, with the JSON path in the caller's body.
    """
    notes = Notes()
    # Adapted before the repair moves turns about, so that refusals name places of the caller's own body.
    adapted = adapt(conversation, capabilities, spec.name)
    sound = repair.repair(adapted.conversation, notes)
    turns = repair.merge(sound.turns)
    if spec.name in _UNIQUE_IDS:
        turns = with_unique_ids(turns, notes)
    merged = structs.replace(sound, turns=turns)
    written = spec.write_request(merged, capabilities)
    notes.extend(adapted.notes)
    notes.extend(written.notes)
    return Written(body=written.body, notes=notes.taken(), undo=both(adapted.undo_extra, written.undo))


def both(first: Undo, second: Undo) -> Undo:
    """Everything that either asks to undo."""
    if first.nothing:
        return second
    return Undo(
        names={**first.names, **second.names},
        custom=first.custom | second.custom,
        output_tool=second.output_tool if second.output_tool is not None else first.output_tool,
        stop=tuple(dict.fromkeys((*first.stop, *second.stop))),
        unfence=first.unfence or second.unfence,
    )
