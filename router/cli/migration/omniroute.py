"""OmniRoute's JSON export of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from router.cli.migration.gathered import Gathered
from router.cli.migration.servers import Server, Servers
from router.cli.migration.values import address_of, key_of, mappings, texts, whole
from router.settings.mistakes import Path
from router.settings.presets import shipped_presets
from router.settings.provider_names import provider_names

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "settings": "settings of its pages have no counterpart here",
        "usageHistory": "what was used is not taken over",
        "domainCostHistory": "what was used is not taken over",
        "domainBudgets": "budgets belong to client keys here: `auth.keys[].limits`",
        "_meta": "tells only of the export",
        "pricing": "`usage.prices` names a price table of your own here",
    }
)
_PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "cc": "claude-oauth",
        "claude": "claude-oauth",
        "cx": "chatgpt-oauth",
        "codex": "chatgpt-oauth",
        "gc": "gemini-cli",
        "gemini-cli": "gemini-cli",
        "ag": "antigravity",
        "antigravity": "antigravity",
        "qw": "qwen-oauth",
        "if": "iflow",
        "gh": "copilot",
        "github": "copilot",
        "kmc": "kimi-oauth",
        "kimi-coding": "kimi-oauth",
    }
)
"""What it calls sign-ins, in models and connections."""
_STRATEGIES: Mapping[str, str] = MappingProxyType(
    {"weighted": "weighted", "round-robin": "round_robin", "cost-optimized": "cheapest"}
)
"""Its strategies of a combo that ours know too, besides the order of the list."""
_ACCOUNT_FACTS = ("id", "createdAt", "updatedAt", "testStatus", "lastError", "lastErrorAt", "errorCode", "expiresAt")


def fits(values: Any) -> bool:
    """Whether it looks like such a file."""
    return isinstance(values, dict) and isinstance(values.get("providerConnections"), list)


def translate(values: Mapping[str, Any], out: Gathered) -> None:
    """Everything that has a place here."""
    servers = Servers(out)
    nodes = {str(node.get("id")): (at, node) for at, node in mappings(values.get("providerNodes"))}
    ids = dict(_PREFIXES)
    for at, entry in mappings(values.get("providerConnections")):
        server = _connection(("providerConnections", at), entry, nodes, servers, out)
        if server is not None:
            ids[str(entry.get("provider"))] = server.id
            node = nodes.get(str(entry.get("provider")))
            if node is not None and node[1].get("prefix"):
                ids[str(node[1]["prefix"])] = server.id
    names = {str(combo.get("name")) for _, combo in mappings(values.get("combos"))}
    for at, combo in mappings(values.get("combos")):
        _combo(("combos", at), combo, ids, names, out)
    for at, key in mappings(values.get("apiKeys")):
        _client_key(("apiKeys", at), at, key, ids, out)
    aliases = values.get("modelAliases")
    for alias, target in aliases.items() if isinstance(aliases, dict) else ():
        if isinstance(target, str):
            out.take(("modelAliases", alias), out.alias(str(alias), _model(target, ids)))


def _connection(
    path: Path,
    entry: Mapping[str, Any],
    nodes: Mapping[str, tuple[int, Mapping[str, Any]]],
    servers: Servers,
    out: Gathered,
) -> Server | None:
    called = str(entry.get("provider") or "")
    if entry.get("isActive") is False or entry.get("isActive") == 0:
        out.leave(path, "it is switched off there")
        return None
    if str(entry.get("authType") or "").lower() in ("oauth", "cookie") or called in _PREFIXES:
        sign_in = _PREFIXES.get(called)
        how = f"sign in with `switchyard login {sign_in}`" if sign_in else "there is no sign-in for it here"
        out.leave(path, f"tokens that it refreshes itself are not taken from it; {how}")
        return None
    key = key_of(entry.get("apiKey"))
    if isinstance(entry.get("apiKey"), str) and entry["apiKey"].startswith("enc:"):
        out.leave(path, "its key is encrypted in the export; put it in by hand")
        return None
    server = _server(called, entry, nodes, servers, out)
    if server is None:
        out.leave(path, f"there is no provider {called} here, and no address of a server that could be one")
        return None
    priority = whole(entry.get("priority"))
    place = server.add_key(key, priority=priority)
    out.take((*path, "apiKey"), place)
    if priority is not None:
        out.take((*path, "priority"), f"{place}.priority")
    for fact in ("provider", "authType", "isActive", "name", *_ACCOUNT_FACTS):
        if entry.get(fact) is not None:
            out.take((*path, fact), server.place)
    return server


def _server(
    called: str,
    entry: Mapping[str, Any],
    nodes: Mapping[str, tuple[int, Mapping[str, Any]]],
    servers: Servers,
    out: Gathered,
) -> Server | None:
    at, node = nodes.get(called, (0, {}))
    specific = entry.get("providerSpecificData")
    data = specific if isinstance(specific, dict) else {}
    given = node.get("baseUrl") or data.get("baseUrl")
    address = address_of(given)
    if given and address is None:
        return None  # its key goes to no other address than its own
    if address is not None:
        kind = str(node.get("type") or called)
        if "anthropic" in kind:
            server = servers.at(str(node.get("name") or called), address.removesuffix("/v1"), "messages")
        else:
            chat = node.get("apiType") != "responses"
            server = servers.at(str(node.get("name") or called), address, "chat" if chat else "responses")
        if node and server is not None:
            for fact in ("baseUrl", "name", "type", "apiType", "prefix", "id", "createdAt", "updatedAt"):
                if node.get(fact) is not None:
                    out.take(("providerNodes", at, fact), server.place)
        return server
    ours = provider_names(shipped_presets()).single(called)
    return None if ours is None else servers.block(ours)


def _combo(path: Path, combo: Mapping[str, Any], ids: Mapping[str, str], names: set[str], out: Gathered) -> None:
    name, models = str(combo.get("name") or ""), combo.get("models")
    if not name or not isinstance(models, list):
        out.leave(path, "it has no name or no models")
        return
    targets: list[tuple[str, int | None]] = []
    for at, step in enumerate(models):
        target = _target(step, ids, names)
        if target is not None:
            weight = whole(step.get("weight")) if isinstance(step, dict) else None
            targets.append((target, weight))
            below = ("providerId", "provider", "model", "comboName", "combo")
            for field in below if isinstance(step, dict) else ():
                if step.get(field):
                    out.take((*path, "models", at, field), target)
            if not isinstance(step, dict):
                out.take((*path, "models", at), target)
    if not targets:
        out.leave(path, "it has no models")
        return
    strategy = combo.get("strategy")
    ours = _STRATEGIES.get(strategy) if isinstance(strategy, str) else None
    if ours is None:
        place = out.alias(name, *(target for target, _ in targets))
    else:
        weighted = ours == "weighted"
        steps = [
            {"model": target, "weight": weight} if weighted and weight is not None else target
            for target, weight in targets
        ]
        place = out.combo(name, ours, steps)
    out.take((*path, "name"), place)
    if ours is not None:
        out.take((*path, "strategy"), f"{place}.strategy")
    elif strategy in (None, "", "priority", "fallback"):
        out.take((*path, "strategy"), f"{place}, tried in this order")
    else:
        out.change((*path, "strategy"), f"{place}, tried in this order; `models.combos` has the strategies of ours")
    for at, (_, weight) in enumerate(targets):
        if weight is not None:
            told = out.take if ours == "weighted" else out.leave
            told((*path, "models", at, "weight"), f"{place}" if ours == "weighted" else "its strategy does not weigh")


def _target(step: Any, ids: Mapping[str, str], names: set[str]) -> str | None:
    """One step of a combo: a model of ours, or another combo."""
    fields = step if isinstance(step, dict) else {"model": step}
    model = fields.get("model") or fields.get("comboName") or fields.get("combo")
    if not isinstance(model, str):
        return None
    provider = fields.get("providerId") or fields.get("provider")
    full = model if "/" in model or model in names or not provider else f"{provider}/{model}"
    return full if full in names else _model(full, ids)


def _client_key(path: Path, at: int, entry: Mapping[str, Any], ids: Mapping[str, str], out: Gathered) -> None:
    key = key_of(entry.get("key"))
    if key is None or str(entry.get("key")).startswith("enc:"):
        out.leave(path, "the key itself is not in the export; `switchyard keys create NAME` makes one")
        return
    made: dict[str, Any] = {"name": f"omniroute-{at + 1}", "key": key}
    if entry.get("isActive") in (False, 0):  # a key that is off there opens nothing here
        made["disabled"] = True
    allowed = texts(entry.get("allowedModels"))
    if allowed:  # nor does one that is narrowed open everything
        made["models"] = [_model(model, ids) for model in allowed]
    place = out.append("auth.keys", made)
    out.take((*path, "key"), place)
    if entry.get("name") is not None:
        out.change((*path, "name"), f"is called {made['name']} here")
    if entry.get("isActive") is not None:
        out.take((*path, "isActive"), f"{place}.disabled" if "disabled" in made else "is on here as well")
    for index in range(len(allowed)):
        out.change((*path, "allowedModels", index), f"{place}.models")


def _model(name: str, ids: Mapping[str, str]) -> str:
    prefix, slash, rest = name.partition("/")
    return f"{ids[prefix]}/{rest}" if slash and prefix in ids else name
