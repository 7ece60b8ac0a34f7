"""Blocks that only Anthropic knows, with a readable rendering for other dialects where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from router.wire.conversation import Foreign, JsonObject


def foreign(block: JsonObject, path: str) -> Foreign:
    """`block` kept as it is. Unknown ones carry meaning: another dialect's writer refuses rather than drops them."""
    kind = block.get("type")
    kind = kind if isinstance(kind, str) else ""
    if kind in _SILENT:
        return Foreign(dialect="messages", raw=block, meaningful=False, where=path)
    render = _RENDERERS.get(kind)
    if render is None and kind.endswith("_tool_result"):
        render = _result
    return Foreign(dialect="messages", raw=block, text=render(block) if render else None, where=path)


_SILENT = frozenset({"server_tool_use", "mcp_tool_use", "tool_search_tool_result", "fallback"})
"""What the model asked its provider for: the result behind it says all that another model needs."""


def _reference(block: JsonObject) -> str | None:
    return f"(tool loaded: {block.get('tool_name')})"


def _search_result(block: JsonObject) -> str | None:
    head = _link(block.get("title"), block.get("source"))
    return "\n".join(part for part in (head, *_texts(block.get("content"))) if part)


def _compaction(block: JsonObject) -> str | None:
    content = block.get("content")
    return content if isinstance(content, str) else None


def _result(block: JsonObject) -> str | None:
    """The titles, links and texts of any server tool's result, depth first."""
    kind = str(block.get("type", "")).removesuffix("_tool_result").replace("_", " ").strip()
    lines = _lines(block.get("content"))
    return "\n".join([f"[{kind} result]", *lines])


def _mcp_result(block: JsonObject) -> str | None:
    return "\n".join(["[tool result]", *_lines(block.get("content"))])


def _lines(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    if isinstance(value, list):
        return [line for item in value for line in _lines(item)]
    if not isinstance(value, dict):
        return []
    link = _link(value.get("title"), value.get("url") or value.get("source"))
    lines = [f"- {link}"] if link else []
    for key in ("text", "data", "stdout", "stderr", "error_code"):
        lines.extend(_lines(value[key]) if isinstance(value.get(key), str) else [])
    lines.extend(_lines(value.get("content")))
    source = value.get("source")
    if isinstance(source, dict) and source.get("type") == "text":
        lines.extend(_lines(source.get("data")))
    return lines


def _link(title: Any, url: Any) -> str:
    parts = [part for part in (title, url) if isinstance(part, str) and part]
    return f"{parts[0]} ({parts[1]})" if len(parts) == 2 else "".join(parts)


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [item["text"] for item in content if isinstance(item, dict) and isinstance(item.get("text"), str)]


_RENDERERS: Mapping[str, Callable[[JsonObject], str | None]] = MappingProxyType(
    {
        "tool_reference": _reference,
        "search_result": _search_result,
        "compaction": _compaction,
        "mcp_tool_result": _mcp_result,
    }
)
