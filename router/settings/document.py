"""The YAML text as plain values, with the line of each, and the mistakes that YAML itself would let pass."""

from __future__ import annotations

from typing import Any

import yaml

from router.settings.mistakes import Mistake, Path, dotted

_DEEPEST = 40
_MOST_NODES = 200_000


class Document:
    """values: dicts, lists and scalars. lines: path -> line, from 1. mistakes: found while reading."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.lines: dict[Path, int] = {}
        self.mistakes: list[Mistake] = []

    def line(self, path: Path) -> int | None:
        """The line of `path`, or of the nearest thing around it."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return None

    def rename(self, path: Path, name: str) -> None:
        """Give the mapping key at `path` another name, lines included."""
        parent: Any = self.values
        for step in path[:-1]:
            parent = parent[step]
        parent[name] = parent.pop(path[-1])
        at = len(path) - 1
        self.lines = {(*p[:at], name, *p[at + 1 :]) if p[: at + 1] == path else p: n for p, n in self.lines.items()}


def read_document(text: str) -> Document:
    """Reads `text`. An empty text is an empty mapping; what cannot be read is in `mistakes`."""
    document = Document()
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        problem = f"has the character U+{ord(text[error.position]):04X}, which YAML does not allow"
        document.mistakes.append(Mistake(path="", problem=problem, line=line, remedy="Remove it."))
        return document
    try:
        root = loader.get_single_node()
        if root is None or root.tag == "tag:yaml.org,2002:null":
            return document
        if not isinstance(root, yaml.MappingNode):
            document.mistakes.append(Mistake(path="", problem="the file must be a mapping of settings", line=1))
            return document
        document.values = _Reader(loader, document).read(root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "it cannot be read"
        remedy = "Indent with blanks." if "\\t" in what else None
        found_at = mark.line + 1 if mark is not None else None
        document.mistakes.append(Mistake(path="", problem=f"is not valid YAML: {what}", line=found_at, remedy=remedy))
    except yaml.YAMLError as error:
        document.mistakes.append(Mistake(path="", problem=f"is not valid YAML: {str(error).splitlines()[0]}"))
    finally:
        loader.dispose()
    return document


class _Reader:
    """Turns nodes into values; PyYAML's own constructor forgets lines and lets a second key of one name win."""

    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._nodes = 0

    def read(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if len(path) > _DEEPEST or self._nodes > _MOST_NODES:
            raise yaml.YAMLError("it is nested too deeply or repeats itself without end")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(child, (*path, at)) for at, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _item(self, node: yaml.Node, path: Path) -> Any:
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        return self.read(node, path)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            problem = "has a value that YAML cannot read; put it in quotes"
            self._document.mistakes.append(Mistake(path=dotted(path), problem=problem, line=node.start_mark.line + 1))
            return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong(path, "has a key that is not a text", line)
                continue
            key = str(key_node.value)
            if key == "<<" and key_node.tag == "tag:yaml.org,2002:merge":
                merged.append(value_node)
                continue
            if key == "..." and len(node.value) == 1:
                return {}  # `{...}`: the way the documentation of an earlier tool wrote "nothing special"
            if key in first:
                self._wrong((*path, key), f"is given twice, first in line {first[key]}", line, "Keep one of the two.")
                continue
            first[key] = line
            self._document.lines.setdefault((*path, key), line)
            values[key] = self.read(value_node, (*path, key))
        for other in merged:
            for part in other.value if isinstance(other, yaml.SequenceNode) else [other]:
                values = {**self.read(part, path), **values} if isinstance(part, yaml.MappingNode) else values
        return values

    def _wrong(self, path: Path, problem: str, line: int, remedy: str | None = None) -> None:
        self._document.mistakes.append(Mistake(path=dotted(path), problem=problem, line=line, remedy=remedy))
