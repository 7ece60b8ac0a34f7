"""LiteLLM's ``config.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from router.cli.migration.gathered import Gathered
from router.cli.migration.servers import Server, Servers
from router.cli.migration.values import LITELLM, address_of, key_of, mappings, seconds, texts, variable_of, whole
from router.settings.mistakes import Path

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "database_url": "keys and state are in state/ here; there is no other database",
        "callbacks": "there are no callbacks here; /metrics and the log have every call",
        "success_callback": "there are no callbacks here; /metrics and the log have every call",
        "failure_callback": "there are no callbacks here; /metrics and the log have every call",
        "cache": "`policies.cache` keeps exact repetitions here, and is off by default",
        "cache_params": "`policies.cache` keeps exact repetitions here, and is off by default",
        "guardrails": "there are no guardrails here",
        "rpm": "limits belong to client keys here (`auth.keys[].limits`); those of providers are obeyed",
        "tpm": "limits belong to client keys here (`auth.keys[].limits`); those of providers are obeyed",
        "max_parallel_requests": "`max_concurrency` of a provider limits calls at once here",
        "model_info": "prices and windows are known by a model's name here; `usage.prices`, `models.capabilities`",
        "redis_host": "the state of limits is in state/ here",
        "redis_port": "the state of limits is in state/ here",
        "redis_password": "the state of limits is in state/ here",
        "vertex_project": "Vertex takes service accounts here: `providers.vertex`",
        "vertex_location": "Vertex takes service accounts here: `providers.vertex`",
        "vertex_credentials": "Vertex takes service accounts here: `providers.vertex`",
        "temperature": "values of a call are the client's here",
        "max_tokens": "values of a call are the client's here",
        "set_verbose": "`observe.level: debug` writes more",
        "allowed_fails": "an account rests by the kind of the fault here",
        "cooldown_time": "an account rests by the kind of the fault here, and is tried half way",
    }
)
_PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "openai": "openai",
        "text-completion-openai": "openai",
        "anthropic": "anthropic",
        "gemini": "gemini",
        "vertex_ai": "vertex",
        "openrouter": "openrouter",
        "deepseek": "deepseek",
        "groq": "groq",
        "mistral": "mistral",
        "xai": "xai",
        "together_ai": "together",
        "fireworks_ai": "fireworks",
        "ollama": "ollama",
        "ollama_chat": "ollama",
        "hosted_vllm": "vllm",
        "vllm": "vllm",
        "lm_studio": "lm-studio",
        "dashscope": "qwen",
        "moonshot": "kimi",
        "minimax": "minimax",
        "zai": "glm",
    }
)
_STRATEGIES = {"simple-shuffle": "round_robin", "least-busy": "least_busy"}


def fits(values: Any) -> bool:
    """Whether it looks like such a file."""
    return isinstance(values, dict) and bool({"model_list", "litellm_settings", "router_settings"} & set(values))


def translate(values: Mapping[str, Any], out: Gathered) -> None:
    """Everything that has a place here."""
    servers = Servers(out)
    for at, entry in mappings(values.get("model_list")):
        _model(("model_list", at), entry, servers, out)
    for name in ("router_settings", "litellm_settings"):
        block = values.get(name)
        if isinstance(block, dict):
            _settings(name, block, out)
    general = values.get("general_settings")
    key = key_of(general.get("master_key"), marks=LITELLM) if isinstance(general, dict) else None
    if key is not None:
        place = out.append("auth.keys", {"name": "litellm-master", "key": key})
        out.change(
            ("general_settings", "master_key"), f"{place}, for calls alone; management has a key of its own here"
        )
    variables = values.get("environment_variables")
    for name in variables if isinstance(variables, dict) else ():
        out.leave(("environment_variables", name), "set it in the environment of the gateway")
    out.note("keys that LiteLLM made for people are in its database: make new ones with `switchyard keys create NAME`")


def _model(path: Path, entry: Mapping[str, Any], servers: Servers, out: Gathered) -> None:
    params = entry.get("litellm_params")
    shown = entry.get("model_name")
    if not isinstance(params, dict) or not isinstance(params.get("model"), str) or not isinstance(shown, str):
        out.leave(path, "it names no model")
        return
    below = (*path, "litellm_params")
    server, model = _server(params, servers)
    if server is None:
        kind = params["model"].partition("/")[0]
        address = params.get("api_base") or params.get("base_url")
        why = f"there is no provider {kind} here; a server that speaks OpenAI's dialect needs an api_base"
        out.leave(path, why if not address else f"{kind} at its address cannot be used here")
        return
    for field in ("api_base", "base_url"):
        if params.get(field):
            out.take((*below, field), server.place)
            break
    weight = whole(params.get("weight"))
    key = key_of(params.get("api_key"), marks=LITELLM)
    if key is not None:
        out.take((*below, "api_key"), server.add_key(key, weight=weight))
    if weight is not None:
        out.change((*below, "weight"), "the weight of the key" if key is not None else "is told by a key here")
    if "*" in shown:
        _pattern(path, shown, model, server, out)
        return
    place = out.alias(shown, f"{server.id}/{model}")
    out.take((*path, "model_name"), place)
    out.take((*below, "model"), f"{server.id}/{model}")


def _pattern(path: Path, shown: str, model: str, server: Server, out: Gathered) -> None:
    if shown == f"{server.id}/*":
        place = f"`{server.id}/...` works by itself here"
    else:
        place = out.append("models.routing", {"pattern": shown, "providers": [server.id]})
    told = out.take if model == "*" else out.change
    told((*path, "model_name"), place)
    out.take((*path, "litellm_params", "model"), f"provider {server.id}")


def _server(params: Mapping[str, Any], servers: Servers) -> tuple[Server | None, str]:
    """The block that serves, and the model's name there."""
    kind, slash, model = str(params["model"]).partition("/")
    if not slash:
        kind, model = ("anthropic" if kind.startswith("claude") else "openai"), kind
    given = params.get("api_base") or params.get("base_url")
    if given:  # a key never goes to another address than the one it was given with
        return _at(kind, address_of(given) or variable_of(given, LITELLM), servers), model
    if kind in ("openai", "custom_openai") or kind in _PROVIDERS:
        return servers.block(_PROVIDERS.get(kind, "openai")), model
    return None, model


def _at(kind: str, address: str | None, servers: Servers) -> Server | None:
    if address is None or kind == "vertex_ai":
        return None
    if kind == "gemini":
        return servers.at(kind, address.removesuffix("/v1beta").removesuffix("/v1"), "gemini")
    if kind == "anthropic":
        return servers.at(kind, address, "messages")
    own = kind in ("ollama", "ollama_chat") and not address.endswith(("/v1", "}"))
    return servers.at(kind, f"{address}/v1" if own else address)


def _settings(name: str, block: Mapping[str, Any], out: Gathered) -> None:
    retries, timeout = whole(block.get("num_retries")), seconds(block.get("request_timeout", block.get("timeout")))
    if retries is not None:
        place = out.put("retry.max_attempts", min(max(retries + 1, 1), 50))
        out.change((name, "num_retries"), f"{place}, the first included, over all providers of a model")
    if timeout is not None:
        field = "request_timeout" if "request_timeout" in block else "timeout"
        out.take((name, field), out.put("server.timeouts.total", timeout))
    strategy = block.get("routing_strategy")
    if isinstance(strategy, str) and strategy in _STRATEGIES:
        place = out.put("routing.strategy", _STRATEGIES[strategy])
        out.change((name, "routing_strategy"), f"{place}, among the keys of one provider; models go in file order")
    if block.get("drop_params") is True:
        out.take((name, "drop_params"), "so it is here, with a note in x-switchyard-notes")
    elif block.get("drop_params") is False:
        out.take((name, "drop_params"), out.put("policies.strict", True))
    for field in ("fallbacks", "context_window_fallbacks", "default_fallbacks"):
        _fallbacks((name, field), block.get(field), out)
    groups = block.get("model_group_alias")
    for alias, target in groups.items() if isinstance(groups, dict) else ():
        real = target.get("model") if isinstance(target, dict) else target
        if isinstance(real, str):
            out.take((name, "model_group_alias", alias), out.alias(str(alias), real))


def _fallbacks(path: Path, entries: Any, out: Gathered) -> None:
    known = out.settings.get("models", {}).get("aliases", {})
    for at, entry in mappings(entries):
        for name, others in entry.items():
            if name in known and texts(others):
                targets = [target for other in texts(others) for target in known.get(other, [other])]
                out.change((*path, at, name), f"{out.alias(name, *targets)}, tried in this order")
            else:
                out.leave((*path, at, name), "no model of the list has this name")
