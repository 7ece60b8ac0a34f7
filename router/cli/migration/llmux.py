"""LLMux's ``.env`` and ``models.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from router.cli.migration.gathered import Gathered
from router.cli.migration.servers import Servers
from router.cli.migration.values import address_of, key_of, mappings, seconds
from router.settings.mistakes import Path

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "API_KEYS_FILE": "its keys are stored as salted hashes; `switchyard keys create NAME` makes new ones",
        "TOKEN_FILE": "`switchyard import llmux` takes the sign-ins over",
        "CHATGPT_TOKEN_FILE": "`switchyard import llmux` takes the sign-ins over",
        "ANTHROPIC_OAUTH_TOKEN": "sign in with `switchyard login claude`, or `switchyard import llmux`",
        "DEFAULT_MODEL": "every call names its model here",
        "READ_TIMEOUT": "`server.timeouts.idle` and `first_token` do that here",
        "STREAM_TIMEOUT": "`server.timeouts.total` is for streamed calls too",
        "STREAM_TRACE_ENABLED": "answers are not written down here",
        "STREAM_TRACE_DIR": "answers are not written down here",
        "STREAM_TRACE_MAX_BYTES": "answers are not written down here",
        "CHATGPT_EXPOSE_REASONING_VARIANTS": "`model(high)` sets how much a model thinks here",
        "CHATGPT_DEFAULT_REASONING_EFFORT": "an alias with `(high)` behind the model's name sets it here",
        "context_length": "`models.capabilities` has `context_window`",
        "max_completion_tokens": "`models.capabilities` has `max_output`",
        "owned_by": "model lists name the provider here",
    }
)
_MARKS = {"BIND_ADDRESS", "TOKEN_FILE", "API_KEYS_FILE", "CHATGPT_TOKEN_FILE", "STREAM_TIMEOUT", "STREAM_TRACE_ENABLED"}


def fits(values: Any) -> bool:
    """Whether it looks like one of these files."""
    if isinstance(values, list):
        return bool(values) and all({"id", "base_url"} <= set(one) for _, one in mappings(values))
    return isinstance(values, dict) and ("custom_models" in values or len(_MARKS & set(values)) >= 2)


def translate(values: Any, out: Gathered) -> None:
    """Everything that has a place here."""
    name = () if isinstance(values, list) else ("custom_models",)
    entries = values if isinstance(values, list) else values.get("custom_models")
    servers = Servers(out)
    for at, entry in mappings(entries):
        _custom((*name, at), entry, servers, out)
    if not name or entries:
        return
    if values.get("BIND_ADDRESS"):
        out.take(("BIND_ADDRESS",), out.put("server.host", values["BIND_ADDRESS"]))
    if re.fullmatch(r"[0-9]{1,5}", str(values.get("PORT", ""))):
        out.take(("PORT",), out.put("server.port", int(values["PORT"])))
    level = str(values.get("LOG_LEVEL", "")).lower()
    if level in ("debug", "info", "warning", "error"):
        out.take(("LOG_LEVEL",), out.put("observe.level", level))
    for variable, place in (("CONNECT_TIMEOUT", "connect"), ("REQUEST_TIMEOUT", "total")):
        wait = seconds(values.get(variable))
        if wait is not None:
            out.take((variable,), out.put(f"server.timeouts.{place}", wait))
    out.note("its subscriptions are sign-ins here: `switchyard import llmux`, then `switchyard login claude`")


def _custom(path: Path, entry: Mapping[str, Any], servers: Servers, out: Gathered) -> None:
    address, model = address_of(entry.get("base_url")), entry.get("id")
    server = None if address is None else servers.at(str(entry.get("owned_by") or "server"), address)
    if server is None or not isinstance(model, str):
        out.leave(path, "it has no id or no address that could be one")
        return
    out.take((*path, "base_url"), server.place)
    key = key_of(entry.get("api_key"))
    if key is not None:
        out.take((*path, "api_key"), server.add_key(key))
    real = entry.get("model_name") if isinstance(entry.get("model_name"), str) else model
    server.add_models([{"name": real} if real == model else {"name": real, "alias": model}])
    for field in ("id", "model_name"):
        if entry.get(field):
            out.take((*path, field), f"{server.place}.models")
