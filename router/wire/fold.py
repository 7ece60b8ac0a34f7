"""A stream of events folded into one answer: the only way an unstreamed answer is made."""

from __future__ import annotations

from collections.abc import Iterable

from router.wire.events import Answer, Event


def fold(events: Iterable[Event]) -> Answer:
    """Fold a stream. Raises the `Fault` of a `Failed` event. Adjacent deltas of one part are joined; parts keep the order
    in which they began; `complete` tells whether `Ended` came."""
    raise NotImplementedError


def unfold(answer: Answer) -> list[Event]:
    """The shortest stream that folds to `answer`: ``fold(unfold(a)) == a``."""
    raise NotImplementedError
