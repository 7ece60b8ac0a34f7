"""Small changes of a text that can be taken back exactly: what was removed where, and how much came in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct


class CannotEdit(Exception):
    """A file is written in a way that cannot be changed without risk to the rest; the message says what and where."""


class Splice(Struct, frozen=True):
    """`removed` at character `at` became `inserted`. Several of them apply in order, each to what the last one left."""

    at: int
    removed: str
    inserted: str


class Cut(Struct, frozen=True):
    """A splice as it is recorded: without what was inserted, which may be a key."""

    at: int
    removed: str
    length: int


def applied(text: str, splices: Iterable[Splice]) -> str:
    """The text after all of them."""
    for one in splices:
        end = one.at + len(one.removed)
        if text[one.at : end] != one.removed:
            raise CannotEdit("the text is not the one that the change was made for")
        text = text[: one.at] + one.inserted + text[end:]
    return text


def cuts(splices: Iterable[Splice]) -> tuple[Cut, ...]:
    """What is recorded of them."""
    return tuple(Cut(one.at, one.removed, len(one.inserted)) for one in splices)


def taken_back(text: str, recorded: Sequence[Cut]) -> str:
    """The text before them, where `text` is exactly what they made."""
    for one in reversed(recorded):
        text = text[: one.at] + one.removed + text[one.at + one.length :]
    return text


def newline(text: str) -> str:
    """How lines end in it."""
    return "\r\n" if "\r\n" in text else "\n"


def line_start(text: str, at: int) -> int:
    """Where the line of a character begins."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Behind the line break of the line of a character, or the end of the text."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def appended(text: str, addition: str) -> Splice:
    """`addition` (whole lines, ended by ``\\n``) at the end of the text, on a line of its own."""
    end = newline(text)
    lead = end if text and not text.endswith("\n") else ""
    return Splice(len(text), "", lead + addition.replace("\n", end))
