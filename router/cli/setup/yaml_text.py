"""Changes of YAML files that leave comments, order and layout of the rest as they are.

Known are keys at the top of the file, and items of a list at the top or under such a key: more is not needed.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from router.cli.setup.splices import CannotEdit, Splice, appended, line_end, line_start, newline
from router.cli.setup.values import Keys, match_of


def read(text: str) -> Any:
    """The value. Raises `CannotEdit`."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CannotEdit(f"it is not YAML: {error}") from None


def write(value: Any) -> str:
    """A value; a mapping becomes lines, everything else stands on one."""
    if isinstance(value, dict):
        return "\n".join(f"{name}: {json.dumps(item, ensure_ascii=False)}" for name, item in value.items())
    return json.dumps(value, ensure_ascii=False)


def raw(text: str, keys: Keys) -> str | None:
    """What stands at a place, None where there is nothing."""
    found = _find(_compose(text), keys)
    return None if found is None else text[found.start_mark.index : _stop(found)]


def put(text: str, keys: Keys, value: str) -> list[Splice]:
    """`value` (YAML, lines without indentation) at a place."""
    root = _compose(text)
    found = _find(root, keys)
    if found is not None:
        start = found.start_mark.index
        if "\n " not in value:  # what stood there before has its indentation already
            value = value.replace("\n", _break(text, found.start_mark.column))
        return [Splice(start, text[start : _stop(found)], value)]
    if match_of(keys[-1]) is None:
        if not (root is None or isinstance(root, yaml.MappingNode)):
            raise CannotEdit(f"it holds no keys at its top, so {keys[-1]} cannot be set")
        return [_at_end(text, root, f"{keys[-1]}: {value}\n")]
    return _new_item(text, root, keys, value)


def drop(text: str, keys: Keys, new_from: int) -> list[Splice]:
    """Take a place out; the list too, where it was made for this item and holds nothing else."""
    root = _compose(text)
    found = _find(root, keys)
    if found is None:
        return []
    items = _find(root, keys[:-1]) if match_of(keys[-1]) is not None else None
    if isinstance(items, yaml.SequenceNode) and len(items.value) == 1 and len(keys) == 2:
        if new_from == 0:
            return drop(text, keys[:-1], 0)
        start, stop = items.start_mark.index, _stop(items)
        return [Splice(start, text[start:stop], "[]")]
    pairs = root.value if isinstance(root, yaml.MappingNode) and match_of(keys[-1]) is None else ()
    head = next((name for name, value in pairs if value is found), found)
    start, stop = line_start(text, head.start_mark.index), line_end(text, max(_stop(found) - 1, 0))
    return [Splice(start, text[start:stop], "")]


def _new_item(text: str, root: yaml.Node | None, keys: Keys, value: str) -> list[Splice]:
    holder = _find(root, keys[:-1]) if root is not None else None
    if isinstance(holder, yaml.SequenceNode) and holder.value:
        if holder.flow_style:
            raise CannotEdit("its list is written in one line; give each item a line with a dash")
        column = holder.start_mark.column
        stop = line_end(text, max(_stop(holder) - 1, 0))
        lead = newline(text) if not text[:stop].endswith("\n") else ""
        return [Splice(stop, "", lead + _item(text, value, column))]
    if len(keys) == 1:
        if root is not None:
            raise CannotEdit("it holds no list at its top")
        return [appended(text, _item("", value, 0))]
    if holder is None:
        if not (root is None or isinstance(root, yaml.MappingNode)):
            raise CannotEdit(f"it holds no keys at its top, so {keys[0]} cannot be set")
        return [_at_end(text, root, f"{keys[0]}:\n{_item('', value, 2)}")]
    empty = text[holder.start_mark.index : holder.end_mark.index]
    if empty.strip() not in ("", "[]", "~", "null"):
        raise CannotEdit(f"{keys[0]} is no list there")
    end = newline(text)
    return [Splice(holder.start_mark.index, empty, end + _item(text, value, 2).removesuffix(end))]


def _at_end(text: str, root: yaml.Node | None, lines: str) -> Splice:
    if root is not None and (text[root.start_mark.index] in "{[" or root.start_mark.column):
        raise CannotEdit("it is written in braces or indented; give each key a line of its own, without indentation")
    return appended(text, lines)


def _item(text: str, value: str, column: int) -> str:
    end = newline(text)
    return " " * column + "- " + value.replace("\n", _break(text, column + 2)) + end


def _break(text: str, column: int) -> str:
    return newline(text) + " " * column


def _compose(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise CannotEdit(f"it is not YAML: {error}") from None
    return node


def _find(node: yaml.Node | None, keys: Keys) -> yaml.Node | None:
    for key in keys:
        match = match_of(key)
        if match is not None and isinstance(node, yaml.SequenceNode):
            named = [item for item in node.value if (name := _find(item, (match[0],))) and name.value == match[1]]
            node = named[-1] if named else None
        elif isinstance(node, yaml.MappingNode):
            node = next((value for name, value in reversed(node.value) if name.value == key), None)
        else:
            return None
    return node


def _stop(node: yaml.Node) -> int:
    """Where a node really ends: the parser's mark of a block lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _stop(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)
