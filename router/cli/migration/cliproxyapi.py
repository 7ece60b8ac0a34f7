"""CLIProxyAPI's ``config.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from router.cli.migration.gathered import Gathered
from router.cli.migration.servers import Dialect, Server, Servers
from router.cli.migration.values import address_of, key_of, mappings, proxy_of, seconds, texts, whole
from router.secret import Secret
from router.settings.mistakes import Path

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "payload": "`policies.payload` has such rules here, written in another way",
        "ampcode": "the routes of Amp are not served here",
        "amp": "the routes of Amp are not served here",
        "cloak": "clients are not made to look like others here",
        "fingerprint-profile": "clients are not made to look like others here",
        "claude-header-defaults": "clients are not made to look like others here",
        "codex-header-defaults": "clients are not made to look like others here",
        "disable-claude-cloak-mode": "clients are not made to look like others here",
        "plugins": "there are no plugins here",
        "logging-to-file": "logs go to standard output here; supervisord keeps them in logs/",
        "logs-max-total-size-mb": "logs go to standard output here; supervisord keeps them in logs/",
        "error-logs-max-files": "logs go to standard output here; supervisord keeps them in logs/",
        "request-log": "`observe.request_log` records calls here, and is off by default",
        "usage-statistics-enabled": "usage is always counted here: `switchyard usage`",
        "disable-cooling": "an account whose limit is met always rests here",
        "max-retry-interval": "`retry.deadline` bounds a call here, waiting included",
        "request-scoped-errors": "what may be tried again is decided by the kind of the fault here",
        "streaming": "`server.timeouts.heartbeat` and `grace` do that here, by themselves",
        "nonstream-keepalive-interval": "`server.timeouts.heartbeat` and `grace` do that here, by themselves",
        "pprof": "there is no profiler here",
        "vertex-api-key": "Vertex takes service accounts here: `providers.vertex.service_account_files`",
        "interactions-api-key": "the interactions API is not served here",
        "is-compat": "what a model accepts is known by its name here, or said in `models.capabilities`",
        "thinking": "what a model accepts is known by its name here, or said in `models.capabilities`",
        "max-context-length": "`models.capabilities` has `context_window`",
        "display-name": "models are shown by their names here",
    }
)
CHANNELS: Mapping[str, str] = MappingProxyType(
    {
        "claude": "claude-oauth",
        "codex": "chatgpt-oauth",
        "gemini-cli": "gemini-cli",
        "antigravity": "antigravity",
        "qwen": "qwen-oauth",
        "kimi": "kimi-oauth",
        "xai": "xai-oauth",
        "iflow": "iflow",
        "github-copilot": "copilot",
        "vertex": "vertex",
        "aistudio": "aistudio",
    }
)
_KEYS: Mapping[str, tuple[str, str, Dialect]] = MappingProxyType(
    {
        "gemini-api-key": ("gemini", "https://generativelanguage.googleapis.com", "gemini"),
        "claude-api-key": ("claude", "https://api.anthropic.com", "messages"),
        "codex-api-key": ("codex", "https://api.openai.com/v1", "responses"),
        "xai-api-key": ("xai", "https://api.x.ai/v1", "chat"),
    }
)
_STRATEGIES = {"round-robin": "round_robin", "weighted-round-robin": "weighted", "fill-first": "fill_first"}


def fits(values: Any) -> bool:
    """Whether it looks like such a file."""
    marks = {*_KEYS, "auth-dir", "remote-management", "openai-compatibility", "generative-language-api-key", "ws-auth"}
    return isinstance(values, dict) and bool(marks & set(values))


def translate(values: Mapping[str, Any], out: Gathered) -> None:
    """Everything that has a place here."""
    for name, step in _STEPS.items():
        if name in values and values[name] not in (None, ""):
            step(values[name], out)
    proxy, servers = _global_proxy(values, out), Servers(out)
    for name in _KEYS:
        for at, entry in mappings(values.get(name)):
            _key_entry(name, (name, at), entry, servers, out, proxy)
    for at, key in enumerate(texts(values.get("generative-language-api-key"))):
        out.take(("generative-language-api-key", at), servers.block("gemini").add_key(Secret(key), proxy=proxy))
    for at, entry in mappings(values.get("openai-compatibility")):
        _compatible(("openai-compatibility", at), entry, servers, out, proxy)
    _oauth(values, servers, out)
    out.note(
        "sign-ins are files in auth-dir, which are read as they are; `switchyard import cliproxyapi` makes them ours"
    )


def _host(value: Any, out: Gathered) -> None:
    out.take(("host",), out.put("server.host", value))


def _tls(value: Any, out: Gathered) -> None:
    if isinstance(value, dict) and value.get("enable"):
        for name in ("cert", "key"):
            out.take(("tls", name), out.put(f"server.tls.{name}", value.get(name)))
        out.take(("tls", "enable"), "server.tls, which is on with a certificate")
    else:
        out.take(("tls",), "off here as well")


def _api_keys(value: Any, out: Gathered) -> None:
    for at, key in enumerate(texts(value)):
        out.take(("api-keys", at), out.append("auth.keys", {"name": f"key-{at + 1}", "key": Secret(key)}))


def _management(value: Any, out: Gathered) -> None:
    if not isinstance(value, dict):
        return
    key = value.get("secret-key")
    if isinstance(key, str) and key.startswith("$2"):
        out.leave(("remote-management", "secret-key"), "it is stored as a hash; `make up` makes a new management key")
    elif isinstance(key, str) and key:
        out.take(("remote-management", "secret-key"), out.put("auth.management.key", Secret(key)))
    if "allow-remote" in value:
        place = out.put("auth.management.remote", value["allow-remote"] is True)
        out.take(("remote-management", "allow-remote"), place)


def _debug(value: Any, out: Gathered) -> None:
    out.take(("debug",), out.put("observe.level", "debug") if value is True else "observe.level is `info`")


def _retry(value: Any, out: Gathered) -> None:
    times = whole(value)
    if times is not None:
        out.change(
            ("request-retry",), f"{out.put('retry.max_attempts', min(max(times + 1, 1), 50))}, the first included"
        )


def _quota(value: Any, out: Gathered) -> None:
    if isinstance(value, dict) and "switch-project" in value:
        wish = "next_account" if value["switch-project"] else "fail"
        out.take(("quota-exceeded", "switch-project"), out.put("routing.quota_exceeded", wish))
    if isinstance(value, dict) and value.get("switch-preview-model"):
        why = "name the models in `routing.smaller_models` and set `routing.quota_exceeded: smaller_model`"
        out.leave(("quota-exceeded", "switch-preview-model"), why)


def _routing(value: Any, out: Gathered) -> None:
    if not isinstance(value, dict):
        return
    strategy = _STRATEGIES.get(str(value.get("strategy")))
    if strategy is not None:
        out.take(("routing", "strategy"), out.put("routing.strategy", strategy))
    if "session-affinity" in value:
        out.take(("routing", "session-affinity"), out.put("routing.sticky.enabled", value["session-affinity"] is True))
    ttl = seconds(value.get("session-affinity-ttl"))
    if ttl is not None:
        out.take(("routing", "session-affinity-ttl"), out.put("routing.sticky.ttl", ttl))


def _ws_auth(value: Any, out: Gathered) -> None:
    if value is True:
        out.take(("ws-auth",), "/v1/ws always wants a key here")
    else:
        out.leave(("ws-auth",), "/v1/ws always wants a key here")


_STEPS: Mapping[str, Callable[[Any, Gathered], None]] = MappingProxyType(
    {
        "host": _host,
        "port": lambda value, out: out.take(("port",), out.put("server.port", value)),
        "tls": _tls,
        "auth-dir": lambda value, out: out.take(("auth-dir",), out.put("auth.dir", value)),
        "api-keys": _api_keys,
        "remote-management": _management,
        "debug": _debug,
        "request-retry": _retry,
        "quota-exceeded": _quota,
        "routing": _routing,
        "ws-auth": _ws_auth,
    }
)


def _global_proxy(values: Mapping[str, Any], out: Gathered) -> str | None:
    proxy = proxy_of(values.get("proxy-url"))
    if proxy is not None:
        out.change(("proxy-url",), "the proxy of each key that has none; sign-ins: `switchyard accounts set --proxy`")
    elif values.get("proxy-url"):
        out.leave(("proxy-url",), "only HTTP and SOCKS5 proxies are supported here")
    return proxy


def _key_entry(
    name: str, path: Path, entry: Mapping[str, Any], servers: Servers, out: Gathered, proxy: str | None
) -> None:
    called, own, dialect = _KEYS[name]
    given = entry.get("base-url")
    address = address_of(given) if given else own
    apart = {
        field: entry.get(field) for field in ("prefix", "headers", "models", "excluded-models") if entry.get(field)
    }
    if address is None:  # its key goes to no other address than its own
        out.leave(path, "its base-url is none that can be used here")
        return
    server = servers.at(called, address, dialect, None if dialect == "gemini" else apart or None)
    if server is None:
        out.leave(path, f"only Google's own address is supported for Gemini here, not {address}")
        return
    out.take((*path, "base-url"), server.place) if entry.get("base-url") else None
    _add_key(path, entry, server, out, proxy)
    _facts(path, entry, server, out)


def _compatible(path: Path, entry: Mapping[str, Any], servers: Servers, out: Gathered, proxy: str | None) -> None:
    address = address_of(entry.get("base-url"))
    server = servers.at(str(entry.get("name") or "server"), address)
    if server is None:
        out.leave(path, "it has no address that could be one")
        return
    out.take((*path, "base-url"), server.place)
    said = "is its name here too" if server.id == entry.get("name") else f"is called {server.id} here"
    out.take((*path, "name"), said)
    for at, one in mappings(entry.get("api-key-entries")):
        _add_key((*path, "api-key-entries", at), one, server, out, proxy)
    for at, key in enumerate(texts(entry.get("api-keys"))):
        out.take((*path, "api-keys", at), server.add_key(Secret(key), proxy=proxy))
    if entry.get("disabled") is True:
        server.block["enabled"] = False
        out.take((*path, "disabled"), f"{server.place}.enabled: false")
    _facts(path, entry, server, out)


def _add_key(path: Path, entry: Mapping[str, Any], server: Server, out: Gathered, proxy: str | None) -> None:
    key, own = key_of(entry.get("api-key")), entry.get("proxy-url")
    weight, priority = whole(entry.get("weight")), whole(entry.get("priority"))
    used = proxy_of(own) if own else proxy
    place = server.add_key(
        key,
        proxy=used,
        weight=min(max(weight, 1), 1000) if weight is not None else None,
        priority=-min(max(priority, -1000), 1000) if priority is not None else None,
    )
    if key is not None:
        out.take((*path, "api-key"), place)
    for name, value in (("weight", weight), ("priority", priority)):
        if value is not None:
            out.change((*path, name), f"{place}.{name}" + (", where lower comes first" if name == "priority" else ""))
    if own and proxy_of(own):
        out.take((*path, "proxy-url"), f"{place}.proxy")
    elif own in ("direct", "none"):
        out.take((*path, "proxy-url"), "no proxy here either")
    elif own:
        out.leave((*path, "proxy-url"), "only HTTP and SOCKS5 proxies are supported here")


def _facts(path: Path, entry: Mapping[str, Any], server: Server, out: Gathered) -> None:
    """What a block has for all its keys."""
    if entry.get("prefix"):
        server.block["prefix"] = str(entry["prefix"]).strip("/").lower()
        out.take((*path, "prefix"), f"{server.place}.prefix; names without it work too")
    headers = entry.get("headers")
    for header, value in headers.items() if isinstance(headers, dict) else ():
        if str(value).startswith("$"):
            out.leave((*path, "headers", header), "headers of clients are not copied here")
            continue
        server.block.setdefault("headers", {})[str(header)] = Secret(str(value))
        out.take((*path, "headers", header), f"{server.place}.headers")
    for at, model in mappings(entry.get("models")):
        said = {key: model[key] for key in ("name", "alias") if isinstance(model.get(key), str) and model[key]}
        if "name" in said:
            server.add_models([said])
            for key in said:
                out.take((*path, "models", at, key), f"{server.place}.models")
    for at, excluded in enumerate(texts(entry.get("excluded-models"))):
        server.block.setdefault("excluded_models", []).append(excluded)
        out.take((*path, "excluded-models", at), f"{server.place}.excluded_models")


def _oauth(values: Mapping[str, Any], servers: Servers, out: Gathered) -> None:
    aliases = values.get("oauth-model-alias") or values.get("oauth-model-mappings")
    name = "oauth-model-alias" if values.get("oauth-model-alias") else "oauth-model-mappings"
    for channel, entries in aliases.items() if isinstance(aliases, dict) else ():
        provider = CHANNELS.get(str(channel))
        for at, entry in mappings(entries):
            if provider and entry.get("name") and entry.get("alias"):
                place = out.alias(str(entry["alias"]), f"{provider}/{entry['name']}")
                for field in ("name", "alias"):
                    out.take((name, channel, at, field), place)
    excluded = values.get("oauth-excluded-models")
    for channel, models in excluded.items() if isinstance(excluded, dict) else ():
        provider = CHANNELS.get(str(channel))
        if provider is not None and texts(models):
            server = servers.block(provider)
            server.block["excluded_models"] = texts(models)
            out.take(("oauth-excluded-models", channel), f"{server.place}.excluded_models")
    for channel in ("claude-oauth", "chatgpt-oauth"):
        block = values.get(channel)
        if isinstance(block, dict) and block.get("enabled") is True:
            servers.block(channel).block["enabled"] = True
            out.take((channel, "enabled"), f"{servers.block(channel).place}.enabled")
