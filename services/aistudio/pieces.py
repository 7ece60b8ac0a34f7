"""What is read from the page while it answers, in whichever way."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Text(Struct, frozen=True):
    """More of the answer."""

    text: str


class Thought(Struct, frozen=True):
    """More of the thinking."""

    text: str


class Call(Struct, frozen=True):
    """A whole function call."""

    name: str
    arguments: dict[str, Any]


class Usage(Struct, frozen=True):
    """Tokens so far. total holds the thoughts too."""

    input: int
    output: int
    total: int


class Finish(Struct, frozen=True):
    """Why the answer ended, in Gemini's words."""

    reason: str


Piece = Text | Thought | Call | Usage | Finish
