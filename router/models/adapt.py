"""A conversation fitted to one model: the list of rules, in their order. Each is a pure function of its own module.

What a *dialect* cannot say is the business of its writer; what a *model* does not take is a field of `Capabilities` and
is settled here or, where several things hang together (thinking, forced tools and formats of Messages), by its writer.
"""

from __future__ import annotations

from msgspec import Struct

from router.models.limits import fit_output_limit, fit_sampling, refuse_unanswerable
from router.models.media import refuse_media
from router.models.output import fit_output, without_prefill
from router.models.thinking import resolve_thinking
from router.models.tools import fit_tools, soften_choice
from router.wire import repair
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect
from router.wire.notes import Notes
from router.wire.written import Note, Undo


class Adapted(Struct, frozen=True):
    """The fitted conversation, what was dropped or changed, and what to undo on the answer besides the writer's own."""

    conversation: Conversation
    notes: tuple[Note, ...] = ()
    undo_extra: Undo = Undo()


def adapt(conversation: Conversation, capabilities: Capabilities, target: Dialect) -> Adapted:
    """Raises `Fault` bad_request, with the place in the caller's body, for what this model cannot be given."""
    notes = Notes()
    refuse_unanswerable(conversation, capabilities)
    refuse_media(conversation, capabilities)
    conversation = fit_tools(conversation, capabilities, target, notes)
    conversation = without_prefill(conversation, capabilities, target, notes)
    if not capabilities.system_in_middle and target in ("chat", "responses"):
        conversation = repair.fold_system(conversation, notes)
    conversation = fit_output_limit(conversation, capabilities, target, notes)
    conversation = resolve_thinking(conversation, capabilities, target, notes)
    conversation = fit_sampling(conversation, capabilities, target, notes)
    formatted = fit_output(conversation, capabilities, target, notes)
    conversation = soften_choice(formatted.conversation, capabilities, target, notes)
    return Adapted(conversation, notes.taken(), formatted.undo)
