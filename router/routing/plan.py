"""A model name turned into an ordered list of candidates, with the reason for each. Pure.

`draft` is the one engine: `plan` (what serves) and `router.routing.explain` (what tells) both call it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from router.faults import Fault
from router.routing.table import Table
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect, Reasoning

Surface: TypeAlias = Literal["generate", "embeddings", "images"]


class Needs(Struct, frozen=True, kw_only=True):
    """What a call asks of its target. input_tokens: an estimate of the prompt, None where nobody counted."""

    dialect: Dialect
    surface: Surface = "generate"
    tools: bool = False
    images: bool = False
    documents: bool = False
    audio: bool = False
    video: bool = False
    input_tokens: int | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """One target of a plan.

    provider: its id. model: the upstream's own name. dialect: which one to speak to it; lane "raw" where it is the
    caller's. rank: position, equal for providers that rotate. why: for a person.
    """

    provider: str
    model: str
    dialect: Dialect
    lane: Literal["raw", "translated"]
    rank: int
    why: str
    capabilities: Capabilities


class Skipped(Struct, frozen=True):
    """A target that the plan leaves out. `reason` is a sentence without its full stop."""

    provider: str
    model: str
    reason: str


class Plan(Struct, frozen=True, kw_only=True):
    """asked: the name as the client wrote it. reasoning: what a suffix asked for; replaces the body's own wish.
    how: the steps from the name to the candidates, in words. fault: why nothing can serve, where there is no candidate.
    """

    asked: str
    candidates: tuple[Candidate, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    reasoning: Reasoning | None = None
    how: tuple[str, ...] = ()
    fault: Fault | None = None


def plan(table: Table, asked: str, *, needs: Needs, pinned: str | None = None, rotation: int = 0) -> Plan:
    """Candidates for `asked` in order, at least one.

    pinned: only this provider (any of its names). rotation: a counter of the caller; turns providers of equal rank.
    Raises `Fault`: bad_request (a name that cannot be one, a surface that nobody has), not_found (with the nearest
    names), unavailable (known, but no provider with an account serves it).
    """
    raise NotImplementedError


def draft(table: Table, asked: str, *, needs: Needs, pinned: str | None = None, rotation: int = 0) -> Plan:
    """`plan` that reports instead of raising: without candidates, `Plan.fault` says why."""
    raise NotImplementedError
