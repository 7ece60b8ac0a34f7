"""`models` and `explain`: what the running gateway can answer, and how it would choose."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from router.cli.talk import Refused, Unreachable, find_place, manage

OK, FAILED, UNREACHABLE = 0, 1, 3


def models(as_json: bool, offline: bool, config: str | None) -> int:
    """List the models that clients may ask for."""
    return _print("/v0/management/models", as_json, offline, config, _show_models)


def explain(model: str, as_json: bool, offline: bool, config: str | None) -> int:
    """Say who would answer for `model`, in which order, and why."""
    return _print(f"/v0/management/explain?model={quote(model, safe='')}", as_json, offline, config, _show_plan)


def _print(path: str, as_json: bool, offline: bool, config: str | None, show: Callable[[Any], None]) -> int:
    try:
        answer = _offline(path, config) if offline else manage(find_place(config), path)
    except Unreachable as error:
        print(f"{error} Or ask the settings alone, with --offline.", file=sys.stderr)
        return UNREACHABLE
    except Refused as error:
        print(error, file=sys.stderr)
        return FAILED
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        show(answer)
    return OK


def _offline(path: str, config: str | None) -> Any:
    """The same question to an application of our own, which opens no port and calls nobody."""
    raise Refused(f"--offline is not available for {path.partition('?')[0]} yet ({config or 'default settings'})")


def _show_models(answer: Any) -> None:
    entries: Any = answer.get("models", answer.get("data", [])) if isinstance(answer, dict) else answer
    for entry in entries:
        if isinstance(entry, str):
            print(entry)
            continue
        name = entry.get("id") or entry.get("name") or entry.get("model")
        served_by = entry.get("providers") or entry.get("provider") or entry.get("owned_by") or ""
        print(f"{name:<40} {', '.join(served_by) if isinstance(served_by, list) else served_by}".rstrip())


def _show_plan(answer: Any) -> None:
    _show_value(answer, "")


def _show_value(value: Any, indent: str) -> None:
    """Nested facts as indented lines; the same words as in the JSON."""
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, (dict, list)) and item:
                print(f"{indent}{name}:")
                _show_value(item, indent + "  ")
            elif item is not None and item not in ([], {}):
                print(f"{indent}{name}: {item}")
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            if isinstance(item, dict):
                head, *rest = [f"{name}: {each}" for name, each in item.items() if each not in (None, [], {})] or [""]
                print(f"{indent}{number}. {head}")
                for line in rest:
                    print(f"{indent}   {line}")
            else:
                print(f"{indent}- {item}")
