"""Pieces as Gemini response objects, and those folded into one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.aistudio.pieces import Call, Finish, Piece, Text, Thought, Usage

BYTES_PER_TOKEN = 4
"""For the estimate where the page tells no counts."""


class AnswerWriter:
    """Writes one answer. Calls are numbered, so that equal input gives equal ids."""

    def __init__(self, response_id: str, model: str, *, thoughts: bool) -> None:
        self._head = {"modelVersion": model, "responseId": response_id}
        self._response_id = response_id
        self._thoughts = thoughts
        self._calls = 0
        self._usage: Usage | None = None
        self._finish: str | None = None
        self._bytes = 0
        self.began = False

    @property
    def counted(self) -> bool:
        """Whether the page told how many tokens there were."""
        return self._usage is not None

    def write(self, pieces: Iterable[Piece]) -> dict[str, Any] | None:
        """One object with what is new; None where the caller need not be told."""
        parts: list[dict[str, Any]] = []
        for piece in pieces:
            if isinstance(piece, Usage):
                self._usage = piece
            elif isinstance(piece, Finish):
                self._finish = piece.reason
            else:
                self.began = True
                parts += self._part(piece)
        return self._object(parts) if parts else None

    def end(self, prompt: str, reason: str = "STOP") -> dict[str, Any]:
        """The last object: reason and usage."""
        last = self._object([{"text": ""}])
        last["candidates"][0]["finishReason"] = self._finish or reason
        last["usageMetadata"] = self._counts(prompt)
        return last

    def _part(self, piece: Text | Thought | Call) -> list[dict[str, Any]]:
        if isinstance(piece, Call):
            self._calls += 1
            call = {"id": f"{self._response_id}-{self._calls}", "name": piece.name, "args": piece.arguments}
            return [{"functionCall": call}]
        self._bytes += len(piece.text.encode("utf-8", "replace"))
        if isinstance(piece, Thought):
            return [{"text": piece.text, "thought": True}] if self._thoughts else []
        return [{"text": piece.text}]

    def _object(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}], **self._head}

    def _counts(self, prompt: str) -> dict[str, int]:
        if self._usage is None:
            told = max(1, len(prompt.encode("utf-8", "replace")) // BYTES_PER_TOKEN)
            made = max(1, self._bytes // BYTES_PER_TOKEN)
            return {"promptTokenCount": told, "candidatesTokenCount": made, "totalTokenCount": told + made}
        usage = self._usage
        counts = {
            "promptTokenCount": usage.input,
            "candidatesTokenCount": usage.output,
            "totalTokenCount": usage.total,
        }
        thoughts = usage.total - usage.input - usage.output
        if thoughts > 0:
            counts["thoughtsTokenCount"] = thoughts
        return counts


def fold(objects: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The objects of one answer as one, texts of the same kind joined."""
    out: dict[str, Any] = {}
    parts: list[dict[str, Any]] = []
    candidate: dict[str, Any] = {}
    for each in objects:
        out.update(each)
        candidate = {**candidate, **each["candidates"][0]}
        for part in each["candidates"][0]["content"]["parts"]:
            _join(parts, part)
    return {**out, "candidates": [{**candidate, "content": {"role": "model", "parts": parts or [{"text": ""}]}}]}


def _join(parts: list[dict[str, Any]], part: dict[str, Any]) -> None:
    if part.get("text") == "":
        return
    if "text" in part and parts and "text" in parts[-1] and parts[-1].get("thought") == part.get("thought"):
        parts[-1] = {**part, "text": parts[-1]["text"] + part["text"]}
    else:
        parts.append(part)
