"""One file's change and its way back, as values. Pure: text in, text and record out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from router.cli.setup.formats import FORMATS
from router.cli.setup.splices import CannotEdit, Cut, Splice, applied, cuts, taken_back
from router.cli.setup.values import MISSING, Keys, digest, dotted, known_depth, value_at, with_value
from router.cli.setup.wishes import FileWish

HIDDEN = "the client key"


class Edit(Struct, frozen=True, kw_only=True):
    """One place. new_from: how many of its keys were there before. old: what stood there, as text; None: nothing.

    value: a digest of what was set. shown: that value, masked where it is secret. cuts: how the text goes back.
    loose: as in `Wish`. also: digests of what earlier runs had set, which stands there still where a run broke off.
    """

    keys: Keys
    new_from: int
    old: str | None
    value: str
    shown: Any
    cuts: tuple[Cut, ...]
    secret: bool = False
    loose: bool = False
    also: tuple[str, ...] = ()


class FileRecord(Struct, frozen=True, kw_only=True):
    """One file as the journal has it. before, after: SHA-256 of the bytes; before is "" where there was no file.

    mode: its permission bits. start: how the text of a new file began, folders: those that were made for it."""

    path: str
    format: str
    mode: int
    before: str
    after: str
    edits: tuple[Edit, ...]
    start: str = ""
    folders: tuple[str, ...] = ()


class Conflict(Struct, frozen=True):
    """A place that has changed since. Values as text for a person, None where there is nothing."""

    place: str
    wrote: str
    now: str | None
    before: str | None


def sha256(text: str | None) -> str:
    """Of a file's text, "" for no file."""
    return "" if text is None else hashlib.sha256(text.encode("utf-8")).hexdigest()


def changed(text: str | None, wish: FileWish, earlier: Sequence[Edit] = ()) -> tuple[str, tuple[Edit, ...]]:
    """The text with all wishes, and what was done for each. earlier: edits of the run before, which `text` is without.
    Raises `CannotEdit`: then nothing of it may be written."""
    kind = FORMATS[wish.format]
    new = wish.start if text is None else text
    edits: list[Edit] = []
    for one in wish.wishes:
        document = kind.read(new)
        now = value_at(document, one.keys)
        if now == one.value or (one.loose and now is not MISSING):
            continue
        old, depth = kind.raw(new, one.keys), known_depth(document, one.keys)
        splices = kind.put(new, one.keys, kind.write(one.value))
        new = _checked(new, splices, wish.format, with_value(document, one.keys, one.value), one.keys)
        edits.append(
            Edit(
                keys=one.keys,
                new_from=depth,
                old=old,
                value=digest(one.value),
                shown=_masked(one.value) if one.secret else one.value,
                secret=one.secret,
                cuts=cuts(splices),
                loose=one.loose,
                also=tuple(
                    dict.fromkeys(known for edit in earlier if edit.keys == one.keys for known in _digests(edit))
                ),
            )
        )
    return new, tuple(edits)


def restored(text: str | None, record: FileRecord) -> tuple[str | None, list[Conflict]]:
    """The file's text as it was before; None: no file. Where somebody changed the file since, only the places of the
    record go back, and those that hold something else are conflicts."""
    if text is None or sha256(text) == record.before:
        return text, []
    if sha256(text) == record.after:
        for edit in reversed(record.edits):
            text = taken_back(text, edit.cuts)
        return (text if record.before else None), []
    kind, conflicts = FORMATS[record.format], []
    for edit in reversed(record.edits):
        document = kind.read(text)
        now = value_at(document, edit.keys)
        raw = kind.raw(text, edit.keys)
        if now is MISSING or raw == edit.old:
            continue  # it was taken out or put back by hand
        if digest(now) not in _digests(edit) and not edit.loose:
            conflicts.append(_conflict(edit, raw))
            continue
        text = _without(text, record.format, edit)
    made_by_us = not record.before and text.strip() in ("", "{}", record.start.strip())
    return (None if made_by_us else text), conflicts


def _masked(value: Any) -> Any:
    """A secret value for a screen: of a mapping only what is named a key is one."""
    if isinstance(value, dict):
        return {name: HIDDEN if "key" in name.lower() else item for name, item in value.items()}
    return HIDDEN


def _digests(edit: Edit) -> tuple[str, ...]:
    return edit.value, *edit.also


def _without(text: str, form: str, edit: Edit) -> str:
    kind = FORMATS[form]
    if edit.old is not None:
        return applied(text, kind.put(text, edit.keys, edit.old))
    return applied(text, kind.drop(text, edit.keys, edit.new_from))


def _conflict(edit: Edit, raw: str | None) -> Conflict:
    return Conflict(
        dotted(edit.keys),
        str(edit.shown),
        "something else (not shown, it may be a key)" if edit.secret else raw,
        "something (not shown, it may be a key)" if edit.secret and edit.old is not None else edit.old,
    )


def _checked(text: str, splices: list[Splice], form: str, wanted: Any, keys: Keys) -> str:
    """The text with the splices, if it then says exactly what is wanted and nothing else has become different."""
    new = applied(text, splices)
    try:
        fine = FORMATS[form].read(new) == wanted
    except CannotEdit:
        fine = False
    if not fine:
        raise CannotEdit(f"{dotted(keys)} cannot be set without touching the rest; set it by hand")
    return new
