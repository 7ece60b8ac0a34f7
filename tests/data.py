"""Where tests find recorded provider answers and captured client requests.

Recorded answers are not part of the repository: tests that want them are skipped, with a reason, where they are absent.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[2] / "shared"
CAPTURES = Path(__file__).parent / "captures"


def recorded(name: str) -> Path:
    """The path of one recorded answer such as ``openai-chat/x.sse``; skips the test where it is absent."""
    path = SHARED / "recorded" / name
    if not path.exists():
        pytest.skip(f"recorded answer {name} is not here")
    return path


def capture(name: str) -> dict[str, Any]:
    """One captured request such as ``codex/01-….json``. Schemas that were cut to ``"…"`` become empty objects."""
    value: dict[str, Any] = _uncut(json.loads((CAPTURES / name).read_text(encoding="utf-8")))
    return value


def captures(client: str) -> list[str]:
    """Names of all captures of one client, for `capture`."""
    return sorted(f"{client}/{path.name}" for path in (CAPTURES / client).glob("*.json"))


def _uncut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: {} if inner == "…" else _uncut(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_uncut(inner) for inner in value]
    return value
