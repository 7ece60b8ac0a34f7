"""Two answers to one request, before and after: what each said and used, and how they differ. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any

from msgspec import Struct

from router.faults import Fault
from router.wire import codec, sse
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect, Part, Refusal, Text, ToolCall
from router.wire.dialects import DIALECTS
from router.wire.events import Answer, Event
from router.wire.fold import fold


class Side(Struct, frozen=True, kw_only=True):
    """One of the two. text: of the answer, tool calls included, or the error. wire: the last request to a provider as
    lines, empty where it is not known. None: not known."""

    id: str
    status: int
    text: str
    by: str | None = None
    attempts: int | None = None
    input: int | None = None
    output: int | None = None
    cost_usd: float | None = None
    total_ms: float | None = None
    wire_bytes: int | None = None
    wire: tuple[str, ...] = ()


def side(stages: Mapping[str, Any] | None, call_id: str, status: int, body: str, meta: Mapping[str, Any]) -> Side:
    """What is known of one answer. stages: its record, where there is one. meta: how its dialect is called, and what
    is known without a record."""
    known = {**meta, **((stages or {}).get("meta") or {})}
    text, usage = read(meta["dialect"], meta["surface"], status, body)
    sent = _last_sent(stages or {})
    served = known.get("served")
    return Side(
        id=call_id,
        status=status,
        text=text,
        by=f"{known.get('provider')}/{served}" if served else None,
        attempts=len(known["attempts"]) if isinstance(known.get("attempts"), list) else None,
        input=known.get("input", usage[0]),
        output=known.get("output", usage[1]),
        cost_usd=known.get("cost_usd"),
        total_ms=known.get("total_ms"),
        wire_bytes=sent["size"] if sent else None,
        wire=tuple(_wire(sent)) if sent else (),
    )


def _last_sent(stages: Mapping[str, Any]) -> Mapping[str, Any] | None:
    numbers = [int(name.split("-")[1]) for name in stages if name.startswith("upstream-") and name.endswith("-request")]
    return stages[f"upstream-{max(numbers)}-request"] if numbers else None


def _wire(sent: Mapping[str, Any]) -> Iterator[str]:
    yield f"{sent['method']} {sent['url']}"
    try:
        yield from json.dumps(json.loads(sent["body"]), indent=2, ensure_ascii=False).splitlines()
    except ValueError:  # cut
        yield from sent["body"].splitlines()


def read(dialect: Dialect, surface: str, status: int, body: str) -> tuple[str, tuple[int | None, int | None]]:
    """The text of an answer of the gateway, and its tokens in and out where it says them."""
    data = body.encode("utf-8", "surrogatepass")
    if status >= 400 or surface == "completions":
        return _plain(data), (None, None)
    try:
        answer = fold(_events(dialect, data))
    except (Fault, codec.Malformed) as problem:
        return f"{_plain(data)}\n[{problem}]", (None, None)
    usage = answer.usage
    return _said(answer), (None, None) if usage is None else (usage.input, usage.output)


def _events(dialect: Dialect, data: bytes) -> Iterable[Event]:
    spec, capabilities = DIALECTS[dialect], Capabilities()
    start = data.lstrip()[:1]
    if start == b"{":
        return spec.read_reply(codec.loads(data), capabilities)
    if start == b"[":  # Gemini's stream as an array
        data = b"".join(b"data: " + codec.dumps(one) + b"\n\n" for one in codec.loads(data))
    splitter, reader = sse.Splitter(), spec.stream_reader(capabilities)
    events = [event for frame in (*splitter.feed(data), *splitter.close()) for event in reader.feed(frame)]
    return [*events, *reader.close()]


def _said(answer: Answer) -> str:
    pieces = [_part(part) for choice in answer.choices for part in choice.parts]
    return "\n".join(piece for piece in pieces if piece)


def _part(part: Part) -> str:
    if isinstance(part, ToolCall):
        return f"[calls {part.name} {part.arguments}]"
    return part.text if isinstance(part, Text | Refusal) else ""


def _plain(data: bytes) -> str:
    """What cannot be read, or is an error: its message where it has one."""
    text = data.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        return str(error["message"])
    except (ValueError, TypeError, KeyError):
        return text.strip()


ROWS = (
    ("status", "status"),
    ("answered by", "by"),
    ("attempts", "attempts"),
    ("tokens in", "input"),
    ("tokens out", "output"),
    ("cost in $", "cost_usd"),
    ("milliseconds", "total_ms"),
    ("bytes to the provider", "wire_bytes"),
)


def table(before: Side, after: Side) -> Iterator[str]:
    """Both side by side; a mark at what differs."""
    cells = [("", "before", "after", "")]
    for name, field in ROWS:
        one, other = getattr(before, field), getattr(after, field)
        cells.append((name, _cell(one), _cell(other), "" if one == other else "*"))
    widths = [max(len(row[at]) for row in cells) for at in range(3)]
    for row in cells:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]]).rstrip()


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return "?" if value is None else str(value)


def differences(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """A unified diff, empty where they are the same."""
    return list(unified_diff(before, after, "before", "after", lineterm="", n=2))
