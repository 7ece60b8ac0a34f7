"""Notes on what a request lost or had to change on its way, and how they are told to the client."""

from __future__ import annotations

from collections.abc import Iterable

from router.faults import Fault
from router.wire.written import Action, Note

MAX_HEADER = 512


class Notes:
    """Collects notes while one request is adapted and written; order kept, repeated notes once."""

    def __init__(self, notes: Iterable[Note] = ()) -> None:
        self._notes: dict[Note, None] = dict.fromkeys(notes)

    def dropped(self, what: str) -> None:
        self._add("dropped", what)

    def clamped(self, what: str) -> None:
        self._add("clamped", what)

    def changed(self, what: str) -> None:
        self._add("changed", what)

    def emulated(self, what: str) -> None:
        self._add("emulated", what)

    def repaired(self, what: str) -> None:
        self._add("repaired", what)

    def extend(self, notes: Iterable[Note]) -> None:
        self._notes.update(dict.fromkeys(notes))

    def taken(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def _add(self, action: Action, what: str) -> None:
        self._notes[Note(action, what)] = None


def header_value(notes: Iterable[Note]) -> str:
    """``dropped=seed,logit_bias; clamped=temperature``: printable ASCII, at most `MAX_HEADER` characters."""
    groups: dict[str, list[str]] = {}
    for note in notes:
        name = "".join(c if c.isascii() and c.isprintable() and c not in ",;=" else "_" for c in note.what)
        names = groups.setdefault(note.action, [])
        if name not in names:
            names.append(name)
    text = "; ".join(f"{action}={','.join(names)}" for action, names in groups.items())
    return text if len(text) <= MAX_HEADER else text[: MAX_HEADER - 3] + "..."


def refuse_if_strict(notes: Iterable[Note], *, strict: bool) -> None:
    """In strict mode a request that would lose or change anything is refused before any upstream call."""
    notes = tuple(notes)
    if strict and notes:
        raise Fault(
            "bad_request",
            f"Strict mode refuses this request: the target cannot be told everything ({header_value(notes)}). "
            "Remove these settings, choose another model, or leave out x-switchyard-strict.",
        )
