"""A call as the files of its record: each stage as a value for JSON, without secrets, each body cut. Pure.

Runs on the writer's thread. What takes long there is done in short pieces, because the interpreter does one thing at a
time: `breathe` is called between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from router.call import Record
from router.hidden import Hidden
from router.observe.redact import redact, without_private_keys
from router.observe.request_line import fields
from router.trace import PART, Part, Sent, Trace
from router.wire import codec

META, CLIENT_REQUEST, NEUTRAL, CLIENT_ANSWER = "meta", "client-request", "neutral", "client-answer"
MASK = "***"
_SECRET_HEADER = re.compile(r"auth|cookie|secret|passw|credential|csrf|signature|(?:^|[-_])(?:key|token|jwt|record)$")
_PIECE = 8192
_SEPARATOR = re.compile(r"[\s,]")
_NAMES_ONE = re.compile(r"(?i)bearer|basic|key|token|code|secret|auth|client|session|passw|verifier|://")
"""What a secret may follow: no piece ends behind one of them."""
_BEHIND, _BEHIND_COMMA = 24, 80
"""How far before a separator the name of a secret may stand: a comma may be a part of one (in an address), white space
only lies between a secret and its name."""


def stages(trace: Trace, record: Record, breathe: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Every file by its name. `Record` must be complete."""
    clean = _Clean(trace, breathe)
    asked = clean.body(trace.body)
    files: dict[str, Any] = {
        CLIENT_REQUEST: {
            "method": trace.method,
            "path": clean.text(trace.path),
            "query": clean.query(trace.query),
            "headers": clean.headers(trace.headers.items()),
            **asked,
        }
    }
    if trace.neutral is not None:
        files[NEUTRAL] = clean.body(Part(_neutral(trace.neutral)))
    for number, sent in enumerate(trace.sent, 1):
        files[f"upstream-{number}-request"] = _request(clean, sent)
        files[f"upstream-{number}-answer"] = _answer(clean, sent)
    said = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in trace.said]
    files[CLIENT_ANSWER] = {"status": trace.status, "headers": clean.headers(said), **clean.body(trace.answer)}
    meta = {"began": record.began, **fields(record)}
    files[META] = {
        **clean.value(meta),
        "changes": [{"action": note.action, "what": clean.text(note.what)} for note in record.notes],
        "complete": not asked["cut"],
        "redacted": asked["redacted"],
    }
    return files


def _request(clean: _Clean, sent: Sent) -> dict[str, Any]:
    request = sent.request
    return {
        "provider": sent.provider,
        "account": sent.account,
        "method": request.method,
        "url": clean.text(request.url),
        "headers": clean.headers(request.headers.items()),
        **clean.body(Part(request.body)),
    }


def _answer(clean: _Clean, sent: Sent) -> dict[str, Any]:
    fault = sent.fault
    return {
        "status": sent.status,
        "headers": clean.headers(sent.headers.items()),
        "fault": None if fault is None else {"kind": fault.kind, "message": clean.text(fault.message)},
        **clean.body(sent.answer),
    }


def _neutral(conversation: Any) -> bytes:
    try:
        return codec.dumps(msgspec.to_builtins(conversation))
    except (TypeError, ValueError, RecursionError) as error:  # what no JSON can say: the call was served all the same
        return codec.dumps({"cannot_be_shown": type(error).__name__})


class _Clean:
    """Takes out every secret that this call is known to have used, and whatever looks like one."""

    def __init__(self, trace: Trace, breathe: Callable[[], None]) -> None:
        self._hidden: tuple[Hidden, ...] = (trace.secrets, *(sent.hidden for sent in trace.sent))
        self._breathe = breathe

    def text(self, text: str) -> str:
        for hidden in self._hidden:
            text = hidden.text(text)
            self._breathe()
        return "".join(self._redacted(text))

    def value(self, value: Any) -> Any:
        """Every text in a value for JSON."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self.value(inner) for name, inner in value.items()}
        return [self.value(inner) for inner in value] if isinstance(value, list) else value

    def query(self, text: str) -> str:
        """A query string; the pattern of a key in one begins with what stands before it."""
        return self.text(f"?{text}")[1:] if text else ""

    def headers(self, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Headers by their names; of those that carry secrets only that they were there."""
        return {name: MASK if _SECRET_HEADER.search(name.lower()) else self.text(value) for name, value in pairs}

    def body(self, part: Part) -> dict[str, Any]:
        """A body as text. What is not UTF-8 is written as escapes, which JSON can say."""
        data = part.beginning()
        for hidden in self._hidden:
            data = hidden.data(data)
            self._breathe()
        whole = data.decode("utf-8", "backslashreplace")
        text = "".join(self._redacted(whole))
        changed = text != whole or data != part.beginning()
        return {"size": part.size, "cut": part.cut, "redacted": changed, "body": text[:PART]}

    def _redacted(self, text: str) -> Iterator[str]:
        for piece in _pieces(without_private_keys(text)):
            yield redact(piece)
            self._breathe()


def _pieces(text: str) -> Iterator[str]:
    """`text` in pieces of about `_PIECE` characters, none of which ends within what may be a secret."""
    start = 0
    while len(text) - start > _PIECE:
        ends = (found.end() for found in _SEPARATOR.finditer(text, start + _PIECE))
        end = next((end for end in ends if _may_end(text, start, end)), len(text))
        yield text[start:end]
        start = end
    yield text[start:]


def _may_end(text: str, start: int, end: int) -> bool:
    behind = _BEHIND_COMMA if text[end - 1] == "," else _BEHIND
    return _NAMES_ONE.search(text, max(start, end - behind), end) is None


def of_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a record that can be sent again: none that was masked."""
    return {name: value for name, value in headers.items() if MASK not in value}
