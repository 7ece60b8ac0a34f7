"""`models` and `explain`: what the running gateway can answer, and how it would choose."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, cast, get_args
from urllib.parse import urlencode

from router import places
from router.cli.talk import Refused, Unreachable, find_place, manage
from router.faults import Fault
from router.models.capabilities import CapabilityMistakes
from router.models.kinds import kind_of
from router.routing.choose import View
from router.routing.explain import as_text
from router.routing.explain import explain as tell
from router.routing.plan import Needs, draft
from router.routing.table import RoutingMistakes
from router.server.product import CannotPrepare, read_settings
from router.snapshot import Snapshot, snapshot_of
from router.usage.price_file import PriceMistakes
from router.wire.conversation import Dialect

OK, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3


def models(as_json: bool, offline: bool, config: str | None) -> int:
    """List the models that clients may ask for."""
    path = "/v0/management/models"
    return _print(lambda: _listed(config) if offline else manage(find_place(config), path), as_json, _show_models)


def explain(model: str, dialect: str, key: str | None, as_json: bool, offline: bool, config: str | None) -> int:
    """Say who would answer for `model`, in which order, and why. key: name or id of the client key that asks."""
    if dialect not in get_args(Dialect):
        print(f"{dialect!r} is no dialect; there are {', '.join(get_args(Dialect))}", file=sys.stderr)
        return USAGE
    if key is not None and offline:
        print("--key asks the running gateway, which knows all keys; leave out --offline.", file=sys.stderr)
        return USAGE
    wanted = {"model": model, "dialect": dialect, **({} if key is None else {"key": key})}
    path = f"/v0/management/explain?{urlencode(wanted)}"
    return _print(
        lambda: _explained(model, dialect, config) if offline else manage(find_place(config), path), as_json, _show_plan
    )


def _print(ask: Callable[[], Any], as_json: bool, show: Callable[[Any], None]) -> int:
    try:
        answer = ask()
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


def snapshot_here(config: str | None) -> Snapshot:
    """What the router would route by, if it started now. Raises `Refused` with every mistake."""
    path = places.config_path(config, os.environ)
    try:
        loaded = read_settings(path, os.environ, named=config is not None)
        return snapshot_of(loaded.settings, os.environ)
    except (CannotPrepare, RoutingMistakes, CapabilityMistakes, PriceMistakes) as error:
        raise Refused(str(error)) from error


def _listed(config: str | None) -> Any:
    names = ("id", "provider", "model", "display_name", "context_window", "max_output", "label")
    models = snapshot_here(config).catalogue.models
    told = [(model, {name: getattr(model, name) for name in names}) for model in models]
    return {"models": [{**facts, "kind": kind_of(model.capabilities), "origin": model.origin} for model, facts in told]}


def _explained(model: str, dialect: str, config: str | None) -> Any:
    """The answer of the management route, from the same engine; every account counts as healthy."""
    snapshot = snapshot_here(config)
    try:
        plan = draft(snapshot.table, model, needs=Needs(dialect=cast(Dialect, dialect)))
    except Fault as fault:
        raise Refused(fault.message) from fault
    healthy = View(entries={}, busy={}, turns={}, now=time.time())
    return tell(plan, snapshot.providers, healthy)


def _show_models(answer: Any) -> None:
    models = answer["models"]
    width = max((len(model["id"]) for model in models), default=0)
    for model in models:
        label = f" ({model['label']})" if model["label"] else ""
        print(f"{model['id']:<{width}}  {model['provider'] or 'alias'}/{model['model']}{label}")


def _show_plan(answer: Any) -> None:
    print(as_text(answer))
