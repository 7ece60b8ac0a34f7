"""Looks for secrets in bytes, however they are written there: the grepper of `test_secrets_nowhere`. Pure."""

from __future__ import annotations

import base64
import html
import json
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

STEM = "kanarienvogel"
"""What every planted secret holds, with a number behind it."""
_PART = 16
"""Bytes of a secret that was not planted, by which it is found: of its middle and of its end (the beginning of a token
may be its kind)."""


@dataclass(frozen=True)
class Canary:
    """One secret. slot: where it was put. value: as it is used there."""

    slot: str
    value: str | bytes

    @property
    def planted(self) -> bool:
        return STEM.encode() in (self.value.encode() if isinstance(self.value, str) else self.value)

    @property
    def parts(self) -> tuple[bytes, ...]:
        """What it is found by: a piece of it is as bad as the whole."""
        data = self.value.encode() if isinstance(self.value, str) else self.value
        at = data.find(STEM.encode())
        if at >= 0:
            return (data[at : at + len(STEM) + 4],)
        middle = len(data) // 2
        return tuple(dict.fromkeys((data[middle - _PART // 2 : middle + _PART // 2], data[-_PART:])))


@dataclass(frozen=True)
class Leak:
    """A secret where none may be. form: how it is written there. around: the bytes about it."""

    slot: str
    sink: str
    form: str
    around: bytes


Sinks = Mapping[str, Iterable[bytes]]
"""By name: everything that was written there."""
Allowed = Mapping[tuple[str, str], str]
"""Slot and sink, each by how it begins -> why that is no leak."""


def planted(shape: str, number: int) -> str:
    """The secret with this number. shape: ``*`` stands for what makes it one."""
    return shape.replace("*", f"{STEM}{number:04d}")


def forms(part: bytes) -> dict[bytes, str]:
    """How `part` may be written, and what that is called. All in lower case but base64."""
    text = part.decode("latin-1")
    found = {part.lower(): "plain", part.hex().encode(): "hexadecimal"}
    for name, written in (
        ("percent-encoded", quote(text, safe="")),
        ("form-encoded", quote_plus(text)),
        ("JSON", json.dumps(text)[1:-1]),
        ("JSON in JSON", json.dumps(json.dumps(text)[1:-1])[1:-1]),
        ("HTML", html.escape(text)),
        ("Python", repr(part)[2:-1]),
    ):
        found.setdefault(written.lower().encode("latin-1"), name)
    return found


def base64_forms(part: bytes) -> set[bytes]:
    """How base64 of a text with `part` in it looks, wherever in the text it begins."""
    found = set()
    for shift in range(3):
        data = bytes(shift) + part
        whole = len(data) * 8 // 6  # the characters that no byte behind it has a share in
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(data)[-(-shift * 8 // 6) : whole])
    return found


def leaks(canaries: Collection[Canary], sinks: Sinks, allowed: Allowed) -> Iterator[Leak]:
    """Every canary that is in a sink."""
    wanted = [(each, *map(_Needles, each.parts)) for each in canaries]
    stem = _Needles(STEM.encode())
    for sink, pieces in sinks.items():
        data = b"\n".join(dict.fromkeys(pieces))
        lower = data.lower()
        any_planted = next(stem.found(data, lower), None) is not None
        for canary, *needles in wanted:
            if any(canary.slot.startswith(slot) and sink.startswith(place) for slot, place in allowed):
                continue
            if canary.planted and not any_planted:
                continue
            for form, at in (found for each in needles for found in each.found(data, lower)):
                yield Leak(canary.slot, sink, form, data[max(0, at - 120) : at + 120])


class _Needles:
    """Every form of one part."""

    def __init__(self, part: bytes) -> None:
        self._plain, self._encoded = forms(part), base64_forms(part)

    def found(self, data: bytes, lower: bytes) -> Iterator[tuple[str, int]]:
        """The forms that are there, and where."""
        for needle, form in self._plain.items():
            if (at := lower.find(needle)) >= 0:
                yield form, at
        for needle in self._encoded:
            if (at := data.find(needle)) >= 0:
                yield "base64", at


def told_by(error: BaseException) -> bytes:
    """All that an exception says: its words, arguments and attributes, and those of what it was raised from."""
    told = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        told += [str(seen), repr(seen), repr(seen.args), repr(vars(seen))]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(told).encode("utf-8", "backslashreplace")
