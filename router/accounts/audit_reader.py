"""What stands in the audit log, the newest first: read from the end of its files, a block at a time.

The file of now and the one that was full before it are one log. A place in it (`Entries.next`) names the file by its
inode, so that it still holds when the file was set aside meanwhile.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from router.accounts.audit import FILE
from router.accounts.moments import read_moment

Outcome: TypeAlias = Literal["done", "failed", "refused"]
ROUTINE = frozenset({"used", "refreshed", "refresh_failed"})
"""What happens by itself all day."""
LONGEST = 64 * 1024
"""Bytes of a line; what is longer was not written by us."""
_BLOCK = 64 * 1024
_FAILED = " failed"
_NEVER = 1e11
"""Unix seconds that no calendar has."""


class Gone(Exception):
    """The place to go on from is in no file any more."""


class Wanted(Struct, frozen=True, kw_only=True):
    """since, until: Unix seconds. action, outcome: exactly. who: exactly, or without what stands in brackets behind it.
    text: somewhere in the entry. routine: also `ROUTINE`."""

    since: float | None = None
    until: float | None = None
    action: str = ""
    who: str = ""
    outcome: Outcome | None = None
    text: str = ""
    routine: bool = True


class Entry(Struct, frozen=True, kw_only=True):
    """at: Unix seconds. action: an operation of the management API, or what happened to an account. which: account,
    key, file, or whatever it was done to. since, count: of uses that are one entry."""

    at: float
    who: str
    action: str
    which: str
    outcome: Outcome
    details: str = ""
    since: float | None = None
    count: int = 1


class Entries(Struct, frozen=True):
    """next: where older ones go on; None at the end."""

    entries: list[Entry]
    next: str | None


class _Line(Struct, frozen=True):
    """As another version may have written it."""

    at: str
    who: str
    what: str
    account: str = ""
    reason: str = ""
    since: str | None = None
    count: int = 1


def read(folder: Path, wanted: Wanted, limit: int, after: str | None = None) -> Entries:
    """At most so many entries. folder: the state folder. after: `Entries.next` of the page before. What is no whole
    line is passed over. Blocks; raises `OSError` and `Gone`."""
    found: list[Entry] = []
    begin = None if after is None else _place(after)
    with ExitStack() as held:
        # The file of now is opened first: one that is set aside in between is then met again, and not missed.
        files: dict[int, int] = {}
        for name in (FILE, f"{FILE}.1"):
            try:
                descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            held.callback(os.close, descriptor)
            files.setdefault(os.fstat(descriptor).st_ino, descriptor)
        if begin is not None and not _holds(files, *begin):
            raise Gone
        for inode, descriptor in files.items():
            if begin is not None and begin[0] != inode:
                continue  # newer than the place
            end = os.fstat(descriptor).st_size if begin is None else begin[1]
            begin = None
            for at, line in _backwards(descriptor, end):
                entry = _entry(line)
                if entry is None or not fits(entry, wanted):
                    continue
                if len(found) == limit:
                    return Entries(found, f"{inode}-{at + len(line) + 1}")
                found.append(entry)
    return Entries(found, None)


def fits(entry: Entry, wanted: Wanted) -> bool:
    """Whether an entry is among those that are wanted."""
    if not wanted.routine and entry.action in ROUTINE:
        return False
    if not (wanted.since or 0.0) <= entry.at < (math.inf if wanted.until is None else wanted.until):
        return False
    if wanted.action not in ("", entry.action) or wanted.outcome not in (None, entry.outcome):
        return False
    if wanted.who not in ("", entry.who, entry.who.partition(" (")[0]):
        return False
    words = f"{entry.who} {entry.action} {entry.which} {entry.outcome} {entry.details}".lower()
    return wanted.text.lower() in words


def _place(text: str) -> tuple[int, int]:
    inode, _, offset = text.partition("-")
    if not (inode.isascii() and inode.isdigit() and offset.isascii() and offset.isdigit() and len(text) < 42):
        raise Gone
    return int(inode), int(offset)


def _holds(files: dict[int, int], inode: int, offset: int) -> bool:
    """Whether a line ends there: a number that another file got since does not lead into the midst of one."""
    descriptor = files.get(inode)
    if descriptor is None or not 0 < offset <= os.fstat(descriptor).st_size:
        return False
    return os.pread(descriptor, 1, offset - 1) == b"\n"


def _backwards(descriptor: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Offset and content of each line before ``end``, the last one first; the last may be without its end."""
    rest = b""  # the end of a line whose begin is in an earlier block
    while end > 0:
        begin = max(0, end - _BLOCK)
        block = os.pread(descriptor, end - begin, begin) + rest
        first, *lines = block.split(b"\n")
        at = begin + len(block)
        for line in reversed(lines):
            at -= len(line)
            if line:
                yield at, line
            at -= 1
        rest, end = first[: LONGEST + 1], begin
        if len(first) > LONGEST:
            rest = b"\0" * (LONGEST + 1)  # no line of ours, however it begins
    if rest:
        yield 0, rest


def _entry(line: bytes) -> Entry | None:
    if len(line) > LONGEST:
        return None
    try:
        read_line = _READER.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return None
    at = read_moment(read_line.at)
    if at is None or at >= _NEVER:
        return None
    action, outcome, details = read_line.what, _outcome(read_line.what), read_line.reason
    if action == "managed":
        failed = details.endswith(_FAILED)
        action, _, details = details.removesuffix(_FAILED).partition(" ")
        outcome = "failed" if failed else "done"
    return Entry(
        at=at,
        who=read_line.who,
        action=action,
        which=read_line.account,
        outcome=outcome,
        details=details,
        since=read_moment(read_line.since),
        count=read_line.count,
    )


def _outcome(what: str) -> Outcome:
    return "failed" if what.endswith("_failed") else "refused" if what == "refused" else "done"


_READER = msgspec.json.Decoder(_Line)
