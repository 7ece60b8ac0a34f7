"""Histories made sound before they are written, for every target alike."""

from __future__ import annotations

from router.wire.conversation import Conversation, Turn
from router.wire.notes import Notes


def repair(conversation: Conversation, notes: Notes) -> Conversation:
    """Every call answered directly after its turn, every result with its call (`wire.md` 3.2).

    An orphan call gets the result ``(no result: the call was interrupted)`` with the error flag; an orphan result becomes
    user text. Results are moved to directly behind their call. Each change is noted. A sound history is returned as it is.
    """
    raise NotImplementedError


def merge(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Join neighbouring turns of one role (not `system`); in user turns tool results come first, in their order."""
    raise NotImplementedError


def fold_system(conversation: Conversation, notes: Notes) -> Conversation:
    """System turns after the first user or assistant turn become ``<system-reminder>`` text in the neighbouring user turn
    (never hoisted to the top: order carries meaning, and the prompt cache)."""
    raise NotImplementedError
