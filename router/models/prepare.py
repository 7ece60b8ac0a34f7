"""A conversation to an upstream body: repair, merge, adapt, write. The whole request path of the typed lane."""

from __future__ import annotations

from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation
from router.wire.dialect import DialectSpec
from router.wire.written import Written


def prepare(conversation: Conversation, capabilities: Capabilities, spec: DialectSpec) -> Written:
    """The body for `spec`'s dialect with the notes of every step and everything that must be undone on the answer.

    conversation: with `model` already the upstream's name and `reasoning` already replaced by a plan's override.
    Raises `Fault` bad_request for what this model cannot be given, with the JSON path in the caller's body.
    """
    raise NotImplementedError
