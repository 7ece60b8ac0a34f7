"""What became of a call that met a fault: every way of ending well or badly, and nothing in between."""

from __future__ import annotations

from typing import Any

from router.wire.capabilities import Capabilities
from router.wire.dialect import events_of
from router.wire.dialects import DIALECTS as SPECS
from router.wire.events import Started, UsageReported
from router.wire.fold import fold
from router.wire.sse import Splitter
from tests.faults.world import WHOLE, Met
from tests.router.api.harness import Answer, error_text
from tests.router.api.test_midstream import ends_with_error
from tests.router.api.test_rescue import is_whole


class Wrong(AssertionError):
    """Neither a whole answer nor a proper error."""


def outcome(met: Met, said: str, *, loose: bool = False) -> str:
    """How the call ended. said: the provider's own words, which are handed on where they are the caller's business.
    loose: numbers, end marks and token counts are the provider's, and not looked at.

    whole: by the first attempt. tried again: by the same target. failed over: by another one. rescued: by another
    attempt, behind what the client had got. `error N`, `passed on N`: a status. error: at the end of a begun stream.
    """
    answer, cell = met.answer, met.cell
    try:
        if answer.status != 200:
            text = error_text(cell.dialect, answer.json)
            assert text.strip()
            same = text == said and met.first and met.first[-1].status == answer.status
            return f"{'passed on' if same else 'error'} {answer.status}"
        if cell.stream and _is_error(cell.dialect, answer):
            assert ends_with_error(cell.dialect, answer)
            assert WHOLE.startswith(answer.text)
            return "error"
        assert answer.text == WHOLE
        _complete(met, loose=loose)
    except (AssertionError, KeyError, IndexError, ValueError, TypeError) as error:
        raise Wrong(f"{cell.name}: {error!r}\n{answer.status} {answer.body[-1500:]!r}") from error
    if met.spare:
        return "failed over" if met.tries == 2 else "rescued"
    if len(met.first) == 1:
        return "whole"
    return "tried again" if met.tries == 2 else "rescued"


def _is_error(dialect: str, answer: Answer) -> bool:
    last = answer.frames[-1][1]
    return isinstance(last, dict) and ("error" in last or last.get("type") in ("error", "response.failed"))


def _complete(met: Met, *, loose: bool) -> None:
    """The answer is one that a client of the dialect takes for whole, with its model's name and what it used."""
    answer, cell = met.answer, met.cell
    if cell.stream and loose:
        splitter = Splitter()
        reader = SPECS[cell.dialect].stream_reader(Capabilities())  # type: ignore[index]
        assert fold(events_of(reader, [*splitter.feed(answer.body), *splitter.close()])).complete
        assert reader.model == cell.name
    elif cell.stream:
        is_whole(cell.dialect, answer)
        _told_streamed(cell.dialect, cell.name, [payload for _, payload in answer.frames if payload != "[DONE]"])
    else:
        _told_whole(cell.dialect, cell.name, answer)


def _told_whole(dialect: str, model: str, answer: Answer) -> None:
    events = SPECS[dialect].read_reply(answer.json, Capabilities())  # type: ignore[index]
    folded = fold(events)
    assert folded.complete and folded.choices[0].reason == "end"
    usage = [event.usage for event in events if isinstance(event, UsageReported)]
    assert usage and usage[-1].input > 0 and usage[-1].output > 0
    assert {event.model for event in events if isinstance(event, Started)} == {model}


def _told_streamed(dialect: str, model: str, payloads: list[Any]) -> None:
    if dialect == "chat":
        assert {each["model"] for each in payloads} == {model}
        used = [each["usage"] for each in payloads if each.get("usage")]
        assert len(used) == 1 and used[0]["prompt_tokens"] > 0 and used[0]["completion_tokens"] > 0
        assert used[0]["total_tokens"] == used[0]["prompt_tokens"] + used[0]["completion_tokens"]
    elif dialect == "responses":
        assert {each["response"]["model"] for each in payloads if "response" in each} == {model}
        used = payloads[-1]["response"]["usage"]
        assert used["input_tokens"] > 0 and used["output_tokens"] > 0
    elif dialect == "messages":
        assert payloads[0]["message"]["model"] == model
        assert payloads[0]["message"]["usage"]["input_tokens"] > 0 or payloads[-2]["usage"]["input_tokens"] > 0
        assert payloads[-2]["usage"]["output_tokens"] > 0
    else:
        assert {each["modelVersion"] for each in payloads} == {model}
        used = [each["usageMetadata"] for each in payloads if "usageMetadata" in each][-1]
        assert used["promptTokenCount"] > 0 and used["candidatesTokenCount"] > 0
