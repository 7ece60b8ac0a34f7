"""A stream that is cut at any byte is whole, rescued or an error, and never wrong: every byte, every pair of dialects.

`FAULT_SWEEP=long` takes longer answers to their very end, every byte of answers with tools, and every way to end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from router.wire.events import Answer as Folded
from router.wire.fold import fold
from tests.faults.sweep import Line, Told
from tests.router.api.harness import DIALECTS, Answer
from tests.router.api.test_midstream import ends_with_error
from tests.router.api.test_rescue import TOOLS, is_whole
from tests.router.wire.pairs.answering import events_in, said

pytestmark = pytest.mark.faults

LONG = os.environ.get("FAULT_SWEEP") == "long"
WORDS = 12 if LONG else 3
MOST = 100_000 if LONG else 4000
"""Bytes of an answer within which it is cut."""
STEP = 1 if LONG else 11
"""Bytes between two cuts where not every byte is tried."""
AT_LEAST = 0.99
"""Share of the cuts in the text behind which the answer must be as if nothing had happened."""

EACH_PAIR = pytest.mark.parametrize(("dialect", "upstream"), list(product(DIALECTS, DIALECTS)))


class Verdicts:
    """Tells what a client's bytes are. Most cuts come to the same bytes, so it remembers. whole: the uncut answer."""

    def __init__(self, dialect: str, whole: Told) -> None:
        self._dialect = dialect
        self._whole = self._read(whole.data)
        self._known: dict[bytes, str] = {}

    def of(self, data: bytes) -> str:
        """`whole`: says the same, and is complete. `error`: said so, behind a part of the same. Else it raises."""
        if data not in self._known:
            self._known[data] = self._judged(data)
        return self._known[data]

    def _read(self, data: bytes) -> dict[str, Any]:
        folded: Folded = fold(events_in(data, self._dialect))  # type: ignore[arg-type]
        assert folded.usage is None or folded.usage.output > 0
        found = said(folded)
        calls = [words for _, *words in found["calls"]]  # without the ids, which are each provider's own
        return {**found, "calls": calls, "usage": None}

    def _judged(self, data: bytes) -> str:
        answer = Answer(200, {"content-type": "text/event-stream"}, data)
        last = answer.frames[-1][1]
        if isinstance(last, dict) and ("error" in last or last.get("type") in ("error", "response.failed")):
            assert ends_with_error(self._dialect, answer)
            assert self._whole["text"].startswith(answer.text)
            return "error"
        assert self._read(data) == self._whole
        if self._whole["reason"] == "end":
            is_whole(self._dialect, Answer(200, answer.headers, dispatched(data)))
        return "whole"


def dispatched(data: bytes) -> bytes:
    """What a client of event streams takes notice of: an event without its blank line is none."""
    end = max(data.rfind(b"\n\n") + 2, data.rfind(b"\r\n\r\n") + 4)
    return data[:end]


def cuts(line: Line, step: int = 1, most: int = MOST) -> Iterator[int]:
    return iter(range(1, min(line.wire.size, most), step))


@EACH_PAIR
async def test_a_cut_at_every_byte_is_whole_rescued_or_an_error(dialect: str, upstream: str) -> None:
    line = Line(dialect, upstream, f"LONG {WORDS}")
    verdicts = Verdicts(dialect, await line.told(None))
    in_text = rescued = 0
    for at in cuts(line):
        told = await line.told(at)
        verdict = verdicts.of(told.data)
        assert told.attempts <= 2 or verdict == "error", at
        in_text += told.broke
        rescued += told.broke and verdict == "whole"
    assert in_text > 500
    assert rescued >= AT_LEAST * in_text, f"{rescued} of {in_text}"


@EACH_PAIR
async def test_a_proper_end_at_any_byte_is_no_end_either(dialect: str, upstream: str) -> None:
    """A server that closes without a word, as those do that announce neither length nor chunks."""
    line = Line(dialect, upstream, f"LONG {WORDS}")
    verdicts = Verdicts(dialect, await line.told(None))
    for at in cuts(line, STEP):
        assert verdicts.of((await line.told(at, broken=False)).data) == "whole", at


@EACH_PAIR
async def test_a_cut_in_a_tool_call_is_mended_where_the_next_target_makes_the_same(dialect: str, upstream: str) -> None:
    line = Line(dialect, upstream, "TOOLS 1", {"tools": TOOLS[dialect]})
    verdicts = Verdicts(dialect, await line.told(None))
    seen = {verdicts.of((await line.told(at)).data) for at in cuts(line, STEP, line.wire.size)}
    assert seen == {"whole"}
