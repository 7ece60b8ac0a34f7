"""claude-code-router's ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from router.cli.migration.gathered import Gathered
from router.cli.migration.servers import Dialect, Server, Servers
from router.cli.migration.values import DOLLAR, address_of, key_of, mappings, proxy_of, whole
from router.settings.mistakes import Path

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "transformer": "requests are adapted by what is known of a model; corrections go into `models.capabilities`",
        "transformers": "programs of your own in the path of a request are not run here",
        "CUSTOM_ROUTER_PATH": "programs of your own in the path of a request are not run here",
        "REWRITE_SYSTEM_PROMPT": "`system_prompt` of a rule or a key puts words around prompts here",
        "think": "a model is chosen by its name here, not by what a request asks; give it a name of its own",
        "webSearch": "a model is chosen by its name here, not by the tools of a request",
        "image": "a model that takes images is chosen by itself where a route has one",
        "longContextThreshold": "the next model is asked where a prompt is too long for the first, by its own window",
        "LOG": "logs go to standard output here",
        "LOG_LEVEL": "`observe.level` has debug, info, warning and error",
        "NON_INTERACTIVE_MODE": "nothing here is interactive",
        "StatusLine": "there is no status line here",
    }
)


def fits(values: Any) -> bool:
    """Whether it looks like such a file."""
    if not isinstance(values, dict):
        return False
    providers = values.get("Providers") or values.get("providers")
    return isinstance(providers, list) and (
        "Router" in values or any("api_base_url" in one for _, one in mappings(providers))
    )


def translate(values: Mapping[str, Any], out: Gathered) -> None:
    """Everything that has a place here."""
    servers, known = Servers(out), {}
    name = "Providers" if "Providers" in values else "providers"
    proxy = proxy_of(values.get("PROXY_URL"))
    if proxy is not None:
        out.change(("PROXY_URL",), "the proxy of every key")
    for at, entry in mappings(values.get(name)):
        server = _provider((name, at), entry, servers, out, proxy)
        if server is not None:
            known[str(entry.get("name"))] = server
    _router(values.get("Router"), known, out)
    _server(values, out)
    out.note(
        "in Claude Code, `/model provider,model` is `/model provider/model` here; `switchyard setup claude` sets it up"
    )


def _provider(
    path: Path, entry: Mapping[str, Any], servers: Servers, out: Gathered, proxy: str | None
) -> Server | None:
    address, name = entry.get("api_base_url"), str(entry.get("name") or "server")
    dialect: Dialect = "chat"
    if isinstance(address, str) and address.rstrip("/").endswith("/v1/messages"):
        dialect = "messages"
    elif isinstance(address, str) and address.rstrip("/").endswith("/models"):
        dialect = "gemini"
    base = address_of(address)
    if base is not None and dialect == "gemini":
        base = base.removesuffix("/v1beta").removesuffix("/v1")
    server = None if base is None else servers.at(name, base, dialect)
    if server is None:
        out.leave(path, "its address is none that can be used here; Gemini's dialect only at Google's own")
        return None
    out.take((*path, "api_base_url"), server.place)
    out.take((*path, "name"), "is its name here too" if server.id == name else f"is called {server.id} here")
    key = key_of(entry.get("api_key"), marks=DOLLAR)
    if key is not None:
        out.take((*path, "api_key"), server.add_key(key, proxy=proxy))
    models = entry.get("models")
    for at, model in enumerate(models) if isinstance(models, list) else ():
        if isinstance(model, str) and model:
            server.add_models([{"name": model}])
            out.take((*path, "models", at), f"{server.place}.models")
    return server


def _router(router: Any, known: Mapping[str, Server], out: Gathered) -> None:
    """Claude Code asks for Claude models; which of them are sent where is what aliases say."""
    if not isinstance(router, dict):
        return
    targets: dict[str, str] = {}
    for name in ("background", "default", "longContext"):
        provider, comma, model = str(router.get(name) or "").partition(",")
        if comma and provider.strip() in known:
            targets[name] = f"{known[provider.strip()].id}/{model.strip()}"
        elif router.get(name):
            out.leave(("Router", name), "it names no provider that was taken over")
    if "background" in targets:  # before the other pattern: the first that matches counts
        out.change(("Router", "background"), out.alias("claude-*haiku*", targets["background"]))
    if "default" in targets:
        out.change(("Router", "default"), out.alias("claude-*", targets["default"]))
    if "longContext" in targets:
        place = out.alias("claude-*", targets["longContext"])
        out.change(("Router", "longContext"), f"{place}, asked where a prompt is too long for the first")


def _server(values: Mapping[str, Any], out: Gathered) -> None:
    key = key_of(values.get("APIKEY"), marks=DOLLAR)
    if key is not None:
        out.take(("APIKEY",), out.append("auth.keys", {"name": "claude-code-router", "key": key}))
    if values.get("HOST"):
        out.take(("HOST",), out.put("server.host", values["HOST"]))
    port = whole(values.get("PORT"))
    if port is not None:
        out.take(("PORT",), out.put("server.port", port))
    wait = whole(values.get("API_TIMEOUT_MS"))
    if wait is not None:
        out.take(("API_TIMEOUT_MS",), out.put("server.timeouts.total", wait / 1000))
