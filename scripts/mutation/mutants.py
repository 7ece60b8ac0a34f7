"""The small mistakes that are put into a module to see whether its tests notice.

A mutant is one change of one node of the syntax tree. Annotations, docstrings, imports, decorators, ``__all__``, type
aliases and sentences for people (the messages of faults and exceptions) are left alone: no test should hang on them.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.Pow: ast.Mult,
}  # fmt: skip
_MESSAGE_ARGUMENT = {"Fault": 1, "bad_request": 0, "wrong": 1}
"""Which argument of a call is a sentence for people; other exceptions and `_refused`: all of them."""
_ALIASES = ("Literal", "Callable", "TypeVar", "ParamSpec", "Union", "Annotated", "NewType")
_FIELDS = ("body", "orelse", "finalbody", "handlers")

Change = Callable[[], None]


@dataclass(frozen=True)
class Mutant:
    """One change. lines: of the statement that it is in, first and last. inside: it is in a function.

    key: its number in the module.
    """

    path: str
    line: int
    scope: str
    kind: str
    before: str
    after: str
    lines: tuple[int, int]
    inside: bool
    key: int
    change: Change

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.scope} [{self.kind}] {self.before}  =>  {self.after}"


def mutants_of(root: Path, path: str) -> tuple[ast.Module, list[Mutant]]:
    """The module's tree, and its mutants in the order of the source. `change` alters this very tree, for good."""
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    finder = _Finder(path)
    finder.block(tree, "body", "", False)
    return tree, finder.found


class _Finder:
    def __init__(self, path: str) -> None:
        self.path = path
        self.found: list[Mutant] = []
        self._at: tuple[str, bool, tuple[int, int]] = ("", False, (0, 0))

    def block(self, owner: ast.AST, name: str, scope: str, inside: bool) -> None:
        """The statements of one block."""
        body = getattr(owner, name)
        for index, statement in enumerate(body):
            self._statement(statement, body, index, scope, inside)

    def _statement(self, node: ast.stmt, body: list[ast.stmt], index: int, scope: str, inside: bool) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)) or _is_typing(node) or _is_text(node):
            return
        within = f"{scope}.{node.name}".strip(".") if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else scope
        last = node.end_lineno or node.lineno
        compound = [inner for field in _FIELDS for inner in getattr(node, field, [])]
        if compound:
            last = max(node.lineno, min(inner.lineno for inner in compound if hasattr(inner, "lineno")) - 1)
        self._at = (within, inside, (node.lineno, last))
        self._whole(node, body, index)
        for expression in _expressions(node):
            self._expression(*expression)
        deeper = inside or isinstance(node, ast.FunctionDef)
        for field in _FIELDS:
            for handler in getattr(node, field, []) if field == "handlers" else []:
                self.block(handler, "body", within, deeper)
            if field != "handlers" and isinstance(getattr(node, field, None), list):
                self.block(node, field, within, deeper)
        for case in getattr(node, "cases", []):
            self.block(case, "body", within, deeper)

    def _whole(self, node: ast.stmt, body: list[ast.stmt], index: int) -> None:
        def becomes(new: ast.stmt) -> Change:
            return lambda: body.__setitem__(index, ast.copy_location(new, node))

        if isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
            self._add("return none", node, "return None", becomes(ast.Return(ast.Constant(None))))
        elif isinstance(node, (ast.If, ast.While)) and isinstance(node.test, (ast.Name, ast.Attribute, ast.Call)):
            test = node.test
            negated = ast.copy_location(ast.UnaryOp(ast.Not(), test), test)
            self._add("negated condition", test, ast.unparse(negated), lambda: setattr(node, "test", negated))
        elif isinstance(node, (ast.Continue, ast.Break)):
            other = ast.Break() if isinstance(node, ast.Continue) else ast.Continue()
            self._add("loop", node, ast.unparse(other), becomes(other))
        elif isinstance(node, (ast.Expr, ast.AugAssign, ast.Raise, ast.Delete)) or (
            isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name)
        ):
            self._add("removed statement", node, "pass", becomes(ast.Pass()))

    def _expression(self, node: ast.expr, put: Callable[[ast.expr], None]) -> None:
        """The mutants of one expression and of what is in it. put: sets another node in its place."""
        for kind, new in _changes(node):
            self._add(kind, node, ast.unparse(new), lambda new=new: put(ast.copy_location(new, node)))  # type: ignore[misc]
        if isinstance(node, ast.Call):
            for index, keyword in enumerate(node.keywords):
                text = f"without {keyword.arg or '**'}"
                self._add("removed keyword", node, text, lambda index=index: _drop(node.keywords, index))  # type: ignore[misc]
        if isinstance(node, ast.Dict):
            for index, key in enumerate(node.keys):
                text = f"without {ast.unparse(key) if key is not None else '**'}"
                self._add("removed entry", node, text, lambda index=index: _without(node, index))  # type: ignore[misc]
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            for generator in node.generators:
                for index, condition in enumerate(generator.ifs):
                    self._add("removed filter", condition, "True", lambda g=generator, i=index: _drop(g.ifs, i))  # type: ignore[misc]
        for inner in _inner(node):
            self._expression(*inner)

    def _add(self, kind: str, node: ast.AST, after: str, change: Change) -> None:
        scope, inside, lines = self._at
        before, line = ast.unparse(node), getattr(node, "lineno", lines[0])
        self.found.append(Mutant(self.path, line, scope, kind, before, after, lines, inside, len(self.found), change))


def _changes(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield "boolean", ast.Constant(not value)
        elif value is None:
            yield "none", ast.Constant("")
        elif isinstance(value, (int, float)):
            yield "number", ast.Constant(value + 1)
        elif isinstance(value, str):
            yield "string", ast.Constant(f"XX{value}XX")
        elif isinstance(value, bytes):
            yield "string", ast.Constant(b"XX" + value)
    elif isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            new = copy.deepcopy(node)
            new.ops[index] = _COMPARISONS[type(operator)]()
            yield "comparison", new
    elif isinstance(node, ast.BoolOp):
        yield "and/or", ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield "removed operator", node.operand
    elif isinstance(node, ast.IfExp):
        yield "swapped branches", ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield "removed operand", node.left
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield "arithmetic", ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)


def _expressions(node: ast.stmt) -> Iterator[tuple[ast.expr, Callable[[ast.expr], None]]]:
    """The expressions of a statement itself, each with a way to replace it; a condition also the other way round."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield from _members(node.args, "defaults")
        yield from _members(node.args, "kw_defaults")
        return
    if isinstance(node, ast.ClassDef):  # its keywords (frozen, kw_only) protect the source, not the wire
        return
    skipped = {"annotation", "type_comment", "simple", *_FIELDS}
    for field in node._fields:
        if field not in skipped and not (field == "exc" and _plain_reraise(node)):
            yield from _members(node, field)
    if isinstance(node, ast.With):
        for item in node.items:
            yield item.context_expr, _setter(item, "context_expr")
    for case in getattr(node, "cases", []):
        if case.guard is not None:
            yield case.guard, _setter(case, "guard")


def _inner(node: ast.expr) -> Iterator[tuple[ast.expr, Callable[[ast.expr], None]]]:
    if isinstance(node, ast.JoinedStr):
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                yield value.value, _setter(value, "value")
            elif isinstance(value, ast.Constant):
                yield value, _setter(value, "value", unwrap=True)
        return
    if isinstance(node, ast.Lambda):
        yield node.body, _setter(node, "body")
        return
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in ("cast", "TypeVar"):
            return
        yield node.func, _setter(node, "func")
        spared = _MESSAGE_ARGUMENT.get(called, -1)
        for index, member in enumerate(_members(node, "args")):
            if index != spared and not _is_exception(called):
                yield member
        for keyword in node.keywords:
            if keyword.arg != "message":
                yield keyword.value, _setter(keyword, "value")
        return
    for field in node._fields:
        yield from _members(node, field)
    for generator in getattr(node, "generators", []):
        yield generator.iter, _setter(generator, "iter")
        yield from _members(generator, "ifs")


def _members(node: ast.AST, field: str) -> Iterator[tuple[ast.expr, Callable[[ast.expr], None]]]:
    value = getattr(node, field, None)
    if isinstance(value, ast.expr):
        yield value, _setter(node, field)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, ast.expr):
                yield inner, lambda new, index=index: value.__setitem__(index, new)  # type: ignore[misc]


def _setter(node: ast.AST, field: str, unwrap: bool = False) -> Callable[[ast.expr], None]:
    return lambda new: setattr(node, field, new.value if unwrap and isinstance(new, ast.Constant) else new)


def _drop(items: list[Any], index: int) -> None:
    del items[index]


def _without(node: ast.Dict, index: int) -> None:
    del node.keys[index], node.values[index]


def _is_exception(name: str) -> bool:
    return name in ("Malformed", "_refused") or name.endswith("Error")


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _plain_reraise(node: ast.stmt) -> bool:
    return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name)


def _is_typing(node: ast.stmt) -> bool:
    """A type alias, ``__all__``, a block for type checkers, or a protocol."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test).endswith("TYPE_CHECKING")
    if isinstance(node, ast.ClassDef):
        return any(ast.unparse(base).startswith("Protocol") for base in node.bases)
    if isinstance(node, ast.AnnAssign):
        return node.value is None or ast.unparse(node.annotation).endswith("TypeAlias")
    if isinstance(node, ast.Assign):
        head = ast.unparse(node.value).partition("[")[0].partition("(")[0].rpartition(".")[2]
        return head in _ALIASES or ast.unparse(node.targets[0]) == "__all__"
    return isinstance(node, ast.Assert)
