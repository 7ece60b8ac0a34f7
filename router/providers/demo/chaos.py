"""The faults that the demo can be asked for: where each one strikes, and what it does there. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

Strikes = Literal["never", "before", "middle", "sometimes"]
"""never: the answer is whole, only slow. before: no content arrives. middle: behind the first words. sometimes: every
second call, before."""


class ChaosFault(Struct, frozen=True):
    """One fault. does: for model lists and tables."""

    strikes: Strikes
    does: str


CHAOS: Mapping[str, ChaosFault] = MappingProxyType(
    {
        "slow": ChaosFault("never", "waits between words"),
        "drip": ChaosFault("never", "says one character at a time"),
        "cut": ChaosFault("middle", "breaks off in the middle of its answer (`demo/cut-5`: after 5 words)"),
        "stall": ChaosFault("middle", "falls silent in the middle and keeps the connection (`demo/stall-5`)"),
        "malformed": ChaosFault("middle", "sends a broken chunk in the middle (`demo/malformed-5`)"),
        "no-end": ChaosFault("middle", "closes properly without saying that it has finished (`demo/no-end-5`)"),
        "error-mid": ChaosFault("middle", "fails in the middle of its answer (`demo/error-mid-5`)"),
        "hang": ChaosFault("before", "takes the request and never says a word"),
        "flaky": ChaosFault("sometimes", "fails every second call of this process, before its first word"),
    }
)
MOST_WORDS = 10_000
_PLACED = re.compile(r"(cut|stall|malformed|no-end|error-mid)(?:-(\d{1,5}))?")


def placed(model: str) -> tuple[str, int | None] | None:
    """The fault in the middle that a model's name asks for, and after how many words, where it says so; None where it
    asks for no such fault."""
    found = _PLACED.fullmatch(model)
    if found is None:
        return None
    words = None if found[2] is None else int(found[2])
    return None if words is not None and words > MOST_WORDS else (found[1], words)
