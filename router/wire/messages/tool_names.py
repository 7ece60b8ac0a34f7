"""The names under which a request's tools are known upstream, and the way back."""

from __future__ import annotations

from collections.abc import Iterable

from router.wire import names
from router.wire.conversation import Tool


class ToolNames:
    """One mapping for declarations, choice, history and answer (`wire.md` 4.1), rebuilt from the request each time."""

    def __init__(self, tools: Iterable[Tool], limit: int) -> None:
        declared = {names.qualified(tool.namespace, tool.name): tool for tool in tools}
        self._limit = limit
        self._map = names.name_map(declared, limit)
        self._back = {
            upstream: (declared[name].name, declared[name].namespace)
            for name, upstream in self._map.items()
            if upstream != declared[name].name or declared[name].namespace is not None
        }

    def upstream(self, namespace: str | None, name: str) -> str:
        """Also for tools that are only in the history."""
        whole = names.qualified(namespace, name)
        return self._map.get(whole) or names.safe_name(whole, self._limit)

    def chosen(self, name: str) -> str:
        """A name from a tool choice: of a declared tool, with or without its namespace."""
        if name in self._map:
            return self._map[name]
        for upstream, (own, _namespace) in self._back.items():
            if own == name:
                return upstream
        return names.safe_name(name, self._limit)

    @property
    def back(self) -> dict[str, tuple[str, str | None]]:
        """Upstream name -> (caller's name, namespace), where they differ."""
        return self._back
