"""What one attempt has used: as its provider reported it, else an estimate that says so. Pure."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from router.call import Call
from router.faults import Fault
from router.providers.observed import Observed
from router.providers.run import with_conversation
from router.wire.dialects import DIALECTS
from router.wire.events import Usage
from router.wire.messages import count_tokens


class Progress:
    """How far one attempt came before it failed. ready: its request was made. sent: something of it went out."""

    __slots__ = ("observed", "ready", "sent")

    def __init__(self) -> None:
        self.ready = False
        self.sent = False
        self.observed: Observed | None = None

    def left(self) -> None:
        """The request begins to go out."""
        self.sent = True

    def spent(self, call: Call, outcome: str) -> Usage | None:
        """What an attempt has used that gave no content. A refusal costs nothing; where nobody knows what became of a
        request that was sent, its prompt is counted."""
        observed = self.observed
        if observed is not None and observed.usage is not None:
            return spent(call, observed)
        if self.sent and outcome in ("cancelled", "timeout"):
            return Usage(input=prompt_tokens(call), estimated=True)
        return None


def spent(call: Call, observed: Observed) -> Usage:
    """What an attempt has used that gave content."""
    whole = observed.ended or observed.finish is not None
    return used(observed.usage, whole=whole, characters=observed.characters, prompt=lambda: prompt_tokens(call))


def used(reported: Usage | None, *, whole: bool, characters: int, prompt: Callable[[], int]) -> Usage:
    """reported: the last word of the provider. whole: the answer came to its end, so that this word is final.
    characters: of the answer, as far as it came. prompt: estimates the input."""
    if reported is not None and reported.total > 0:
        if whole:
            return reported
        output = max(reported.output, count_tokens.estimate_text(characters))
        return replace(reported, output=output, estimated=True)
    return Usage(input=prompt(), output=count_tokens.estimate_text(characters), estimated=True)


def prompt_tokens(call: Call) -> int:
    """An estimate of the input of a call, whichever lane it took."""
    try:
        read = with_conversation(call, call.spec or DIALECTS[call.dialect]).conversation
    except Fault:
        read = None
    if read is None:
        return max(1, count_tokens.estimate_text(len(call.body)))
    return count_tokens.estimate(read)
