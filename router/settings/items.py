"""Items of a list in a settings file, added, changed and removed as a person would: comments, order and layout of all
the rest stay. Pure.

An item is written on one line. What cannot be done without touching something else is not done: the outcome is read
again, and has to be the one that was meant.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from router.settings.document import read_document
from router.settings.mistakes import dotted

Item = Mapping[str, Any]
Place = Sequence[str | int]
"""Keys of mappings and numbers in lists on the way to a list."""
_EMPTY = frozenset({"", "~", "null", "Null", "NULL"})
_INDENT = 2
_QUOTED = re.compile(r'[{\[]?\s*"')
"""What begins as JSON does."""


class CannotEdit(ValueError):
    """The file is written in a way that only a person can change; the message says what to do."""


def items(text: str, place: Place) -> list[Any]:
    """What the list at `place` has, as written; nothing where there is none."""
    found: Any = read_document(text).values
    for step in place:
        found = _inner(found, step)
    return list(found) if isinstance(found, list) else []


def added(text: str, place: Place, item: Item) -> str:
    """The text with one more at the end. Raises `CannotEdit`."""
    parts = _Parts(text)
    holder, depth = parts.deepest(place)
    if depth == len(place):
        new = parts.appended(holder, item)
    else:
        new = parts.with_key(holder, list(map(str, place[depth:])), item, place[:depth])
    return _proven(text, new, place, [*items(text, place), dict(item)])


def changed(text: str, place: Place, at: int, item: Item) -> str:
    """The text with another item in the place of one. Raises `CannotEdit`."""
    parts = _Parts(text)
    old = parts.item(place, at)
    new = parts.mapping_changed(old, items(text, place)[at], item)
    wanted = items(text, place)
    wanted[at] = dict(item)
    if new is None or items(new, place) != wanted:
        new = parts.replaced(old, item)
    return _proven(text, new, place, wanted)


def removed(text: str, place: Place, at: int) -> str:
    """The text without one. Raises `CannotEdit`."""
    parts = _Parts(text)
    wanted = items(text, place)
    del wanted[at]
    return _proven(text, parts.without(place, at), place, wanted)


def _proven(before: str, after: str, place: Place, wanted: list[Any]) -> str:
    """`after`, where it says what `before` says but for the list."""
    meant = copy.deepcopy(read_document(before).values)
    inner: Any = meant
    for step in place[:-1]:
        if not isinstance(_inner(inner, step), (dict, list)):
            inner[step] = {}
        inner = inner[step]
    inner[place[-1]] = wanted
    read = read_document(after)
    if read.mistakes or read.values != meant:
        where = dotted(tuple(place))
        raise CannotEdit(f"{where} is written in a way that cannot be changed from here: change it in the file itself.")
    return after


def _inner(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else None
    return value.get(step) if isinstance(value, dict) else None


class _Parts:
    """A text and where its parts are."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = "\r\n" if "\r\n" in text else "\n"
        try:
            self._root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise CannotEdit(f"The file is no YAML: {str(error).splitlines()[0]}.") from None

    def deepest(self, place: Place) -> tuple[yaml.Node | None, int]:
        """The node furthest along `place`, and how many steps lead to it."""
        node, depth = self._root, 0
        for step in place:
            below = _below(node, step)
            if below is None:
                break
            node, depth = below, depth + 1
        return node, depth

    def item(self, place: Place, at: int) -> yaml.Node:
        node, depth = self.deepest(place)
        if depth < len(place) or not isinstance(node, yaml.SequenceNode) or at >= len(node.value):
            raise CannotEdit(f"{dotted(tuple(place))} is no list with so many items.")
        item: yaml.Node = node.value[at]
        return item

    def appended(self, holder: yaml.Node | None, item: Item) -> str:
        """One more in a list that is there, or has a key and nothing behind it."""
        if isinstance(holder, yaml.SequenceNode):
            if holder.flow_style:
                return self._into_flow(holder, _json(item))
            return self._line_behind(holder, f"{' ' * holder.start_mark.column}- {_yaml(item)}")
        if isinstance(holder, yaml.ScalarNode) and holder.value in _EMPTY:
            return self._replace(
                holder.start_mark.index, holder.end_mark.index, self._spaced(holder, f"[{_json(item)}]")
            )
        raise CannotEdit("It is no list: change it in the file itself.")

    def with_key(self, holder: yaml.Node | None, steps: list[str], item: Item, above: Place) -> str:
        """The keys that are missing, with a list of one behind them."""
        if holder is None:
            lead = self._end if self._text and not self._text.endswith("\n") else ""
            return self._text + lead + self._nested(steps, item, 0) + self._end
        if isinstance(holder, yaml.MappingNode) and not holder.flow_style:
            return self._line_behind(holder, self._nested(steps, item, holder.start_mark.column))
        value: Any = [dict(item)]
        for step in reversed(steps):
            value = {step: value}
        if isinstance(holder, yaml.MappingNode):
            return self._into_flow(holder, _json(value)[1:-1])
        if isinstance(holder, yaml.ScalarNode) and holder.value in _EMPTY:
            return self._replace(holder.start_mark.index, holder.end_mark.index, self._spaced(holder, _json(value)))
        raise CannotEdit(f"{dotted(tuple(above))} is no mapping: change it in the file itself.")

    def replaced(self, node: yaml.Node, item: Item) -> str:
        """Another item in the place of one, on one line."""
        written = _json(item) if _QUOTED.match(self._text, node.start_mark.index) else _yaml(item)
        return self._replace(node.start_mark.index, _stop(node), written)

    def mapping_changed(self, node: yaml.Node, before: Any, item: Item) -> str | None:
        """Line by line, where each key has its own; None where that cannot be done."""
        if not isinstance(node, yaml.MappingNode) or node.flow_style or not isinstance(before, dict):
            return None
        text, column = self._text, node.start_mark.column
        new = [f"{' ' * column}{name}: {_value(item[name])}{self._end}" for name in item if name not in before]
        if new:
            stop = self._line_end(_stop(node))
            lead = "" if text[:stop].endswith("\n") else self._end
            text = text[:stop] + lead + "".join(new) + text[stop:]
        for name, value in reversed(node.value):  # from behind, so that the marks in front stay right
            if name.value not in item:
                first = name is node.value[0][0]
                if first:
                    return None  # its line is that of the dash
                text = text[: self._line_start(name.start_mark.index)] + text[self._line_end(_stop(value)) :]
            elif before.get(name.value) != item[name.value]:
                text = text[: value.start_mark.index] + _value(item[name.value]) + text[_stop(value) :]
        return text

    def without(self, place: Place, at: int) -> str:
        """Without one item; a list that has no other stays as an empty one."""
        node = self.item(place, at)
        holder, _ = self.deepest(place)
        assert isinstance(holder, yaml.SequenceNode)  # noqa: S101  `item` has looked
        others: list[yaml.Node] = holder.value
        if holder.flow_style:
            if at + 1 < len(others):
                return self._replace(node.start_mark.index, others[at + 1].start_mark.index, "")
            start = _stop(others[at - 1]) if at else node.start_mark.index
            return self._replace(start, _stop(node), "")
        start, stop = self._line_start(node.start_mark.index), self._line_end(_stop(node))
        if len(others) > 1:
            return self._replace(start, stop, "")
        parent, _ = self.deepest(place[:-1])
        pair = _pair(parent, place[-1])
        colon = self._text.index(":", pair[0].end_mark.index) + 1 if pair is not None else 0
        return f"{self._text[:colon]} []{self._text[colon:start]}{self._text[stop:]}"

    def _nested(self, steps: list[str], item: Item, column: int) -> str:
        lines = [f"{' ' * (column + at * _INDENT)}{step}:" for at, step in enumerate(steps)]
        return self._end.join([*lines, f"{' ' * (column + len(steps) * _INDENT)}- {_yaml(item)}"])

    def _into_flow(self, holder: yaml.CollectionNode, written: str) -> str:
        if not holder.value:
            at = holder.start_mark.index + 1
            return self._replace(at, at, written)
        last = holder.value[-1]
        at = _stop(last[1] if isinstance(last, tuple) else last)
        return self._replace(at, at, f", {written}")

    def _line_behind(self, node: yaml.Node, lines: str) -> str:
        """Whole lines behind the one on which a block ends."""
        stop = self._line_end(_stop(node))
        lead = "" if self._text[:stop].endswith("\n") else self._end
        return self._replace(stop, stop, lead + lines + self._end)

    def _spaced(self, node: yaml.Node, written: str) -> str:
        """Behind a colon there is a blank, and before a comment too."""
        start, stop = node.start_mark.index, node.end_mark.index
        lead = "" if self._text[start - 1 : start].isspace() else " "
        tail = "" if not self._text[stop : stop + 1].strip() else " "
        return lead + written + tail

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, stop: int) -> int:
        """Behind the line on which something ends; `stop` is behind its last character."""
        found = self._text.find("\n", max(stop - 1, 0))
        return len(self._text) if found < 0 else found + 1

    def _replace(self, start: int, stop: int, written: str) -> str:
        return self._text[:start] + written + self._text[stop:]


def _below(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(step, int):
        members = node.value if isinstance(node, yaml.SequenceNode) else ()
        return members[step] if step < len(members) else None
    pair = _pair(node, step)
    return None if pair is None else pair[1]


def _pair(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((pair for pair in pairs if pair[0].value == step), None)


def _stop(node: yaml.Node) -> int:
    """Where a node really ends: the parser's mark of a block lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _stop(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _yaml(value: Any) -> str:
    """On one line, as people write it."""
    written = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return str(written).strip()


def _value(value: Any) -> str:
    """A value alone; what is no collection is what JSON says, which YAML reads too."""
    return _yaml(value) if isinstance(value, (dict, list)) else _json(value)
