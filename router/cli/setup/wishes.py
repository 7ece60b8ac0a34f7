"""What a client needs, as values: which places of which files, and which variables of its shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from router.cli.setup.values import Keys


class Wish(Struct, frozen=True):
    """One place of a file and what shall stand there. secret: it is shown to nobody and not recorded.

    loose: the client writes something of its own there sooner or later. What is there already stays, and what was made
    goes back whatever it holds by then."""

    keys: Keys
    value: Any
    secret: bool = False
    loose: bool = False

    def __repr__(self) -> str:
        return f"Wish({self.keys}, {'***' if self.secret else repr(self.value)})"


class FileWish(Struct, frozen=True, kw_only=True):
    """One file. format: a name of `FORMATS`. start: the text that a new file begins with."""

    path: Path
    format: str
    wishes: tuple[Wish, ...]
    start: str = ""

    @property
    def holds_key(self) -> bool:
        """Whether a key stands in it afterwards."""
        return any(wish.secret for wish in self.wishes)


class Recipe(Struct, frozen=True, kw_only=True):
    """All of one client. variables: name to value as a shell reads it (already quoted). told: what the person must know
    or do. overriding: variables that win over the files where the shell has them."""

    files: tuple[FileWish, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    told: tuple[str, ...] = ()
    overriding: tuple[str, ...] = ()
