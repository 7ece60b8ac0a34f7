"""Providers whose answers are neutral events from the start, with no HTTP response of a dialect behind them.

Such a provider has no executor; it has an entry here, or in what `router.providers.run.Runner` is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from router.accounts.record import Access, Account
from router.call import Call, Limits
from router.providers.config import Kind, ProviderConfig
from router.providers.demo.checks import refuse_unknown_parts
from router.providers.demo.source import demo_events
from router.providers.lanes import EventSource
from router.routing.plan import Candidate
from router.wire.conversation import Conversation
from router.wire.written import Note, Undo


class Source(Struct, frozen=True):
    """An answer that is to be read. notes, undo: what its opener changed of the request, as a dialect's writer says."""

    events: EventSource
    notes: tuple[Note, ...] = ()
    undo: Undo = Undo()


class OpenSource(Protocol):
    """Sends one request and gives its answer."""

    async def __call__(
        self,
        call: Call,
        candidate: Candidate,
        provider: ProviderConfig,
        account: Account,
        access: Access,
        limits: Limits,
        conversation: Conversation,
    ) -> Source:
        """conversation: as read, with the upstream's name of the model and without opaque items of other accounts; not
        yet fitted to the model (`router.models.adapt`). Raises `Fault`, also (upstream_auth) where `access` is not
        taken: then it is renewed and the opener called once more."""
        ...


async def open_demo(
    call: Call,
    candidate: Candidate,
    provider: ProviderConfig,
    account: Account,
    access: Access,
    limits: Limits,
    conversation: Conversation,
) -> Source:
    """The demo's answer. Raises the `Fault` of its failing models."""
    refuse_unknown_parts(conversation)
    return Source(demo_events(candidate.model, conversation, call.response_id))


SOURCES: Mapping[Kind, OpenSource] = MappingProxyType({"demo": open_demo})
