"""Changes of JSON files that leave comments, order and layout of the rest as they are."""

from __future__ import annotations

import json
import re
from typing import Any

from router.cli.setup.json_spans import Member, Node, parsed
from router.cli.setup.splices import CannotEdit, Splice, applied, line_end, line_start, newline
from router.cli.setup.values import Keys, dotted

_COMMENT = re.compile(r"[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/[ \t]*(?=\r?\n|$))")


def read(text: str) -> Any:
    """The value; an empty file is an empty object."""
    return parsed(text).value if text.strip() else {}


def write(value: Any) -> str:
    """A value as it is put into the file."""
    return json.dumps(value, ensure_ascii=False)


def raw(text: str, keys: Keys) -> str | None:
    """What stands at a place, None where there is nothing."""
    node = parsed(text) if text.strip() else Node(0, 0, {}, [])
    for key in keys:
        member = node.member(key)
        if member is None:
            return None
        node = member.node
    return text[node.at : node.end]


def put(text: str, keys: Keys, value: str) -> list[Splice]:
    """`value` (JSON) at a place."""
    if not text.strip():
        first = Splice(0, text, "{}\n")
        return [first, *put(applied(text, [first]), keys, value)]
    node = parsed(text)
    for depth, key in enumerate(keys):
        if node.members is None:
            raise CannotEdit(f"{dotted(keys[:depth])} is no object there, so {key} cannot be set in it")
        member = node.member(key)
        if member is None:
            return _added(text, node, keys[depth:], value)
        node = member.node
    return [Splice(node.at, text[node.at : node.end], value)]


def drop(text: str, keys: Keys, new_from: int) -> list[Splice]:
    """Take a place out, with the objects above it from depth `new_from` on that hold nothing else."""
    nodes = [parsed(text)]
    for key in keys[:-1]:
        member = nodes[-1].member(key)
        if member is None:
            return []
        nodes.append(member.node)
    at = len(keys) - 1
    while at > new_from and len(nodes[at].members or ()) == 1:
        at -= 1
    member = nodes[at].member(keys[at])
    return [] if member is None else _removed(text, nodes[at], member)


def _added(text: str, node: Node, keys: Keys, value: str) -> list[Splice]:
    members, end = node.members or [], newline(text)
    here = text[line_start(text, node.at) :]
    outer = here[: len(here) - len(here.lstrip(" \t"))]
    unit = _unit(text)
    if not members:
        inner = outer + unit
        close = "" if "\n" in text[node.at : node.end] else end + outer
        addition = end + inner + _member(keys, value, inner, unit, end) + close
        return [Splice(node.at + 1, "", addition)]
    last = members[-1]
    if "\n" not in text[node.at : last.at]:
        addition = _member(keys, value, "", "", " ")
        return [Splice(last.node.end, "", f", {addition}")]
    inner = text[line_start(text, last.at) : last.at]
    if inner.strip():  # several members on one line
        inner = outer + unit
    point = (last.comma if last.comma >= 0 else last.node.end - 1) + 1
    comment = _COMMENT.match(text, point)
    point = comment.end() if comment is not None else point
    addition = end + inner + _member(keys, value, inner, unit, end) + ("," if last.comma >= 0 else "")
    splices = [Splice(point, "", addition)]
    return splices if last.comma >= 0 else [*splices, Splice(last.node.end, "", ",")]


def _member(keys: Keys, value: str, indent: str, unit: str, end: str) -> str:
    head = f"{json.dumps(keys[0], ensure_ascii=False)}: "
    if len(keys) == 1:
        return head + value.replace("\n", end + indent)
    inner = indent + unit
    gap = end if unit else ""
    return f"{head}{{{gap}{inner}{_member(keys[1:], value, inner, unit, end)}{gap}{indent}}}"


def _unit(text: str) -> str:
    """One step of indentation, as the file has it."""
    found = re.search(r'^([ \t]+)"', text, re.M)
    return found[1] if found is not None else "  "


def _removed(text: str, node: Node, member: Member) -> list[Splice]:
    members = node.members or []
    at = members.index(member)
    start, stop = member.at, member.node.end if member.comma < 0 else member.comma + 1
    line, after = line_start(text, start), line_end(text, stop)
    if not text[line:start].strip() and not text[stop:after].strip() and line > node.at:
        start, stop = line, after  # a line of its own goes as a whole
    elif at + 1 < len(members):
        stop += len(text[stop:]) - len(text[stop:].lstrip(" \t"))
    splices = [Splice(start, text[start:stop], "")]
    if member.comma < 0 and at > 0 and (comma := members[at - 1].comma) >= 0:
        splices.append(Splice(comma, ",", ""))
    return splices
