"""Providers whose answers are neutral events from the start, with no HTTP response of a dialect behind them.

Such a provider has no executor; it has an entry here, or in what `router.providers.run.Runner` is given.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from router.accounts.record import Access, Account
from router.call import Call, Limits
from router.faults import Fault
from router.providers.config import ProviderConfig
from router.providers.demo.checks import refuse_unknown_parts
from router.providers.demo.models import LABEL
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


class Demo:
    """The demo: `open` is its `OpenSource`. One per process, since `demo/flaky` counts its calls."""

    def __init__(self) -> None:
        self._flaky = 0

    async def open(
        self,
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
        if candidate.model == "flaky":
            self._flaky += 1
            if self._flaky % 2 == 0:
                raise Fault("overloaded", f"{LABEL} This demo model fails every second call; this was one of them.")
        return Source(demo_events(candidate.model, conversation, call.response_id, limits.idle))
