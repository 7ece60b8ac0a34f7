"""An answer that is ready to be sent, well or badly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.prompt import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Either one JSON `body`, or `frames` in order; `gap` seconds lie between frames.

    content_type: "" for none. breaks: an error in the dialect comes after so many frames.
    array: the frames are the elements of one growing JSON array (Gemini without `alt=sse`). usage: what the whole
    answer is charged for, None where nothing is.
    """

    body: Any = None
    frames: list[bytes] | None = None
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    gap: float = 0.0
    array: bool = False
    breaks: int | None = None
    usage: Usage | None = None
