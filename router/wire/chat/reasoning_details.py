"""OpenRouter's `reasoning_details`: signatures and encrypted reasoning beside the text, to be sent back unchanged.

Streamed entries of one `index` (or, without it, of one type and id) are fragments of one entry: texts are joined, other
keys kept. Source: openrouter.ai documentation, "Reasoning tokens", preserving reasoning blocks.
"""

from __future__ import annotations

from typing import Any

from router.wire.codec import dumps_text
from router.wire.conversation import JsonObject, Opaque

_TEXTS = ("text", "summary")
_SECRETS = ("signature", "data")


class Details:
    """Collects the entries of one thinking part."""

    def __init__(self) -> None:
        self._entries: dict[Any, JsonObject] = {}

    def feed(self, entries: list[Any]) -> str:
        """Take the entries of one delta; gives their text, for servers that send no `reasoning` beside them."""
        shown = ""
        for entry in entries:
            if not isinstance(entry, dict):
                continue
            key = (entry.get("type"), entry.get("index"), entry.get("id"))
            own = self._entries.setdefault(key, {})
            for name, value in entry.items():
                if name in (*_TEXTS, *_SECRETS) and isinstance(value, str) and isinstance(own.get(name), str):
                    own[name] += value
                elif value is not None or name not in own:
                    own[name] = value
            shown += "".join(entry[name] for name in _TEXTS if isinstance(entry.get(name), str))
        return shown

    @property
    def pending(self) -> bool:
        """Is there an entry that only its maker understands?"""
        return any(entry.get(name) for entry in self._entries.values() for name in _SECRETS)

    def taken(self, family: str) -> Opaque | None:
        """All entries as opaque bytes if one of them is signed or encrypted, and a clean start."""
        opaque = None
        if self.pending:
            opaque = Opaque("chat", dumps_text(list(self._entries.values())), family or None)
        self._entries.clear()
        return opaque
