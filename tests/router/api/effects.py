"""Cases of the differential harness: a setting, two values, and what an outsider sees with each."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import aiohttp

from router.call import Caller, Record
from tests.data import capture
from tests.router.api.harness import KEY, MANAGEMENT, OPENAI_KEYS, Running
from tests.router.policies.test_housekeeping import CALLS
from tests.simulators import Misbehaviour
from tests.simulators.faulty import status

Probe = Callable[[Running], Awaitable[Any]]
Changes = dict[str, Any] | Callable[[Running], dict[str, Any]]
SECOND = "sk-client-canary-second-key"
DEAD = "http://127.0.0.1:9"
FILE = "key-of-a-file"
RELAY = "sk-relay-canary-effects"
SERVICE = "sk-service-canary-effects"


@dataclass(frozen=True)
class Case:
    """before, after: changes to the plain settings. first, second: what `probe` gives with each."""

    before: Changes
    after: Changes
    first: Any
    second: Any
    probe: Probe


CASES: dict[str, Case] = {}


def case(path: str, before: Changes, after: Changes, first: Any, second: Any) -> Callable[[Probe], Probe]:
    """Register the probe of one setting; several on top of one another share a probe."""

    def register(probe: Probe) -> Probe:
        assert path not in CASES
        CASES[path] = Case(before, after, first, second, probe)
        return probe

    return register


def at(path: str, value: Any) -> dict[str, Any]:
    """Nested settings for a dotted path."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


def timeouts(**seconds: float) -> dict[str, Any]:
    return at("server.timeouts", seconds)


def openai(**block: Any) -> dict[str, Any]:
    return at("providers.openai", block)


def keys(*entries: Any) -> dict[str, Any]:
    return openai(api_keys=list(entries))


def two_providers(openai_block: dict[str, Any], backup: dict[str, Any], **more: Any) -> Changes:
    """OpenAI, and another server of the same models with a key of its own."""

    def changes(router: Running) -> dict[str, Any]:
        entry = {"name": "backup", "base_url": router.upstream.base_url("openai"), "api_keys": ["sk-sim-backup"]}
        providers = {"openai": openai_block, "openai_compatible": [{**entry, **backup}]}
        return {"providers": providers, **more}

    return changes


def routed(*rules: dict[str, Any]) -> Changes:
    return two_providers({"api_keys": [OPENAI_KEYS[0]]}, {}, models={"routing": list(rules)})


def clients(*entries: Any) -> dict[str, Any]:
    return at("auth.keys", [{"name": "tester", "key": KEY}, *entries])


@case("server.limits.body_bytes", at("server.limits.body_bytes", 2048), {}, False, True)
async def large_body(router: Running) -> bool:
    return (await router.ask("chat", "gpt-4.1", "x" * 3000)).status == 200


@case("server.limits.streams", {}, at("server.limits.streams", 1), True, False)
async def a_second_call(router: Running) -> bool:
    path = {"model": "gpt-4.1", "stream": True, "messages": [{"role": "user", "content": "LONG 20 GAP 30"}]}
    async with router.open("/v1/chat/completions", path):
        return (await router.ask("chat", "gpt-4.1")).status == 200


async def as_second(router: Running) -> int:
    return (await router.ask("chat", "gpt-4.1", headers={"authorization": f"Bearer {SECOND}"})).status


def one_place(**limits: float) -> dict[str, Any]:
    return at("server.limits", {"streams": 1, **limits})


def tester(**facts: Any) -> dict[str, Any]:
    return at("auth.keys", [{"name": "tester", "key": KEY, **facts}])


case("auth.keys[].concurrency", {}, tester(concurrency=1), True, False)(a_second_call)
case("auth.keys[].queue", tester(concurrency=1), tester(concurrency=1, queue=1), False, True)(a_second_call)
case("server.limits.queue", one_place(), one_place(queue=1), False, True)(a_second_call)
case("providers.openai.max_concurrency", {}, openai(max_concurrency=1, max_queue=0), True, False)(a_second_call)
case("providers.openai.max_queue", openai(max_concurrency=1, max_queue=0), openai(max_concurrency=1), False, True)(
    a_second_call
)


@case("server.limits.queue_timeout", one_place(queue=1, queue_timeout=0.05), one_place(queue=1), False, True)
async def a_call_behind_a_long_one(router: Running) -> bool:
    long = {"model": "gpt-4.1", "stream": True, "messages": [{"role": "user", "content": "LONG 50 GAP 30"}]}
    async with router.open("/v1/chat/completions", long):
        return (await router.ask("chat", "gpt-4.1")).status == 200


def second_key(**facts: Any) -> dict[str, Any]:
    return {**one_place(queue=1), **clients({"name": "b", "key": SECOND, **facts})}


@case("auth.keys[].priority", second_key(), second_key(priority="batch"), (200, 503), (503, 200))
async def who_is_served(router: Running) -> tuple[int, int]:
    """One place in the line: the second key's call is there when the tester's comes."""
    long = {"model": "gpt-4.1", "stream": True, "messages": [{"role": "user", "content": "LONG 50 GAP 30"}]}
    waiting = router.router._gateway.admission.crowd.waiting
    async with router.open("/v1/chat/completions", long):
        second = asyncio.create_task(as_second(router))  # noqa: TID251
        await router.until(lambda: waiting["process"] == 1)
        first = (await router.ask("chat", "gpt-4.1")).status
        return await second, first


@case("server.cors.origins", {}, at("server.cors.origins", ["https://chat.example"]), None, "https://chat.example")
async def cors(router: Running) -> Any:
    answer = await router.send("/healthz", headers={"origin": "https://chat.example"})
    return answer.headers.get("access-control-allow-origin")


@case("server.timeouts.first_token", timeouts(first_token=0.2), timeouts(first_token=30), False, True)
async def slow_stream(router: Running) -> bool:
    router.upstream.always(Misbehaviour(delay=0.8))
    return (await router.ask("chat", "gpt-4.1", stream=True)).status == 200


@case("server.timeouts.slow_first_token", timeouts(slow_first_token=0.2), timeouts(slow_first_token=30), False, True)
async def slow_answer(router: Running) -> bool:
    router.upstream.always(Misbehaviour(delay=0.8))
    return (await router.ask("chat", "gpt-4.1")).status == 200


@case("server.timeouts.idle", timeouts(idle=0.3), timeouts(idle=30), False, True)
async def pauses(router: Running) -> bool:
    answer = await router.ask("chat", "gpt-4.1", "LONG 2 GAP 600", stream=True)
    return b"[DONE]" in answer.body


@case("server.timeouts.total", timeouts(total=0.5), timeouts(total=30), False, True)
async def long_answer(router: Running) -> bool:
    answer = await router.ask("chat", "gpt-4.1", "LONG 20 GAP 100", stream=True)
    return answer.status == 200 and b"[DONE]" in answer.body


@case("server.timeouts.grace", timeouts(grace=0.1), timeouts(grace=0), True, False)
async def heartbeat_first(router: Running) -> bool:
    router.upstream.always(Misbehaviour(delay=0.8))
    return (await router.ask("chat", "gpt-4.1", stream=True)).body.startswith(b":")


@case("server.timeouts.heartbeat", timeouts(heartbeat=0.2), timeouts(heartbeat=0), True, False)
async def heartbeat_later(router: Running) -> bool:
    answer = await router.ask("messages", "claude-sonnet-4-5", "LONG 1 GAP 500", stream=True)
    return answer.body.count(b"event: ping") > 1


def swallowed(seconds: float) -> Changes:
    """An address at which nobody accepts and the queue is full."""

    def changes(router: Running) -> dict[str, Any]:
        held: list[socket.socket] = router.__dict__.setdefault("held", [])
        if not held:
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            held.append(listener)
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
                held.append(one)
        url = f"http://127.0.0.1:{held[0].getsockname()[1]}/v1"
        waits = timeouts(connect=seconds, slow_first_token=1.0, first_token=1.0)
        return {**openai(base_url=url, api_keys=["sk-one"]), **waits, "retry": {"max_attempts": 1}}

    return changes


@case("server.timeouts.connect", swallowed(0.3), swallowed(30), False, True)
async def swallowing_address(router: Running) -> bool:
    try:
        return b"no first token" in (await router.ask("chat", "gpt-4.1")).body
    finally:
        router.router._health._entries.clear()


DIGEST = hashlib.sha256(SECOND.encode()).hexdigest()
FILED = "sk-sim-of-a-file-0123456789"
case("auth.keys", {}, clients(SECOND), 401, 200)(as_second)
case("auth.keys[].key", clients({"name": "b", "key": "other"}), clients({"name": "b", "key": SECOND}), 401, 200)(
    as_second
)
case("auth.keys[].digest", {}, clients({"name": "b", "digest": DIGEST}), 401, 200)(as_second)
case(
    "auth.keys[].expires",
    clients({"name": "b", "key": SECOND, "expires": "2020-01-01"}),
    clients({"name": "b", "key": SECOND, "expires": "2999-01-01"}),
    401,
    200,
)(as_second)

case("auth.keys[].disabled", clients({"name": "b", "key": SECOND, "disabled": True}), clients(SECOND), 401, 200)(
    as_second
)
case("auth.keys[].scope", clients({"name": "b", "key": SECOND, "scope": "viewer"}), clients(SECOND), 403, 200)(
    as_second
)
for _name, _refuses, _allows in (
    ("models", ["claude-*"], ["gpt-4.1"]),
    ("providers", ["anthropic"], ["openai", "anthropic"]),
    ("accounts", ["anthropic/*"], ["anthropic/*", "openai/2"]),
    ("ips", ["192.0.2.0/24"], ["192.0.2.0/24", "127.0.0.1"]),
):
    case(
        f"auth.keys[].{_name}",
        clients({"name": "b", "key": SECOND, _name: _refuses}),
        clients({"name": "b", "key": SECOND, _name: _allows}),
        403,
        200,
    )(as_second)
case("policies.ips.allow", at("policies.ips.allow", ["192.0.2.0/24"]), at("policies.ips.allow", "127.0.0.1"), 403, 401)(
    as_second
)
case("policies.ips.deny", at("policies.ips.deny", ["127.0.0.0/8"]), {}, 403, 401)(as_second)


def of_key(shape: dict[str, Any]) -> dict[str, Any]:
    return at("auth.keys", [{"name": "tester", "key": KEY, **shape}])


def of_rule(shape: dict[str, Any]) -> dict[str, Any]:
    return at("models.routing", [{"pattern": ".", "providers": ["openai", "anthropic"], **shape}])


def of_all(shape: dict[str, Any]) -> dict[str, Any]:
    return at("policies", shape)


async def system_sent(router: Running) -> Any:
    await router.ask("responses", "gpt-5", instructions="mine")
    return router.upstream.requests[-1].body["instructions"]


async def effort_sent(router: Running) -> Any:
    await router.ask("chat", "gpt-5", reasoning_effort="medium")
    return router.upstream.requests[-1].body.get("reasoning_effort")


async def effort_unasked(router: Running) -> Any:
    await router.ask("chat", "gpt-5")
    return router.upstream.requests[-1].body.get("reasoning_effort")


def of_account(shape: dict[str, Any]) -> dict[str, Any]:
    return keys({"key": OPENAI_KEYS[0], **shape})


for _block, _of in (
    ("auth.keys[]", of_key),
    ("models.routing[]", of_rule),
    ("policies", of_all),
    ("providers.openai.api_keys[]", of_account),
):
    if _block in ("auth.keys[]", "models.routing[]"):
        _words = f"{_block}.system_prompt"
        case(f"{_words}.prepend", {}, _of({"system_prompt": {"prepend": "A"}}), "mine", "A\n\nmine")(system_sent)
        case(f"{_words}.append", {}, _of({"system_prompt": {"append": "B"}}), "mine", "mine\n\nB")(system_sent)
    case(f"{_block}.thinking.mode", {}, _of({"thinking": {"mode": "off"}}), "medium", "minimal")(effort_sent)
    case(f"{_block}.thinking.max", {}, _of({"thinking": {"max": "low"}}), "medium", "low")(effort_sent)
    case(f"{_block}.thinking.default", {}, _of({"thinking": {"default": "low"}}), None, "low")(effort_unasked)


def payload(**rule: Any) -> dict[str, Any]:
    return at("policies.payload", [rule])


async def seed_sent(router: Running) -> Any:
    await router.ask("chat", "gpt-4.1", seed=1)
    return router.upstream.requests[-1].body.get("seed")


async def top_p_sent(router: Running) -> Any:
    await router.ask("chat", "gpt-4.1")
    return router.upstream.requests[-1].body.get("top_p")


SEED = {"override": {"seed": 7}}
case("policies.payload", {}, payload(**SEED), 1, 7)(seed_sent)
case("policies.payload[].override", payload(override={"seed": 6}), payload(**SEED), 6, 7)(seed_sent)
case("policies.payload[].remove", payload(remove=["user"]), payload(remove=["seed"]), 1, None)(seed_sent)
case("policies.payload[].default", payload(**SEED), payload(default={"top_p": 0.5}), None, 0.5)(top_p_sent)
case("policies.payload[].models", payload(models=["gpt-5*"], **SEED), payload(models=["gpt-4.1"], **SEED), 1, 7)(
    seed_sent
)
for _name, _others, _this in (
    ("providers", ["anthropic"], ["openai"]),
    ("dialects", ["messages"], ["chat"]),
    ("keys", ["other"], ["tester"]),
    ("stream", True, False),
):
    case(
        f"policies.payload[].when.{_name}",
        payload(when={_name: _others}, **SEED),
        payload(when={_name: _this}, **SEED),
        1,
        7,
    )(seed_sent)


def combo(*targets: Any, strategy: str = "priority") -> dict[str, Any]:
    return at("models.combos", {"smart": {"targets": list(targets), "strategy": strategy}})


async def second_answer(router: Running) -> Any:
    """The model that answers the second call of a combo."""
    await router.ask("chat", "smart")
    return (await router.ask("chat", "smart")).headers.get("x-switchyard-model")


GPT, FLASH = "gpt-4.1", "gemini-2.5-flash"
case("models.combos", {}, combo(GPT), None, GPT)(second_answer)
case("models.combos.NAME.targets", combo(GPT), combo(FLASH), GPT, FLASH)(second_answer)
case("models.combos.NAME.targets[].model", combo({"model": GPT}), combo({"model": FLASH}), GPT, FLASH)(second_answer)
case("models.combos.NAME.strategy", combo(GPT, FLASH), combo(GPT, FLASH, strategy="round_robin"), GPT, FLASH)(
    second_answer
)
case(
    "models.combos.NAME.targets[].weight",
    combo({"model": GPT, "weight": 5}, FLASH, strategy="weighted"),
    combo({"model": GPT, "weight": 0}, FLASH, strategy="weighted"),
    GPT,
    FLASH,
)(second_answer)


async def chain_served(router: Running) -> bool:
    return (await router.ask("chat", "smart")).status == 200


def behind(proxy: str | None) -> dict[str, Any]:
    return at("models.combos", {"smart": {"targets": [GPT], "proxy": proxy}})


case("models.combos.NAME.proxy", behind(DEAD), behind(None), False, True)(chain_served)


def unpriced_by(key: dict[str, Any], usage: str) -> Changes:
    """A server whose prices nobody knows, and a key with a limit in dollars."""

    def changes(router: Running) -> dict[str, Any]:
        entry = {"name": "office", "base_url": router.upstream.base_url("openai"), "api_keys": ["sk-sim-office"]}
        limits = {"limits": {"usd_per_day": 5}}
        return {"providers": {"openai_compatible": [entry]}, "usage": {"unpriced": usage}, **tester(**limits, **key)}

    return changes


@case("usage.unpriced", unpriced_by({}, "allow"), unpriced_by({}, "refuse"), 200, 403)
@case("auth.keys[].unpriced", unpriced_by({}, "refuse"), unpriced_by({"unpriced": "allow"}, "refuse"), 403, 200)
async def of_the_office(router: Running) -> int:
    return (await router.ask("chat", "office/gpt-4.1")).status


def substituting(word: str) -> dict[str, Any]:
    return {**of_key({"substitution": word}), **combo("vertex/gemini-2.5-pro", GPT)}


@case("auth.keys[].substitution", substituting("never"), substituting("any"), 503, 200)
async def of_a_chain(router: Running) -> int:
    return (await router.ask("chat", "smart")).status


@case("policies.housekeeping.titles", {}, at("policies.housekeeping.titles", True), (200, 1), (200, 0))
async def a_title(router: Running) -> tuple[int, int]:
    before = len(router.upstream.requests)
    body = {**capture("claude-code/14-tui-title-json-schema.json")["body"], "model": "claude-sonnet-4-5"}
    body = {**body, "max_tokens": 1000, "output_config": {"format": body["output_config"]["format"]}}
    answer = await router.send("/v1/messages", body, headers={"user-agent": "claude-cli/2.1.329 (external, cli)"})
    return answer.status, len(router.upstream.requests) - before


def keeping_house(kind: str, body: dict[str, Any]) -> None:
    """A call that only asks for what Claude Code asks for itself, with and without its kind."""
    path = f"policies.housekeeping.{kind}"

    async def asked(router: Running) -> tuple[int, int]:
        before = len(router.upstream.requests)
        sent = {"model": "claude-sonnet-4-5", **body}
        answer = await router.send("/v1/messages", sent, headers={"user-agent": "claude-cli/2.1.329 (external, cli)"})
        return answer.status, len(router.upstream.requests) - before

    case(path, {}, at(path, True), (200, 1), (200, 0))(asked)


for _kind, _body in CALLS.items():
    keeping_house(_kind, _body)


@case(
    "policies.ips.trusted_proxies",
    at("policies.ips", {"deny": ["192.0.2.7"]}),
    at("policies.ips", {"deny": ["192.0.2.7"], "trusted_proxies": ["127.0.0.1"]}),
    200,
    403,
)
async def through_a_proxy(router: Running) -> int:
    return (await router.ask("chat", "gpt-4.1", headers={"x-forwarded-for": "192.0.2.7"})).status


def file_named(path: str, value: Callable[[str], Any]) -> Changes:
    """Settings that name a file with `FILED` in it."""

    def changes(router: Running) -> dict[str, Any]:
        file = router.folder / FILE
        file.write_text(FILED + "\n")
        return at(path, value(str(file)))

    return changes


@case(
    "auth.keys[].key_file",
    {},
    file_named("auth.keys", lambda name: [{"name": "tester", "key": KEY}, {"name": "b", "key_file": name}]),
    401,
    200,
)
async def as_filed(router: Running) -> int:
    return (await router.ask("chat", "gpt-4.1", headers={"authorization": f"Bearer {FILED}"})).status


@case(
    "auth.keys[].name",
    clients({"name": "first-name", "key": SECOND}),
    clients({"name": "second-name", "key": SECOND}),
    False,
    True,
)
async def named_in_logs(router: Running) -> bool:
    before = router.log.count("-name")
    await as_second(router)
    await router.until(lambda: router.log.count("-name") > before)
    return "second-name" in router.log


async def management_status(router: Running, key: str, **headers: str) -> int:
    answer = await router.send("/v0/management/status", headers={"authorization": f"Bearer {key}", **headers})
    return answer.status


@case("auth.management.remote", {}, at("auth.management.remote", True), False, True)
async def from_elsewhere(router: Running) -> bool:
    return await management_status(router, MANAGEMENT, **{"x-forwarded-for": "192.0.2.7"}) == 200


@case("auth.management.key", {}, at("auth.management.key", SECOND), False, True)
async def with_another_management_key(router: Running) -> bool:
    return await management_status(router, SECOND) == 200


def management_file(router: Running) -> dict[str, Any]:
    (router.folder / FILE).write_text(FILED)
    return at("auth.management", {"key": None, "key_file": str(router.folder / FILE)})


@case("auth.management.key_file", {}, management_file, False, True)
async def with_a_filed_management_key(router: Running) -> bool:
    return await management_status(router, FILED) == 200


async def served(router: Running) -> bool:
    return (await router.ask("chat", "gpt-4.1")).status == 200


case("providers.openai.enabled", openai(enabled=False), {}, False, True)(served)
case("providers.openai.base_url", openai(base_url=DEAD), {}, False, True)(served)
case(
    "providers.openai.base_urls",
    openai(base_url=None, base_urls=[DEAD]),
    lambda router: openai(base_url=None, base_urls=[DEAD, router.upstream.base_url("openai")]),
    False,
    True,
)(served)
case("providers.openai.proxy", openai(proxy=DEAD), {}, False, True)(served)
case("providers.openai.excluded_models", openai(excluded_models=["gpt-4*"]), {}, False, True)(served)
case("providers.openai.models", openai(models=["gpt-5.2"]), {}, False, True)(served)
case(
    "providers.openai.models[].name",
    openai(models=[{"name": "gpt-5.2"}]),
    openai(models=[{"name": "gpt-4.1"}]),
    False,
    True,
)(served)
case(
    "providers.openai.api_keys[].proxy", keys({"key": OPENAI_KEYS[0], "proxy": DEAD}), keys(OPENAI_KEYS[0]), False, True
)(served)
case("models.exclusions", at("models.exclusions", ["gpt-4*"]), {}, False, True)(served)


async def quick(router: Running) -> bool:
    return (await router.ask("chat", "quick")).status == 200


case("models.aliases", {}, at("models.aliases", {"quick": "gpt-4.1"}), False, True)(quick)
case(
    "providers.openai.models[].alias",
    openai(models=[{"name": "gpt-4.1"}]),
    openai(models=[{"name": "gpt-4.1", "alias": "quick"}]),
    False,
    True,
)(quick)
case(
    "providers.openai.models[].aliases",
    openai(models=[{"name": "gpt-4.1"}]),
    openai(models=[{"name": "gpt-4.1", "aliases": ["quick"]}]),
    False,
    True,
)(quick)


def custom(**entry: Any) -> dict[str, Any]:
    """A model that is added to a provider: OpenAI's simulator has it, and nothing in its name says so."""
    return at("models.custom", [{"provider": "openai", "name": "deepseek-reasoner", **entry}])


async def custom_served(router: Running) -> bool:
    return (await router.ask("chat", "deepseek-reasoner")).status == 200


case("models.custom", {}, custom(), False, True)(custom_served)
case("models.custom[].provider", custom(provider="gemini"), custom(), False, True)(custom_served)
case("models.custom[].name", custom(name="deepseek"), custom(), False, True)(custom_served)
case("models.custom[].aliases", custom(), custom(aliases=["quick"]), False, True)(quick)


async def custom_told(router: Running) -> tuple[Any, ...]:
    """What the list for Gemini's clients says of it: name, window, longest answer, whether it thinks, methods."""
    told = (await router.send("/v1beta/models/deepseek-reasoner")).json
    facts = (told.get(name) for name in ("displayName", "inputTokenLimit", "outputTokenLimit", "thinking"))
    return (*facts, "embedContent" in told["supportedGenerationMethods"])


PLAIN = {"context_window": 5000, "max_output": 600, "capabilities": {"thinking": "effort"}}
TOLD = ("deepseek-reasoner", 5000, 600, True, False)
for _name, _value, _told in (
    ("display_name", "House", ("House", *TOLD[1:])),
    ("context_window", 7000, (TOLD[0], 7000, *TOLD[2:])),
    ("max_output", 800, (*TOLD[:2], 800, *TOLD[3:])),
    ("capabilities", {"thinking": "none"}, (*TOLD[:3], None, False)),
    ("kind", "embedding", (*TOLD[:4], True)),
):
    case(f"models.custom[].{_name}", custom(**PLAIN), custom(**{**PLAIN, _name: _value}), TOLD, _told)(custom_told)


@case("providers.openai.headers", {}, openai(headers={"x-team": "blue"}), None, "blue")
async def sent_header(router: Running) -> Any:
    await served(router)
    return router.upstream.requests[-1].headers.get("x-team")


@case("providers.openai.prefix", {}, openai(prefix="oa"), False, True)
async def prefixed(router: Running) -> bool:
    return (await router.ask("chat", "oa/gpt-4.1")).status == 200


async def upstream_key(router: Running) -> str:
    await router.ask("chat", "gpt-4.1")
    return router.upstream.requests[-1].key


A, B = OPENAI_KEYS
case("providers.openai.api_keys", keys(A), keys(B), A, B)(upstream_key)
case("providers.openai.api_keys[].key", keys({"key": A}), keys({"key": B}), A, B)(upstream_key)
case(
    "providers.openai.api_keys[].key_file",
    keys(A),
    file_named("providers.openai.api_keys", lambda name: [{"key_file": name}]),
    A,
    FILED,
)(upstream_key)
case("providers.openai.api_keys[].env", keys(A), keys({"env": "OWN_VARIABLE"}), A, "sk-sim-of-the-environment")(
    upstream_key
)
case(
    "providers.openai.api_keys[].priority",
    keys({"key": A, "priority": 1}, {"key": B, "priority": 2}),
    keys({"key": A, "priority": 2}, {"key": B, "priority": 1}),
    A,
    B,
)(upstream_key)
case(
    "providers.openai.api_keys[].models",
    keys({"key": A}, {"key": B, "priority": 1}),
    keys({"key": A, "models": ["gpt-5.2"]}, {"key": B, "priority": 1}),
    A,
    B,
)(upstream_key)
for _name, _value in (("disabled", True), ("excluded", ["gpt-4*"])):
    case(
        f"providers.openai.api_keys[].{_name}",
        keys({"key": A}, {"key": B, "priority": 1}),
        keys({"key": A, _name: _value}, {"key": B, "priority": 1}),
        A,
        B,
    )(upstream_key)
case("providers.openai.api_keys[].aliases", keys({"key": A}), keys({"key": A, "aliases": {"quick": GPT}}), False, True)(
    quick
)
HAVE = {"models": ["gpt-4.1"]}
case(
    "providers.openai.priority",
    two_providers({**HAVE, "api_keys": [A], "priority": 1}, {**HAVE, "priority": 2}),
    two_providers({**HAVE, "api_keys": [A], "priority": 3}, {**HAVE, "priority": 2}),
    A,
    "sk-sim-backup",
)(upstream_key)
RULE = {"pattern": "^gpt", "providers": ["backup"]}
case("models.routing", routed(), routed(RULE), A, "sk-sim-backup")(upstream_key)
case("models.routing[].pattern", routed({**RULE, "pattern": "^zzz"}), routed(RULE), A, "sk-sim-backup")(upstream_key)
case("models.routing[].providers", routed({**RULE, "providers": ["openai"]}), routed(RULE), A, "sk-sim-backup")(
    upstream_key
)
case(
    "models.routing[].priority",
    routed({"pattern": "^gpt", "providers": ["openai"]}, {**RULE, "priority": 1}),
    routed({"pattern": "^gpt", "providers": ["openai"]}, {**RULE, "priority": -1}),
    A,
    "sk-sim-backup",
)(upstream_key)


async def keys_in_turn(router: Running) -> dict[str, int]:
    before = len(router.upstream.requests)
    for _ in range(8):
        await router.ask("chat", "gpt-4.1")
    used = [attempt.key for attempt in router.upstream.requests[before:]]
    return {key: used.count(key) for key in sorted(set(used))}


case("routing.strategy", at("routing.strategy", "fill_first"), {}, {A: 8}, {A: 4, B: 4})(keys_in_turn)
case(
    "providers.openai.api_keys[].weight",
    {**keys({"key": A}, {"key": B}), "routing": {"strategy": "weighted"}},
    {**keys({"key": A}, {"key": B, "weight": 3}), "routing": {"strategy": "weighted"}},
    {A: 4, B: 4},
    {A: 2, B: 6},
)(keys_in_turn)


@case("routing.quota_exceeded", {}, at("routing.quota_exceeded", "fail"), 200, 429)
async def after_a_limit(router: Running) -> int:
    router.upstream.script(status(429))
    return (await router.ask("chat", "gpt-4.1")).status


SMALLER = {"routing": {"quota_exceeded": "smaller_model"}, **keys(A)}


@case(
    "routing.smaller_models",
    SMALLER,
    {**keys(A), "routing": {"quota_exceeded": "smaller_model", "smaller_models": {"gpt-4.1": "gpt-4.1-mini"}}},
    (429, None),
    (200, "gpt-4.1-mini"),
)
async def who_stands_in(router: Running) -> tuple[int, str | None]:
    router.upstream.script(status(429))
    answer = await router.ask("chat", "gpt-4.1")
    return answer.status, answer.headers.get("x-switchyard-model")


async def keys_of_a_session(router: Running) -> int:
    before = len(router.upstream.requests)
    for _ in range(4):
        await router.ask("chat", "gpt-4.1", headers={"session-id": "one-session"})
    return len({attempt.key for attempt in router.upstream.requests[before:]})


case("routing.sticky.enabled", at("routing.sticky.enabled", False), {}, 2, 1)(keys_of_a_session)
case("routing.sticky.ttl", at("routing.sticky.ttl", 0), {}, 2, 1)(keys_of_a_session)


@case(
    "providers.openai.api_keys[].label",
    {**keys({"key": A}), **at("observe.account_header", True)},
    {**keys({"key": A, "label": "work"}), **at("observe.account_header", True)},
    "openai/1",
    "openai/work",
)
async def account(router: Running) -> Any:
    return (await router.ask("chat", "gpt-4.1")).headers.get("x-switchyard-account")


case("observe.account_header", keys(A), {**keys(A), **at("observe.account_header", True)}, None, "openai/1")(account)


async def most_tokens(router: Running) -> Any:
    await router.ask("messages", "gpt-4.1")
    body = router.upstream.requests[-1].body
    return body.get("max_completion_tokens") or body.get("max_output_tokens")


case("providers.openai.quirks", {}, openai(quirks={"max_output": 50}), 1000, 50)(most_tokens)
case("models.capabilities", {}, at("models.capabilities", {"gpt-4.1": {"max_output": 60}}), 1000, 60)(most_tokens)


@case("providers.openai.dialects", openai(dialects=["chat"]), openai(dialects=["responses"]), "chat", "responses")
async def spoken(router: Running) -> str:
    await router.ask("messages", "gpt-4.1")
    return router.upstream.requests[-1].dialect


def vertex(**block: str) -> Changes:
    def changes(router: Running) -> dict[str, Any]:
        file = router.folder / "service-account.json"
        file.write_text(json.dumps(router.upstream.service_account()))
        base = {"base_url": router.upstream.base_url("vertex"), "service_account_files": [str(file)]}
        return at("providers.vertex", {**base, "project": "one", **block})

    return changes


async def vertex_path(router: Running) -> str:
    await router.ask("gemini", "vertex/gemini-2.5-flash")
    return router.upstream.requests[-1].path.partition("/publishers")[0]


GLOBAL = "/v1/projects/one/locations/global"
case("providers.vertex.project", vertex(), vertex(project="two"), GLOBAL, GLOBAL.replace("one", "two"))(vertex_path)
case("providers.vertex.location", vertex(), vertex(location="us-east1"), GLOBAL, GLOBAL.replace("global", "us-east1"))(
    vertex_path
)


def compatible(kind: str, host: str, *names: str) -> Changes:
    start = "sk-ant-sim" if host == "anthropic" else "sk-sim"

    def changes(router: Running) -> dict[str, Any]:
        entries = [{"name": name, "base_url": router.upstream.base_url(host), "api_keys": [f"{start}-{name}"]}
                   for name in names]  # fmt: skip
        return at(f"providers.{kind}", entries)

    return changes


def asked(model: str) -> Probe:
    async def probe(router: Running) -> bool:
        return (await router.ask("chat", model)).status == 200

    return probe


for _kind, _host, _model in (
    ("openai_compatible", "openai", "gpt-4.1"),
    ("anthropic_compatible", "anthropic", "claude-sonnet-4-5"),
):
    case(f"providers.{_kind}", {}, compatible(_kind, _host, "one"), False, True)(asked(f"one/{_model}"))
    case(f"providers.{_kind}[].name", compatible(_kind, _host, "one"), compatible(_kind, _host, "two"), False, True)(
        asked(f"two/{_model}")
    )


def of_preset(**more: str) -> Changes:
    def changes(router: Running) -> dict[str, Any]:
        entry = {"name": "one", "base_url": router.upstream.base_url("openai"), "api_keys": [OPENAI_KEYS[0]]}
        return at("providers.openai_compatible", [{**entry, **more}])

    return changes


@case("providers.openai_compatible[].preset", of_preset(), of_preset(preset="mistral"), True, False)
async def asked_for_usage(router: Running) -> bool:
    await router.ask("messages", "one/gpt-4.1")
    return "stream_options" in router.upstream.requests[-1].body


case("providers.demo.enabled", at("providers.demo.enabled", False), {}, False, True)(asked("demo/echo"))


@case("retry.max_attempts", at("retry.max_attempts", 1), {}, False, True)
async def fails_once(router: Running) -> bool:
    router.upstream.script(status(500))
    return await served(router)


@case("retry.deadline", at("retry.deadline", 0.2), {}, False, True)
async def fails_late(router: Running) -> bool:
    router.upstream.script(Misbehaviour(delay=0.5, status=500))
    return await served(router)


@case("policies.strict", {}, at("policies.strict", True), 200, 400)
async def with_a_seed(router: Running) -> int:
    return (await router.ask("chat", "claude-sonnet-4-5", seed=7)).status


@case("policies.thinking_output", {}, at("policies.thinking_output", "none"), True, False)
async def thinking_shown(router: Running) -> bool:
    answer = await router.ask("chat", "claude-sonnet-4-5", "THINK", reasoning_effort="high")
    return bool(answer.json["choices"][0]["message"].get("reasoning_content"))


def cached(**policy: Any) -> dict[str, Any]:
    return at("policies.cache", {"enabled": True, **policy})


@case("policies.cache.enabled", {}, cached(), None, "hit")
@case("policies.cache.ttl", cached(ttl=0), cached(ttl=60), "miss", "hit")
@case("policies.cache.max_bytes", cached(max_bytes=0), cached(max_bytes=1_000_000), "miss", "hit")
async def asked_twice(router: Running) -> Any:
    await router.ask("chat", "gpt-4.1", "kettle")
    return (await router.ask("chat", "gpt-4.1", "kettle")).headers.get("x-switchyard-cache")


def once(**policy: Any) -> dict[str, Any]:
    return at("policies.idempotency", {"enabled": True, **policy})


@case("policies.idempotency.enabled", {}, once(), None, "true")
@case("policies.idempotency.ttl", once(ttl=0), once(ttl=60), None, "true")
async def asked_twice_with_a_key(router: Running) -> Any:
    key = {"idempotency-key": "order-1"}
    await router.ask("chat", "gpt-4.1", "kettle", headers=key)
    return (await router.ask("chat", "gpt-4.1", "kettle", headers=key)).headers.get("idempotent-replayed")


@case("policies.sessions", at("policies.sessions", "off"), {}, [False, False], [True, False])
async def sessions_told(router: Running) -> list[bool]:
    named = await router.ask("chat", "gpt-4.1", headers={"session-id": "s-1"})
    beginning = await router.ask("chat", "gpt-4.1", "word " * 1000)
    told = {row.id: row.session for row in router.router._recent.newest()}
    return [told[each.headers["x-switchyard-request-id"]] != "" for each in (named, beginning)]


@case("observe.metrics", {}, at("observe.metrics", False), 200, 404)
async def metrics(router: Running) -> int:
    return (await router.send("/metrics")).status


@case("observe.debug", {}, at("observe.debug", True), 404, 200)
async def tasks_told(router: Running) -> int:
    headers = {"authorization": f"Bearer {MANAGEMENT}"}
    return (await router.send("/v0/management/debug/tasks", headers=headers)).status


def forget_records(router: Running) -> None:
    folder = router.router._recorder.folder
    for record in list(folder._records(newest=True)):
        folder.delete(record.name)


async def records(router: Running, headers: dict[str, str] | None = None) -> list[str]:
    """The files of the newest record, by how their names end."""
    recorder = router.router._recorder
    forget_records(router)
    await router.ask("chat", "gpt-4.1", headers=headers)
    await router.until(lambda: router.router._gateway.open_calls == 0 and recorder._held == 0)
    return sorted({path.suffix for path in recorder.folder.path.rglob("*") if path.is_file()})


SEALED = [".sealed"]
case("observe.request_log", {}, at("observe.request_log", "all"), [], SEALED)(records)
RECORDED = {"request_log": "all", "request_log_encrypted": False}
case("observe.request_log_encrypted", at("observe.request_log", "all"), at("observe", RECORDED), SEALED, [".json"])(
    records
)


def unrecorded(word: bool | None) -> dict[str, Any]:
    return {**tester(request_log=word), **at("observe", {"request_log": "all", "request_log_by_header": True})}


@case("observe.request_log_by_header", {}, at("observe.request_log_by_header", True), [], SEALED)
async def records_on_demand(router: Running) -> list[str]:
    return await records(router, {"x-switchyard-record": "1"})


case("auth.keys[].request_log", unrecorded(None), unrecorded(False), SEALED, [])(records_on_demand)


async def records_kept(router: Running) -> int:
    """Of two old ones."""
    folder = router.router._recorder.folder
    forget_records(router)
    for days in (3, 5):
        began = int((time.time() - days * 86_400) * 1000)
        folder.write(f"req_{began:012x}{days:012x}", {"meta": {"body": "x" * 5000}}, sealed=True)
    router.router._recorder.sweep()
    return len(list(folder.newest()))


async def backups_kept(router: Running) -> int:
    """Of two that are made."""
    headers, path = {"authorization": f"Bearer {MANAGEMENT}"}, "/v0/management/backups"
    for file in (router.state / "backups").glob("*.backup"):
        file.unlink()
    for _ in range(2):
        await router.send(path, {"passphrase": "correct horse battery"}, headers=headers)
    return len((await router.send(path, headers=headers)).json["backups"])


case("backups.keep", at("backups.keep", 1), {}, 1, 2)(backups_kept)
case("backups.max_bytes", at("backups.max_bytes", 1024), {}, 0, 2)(backups_kept)


case("observe.request_log_days", {}, at("observe.request_log_days", 4), 2, 1)(records_kept)
case("observe.request_log_bytes", {}, at("observe.request_log_bytes", 6000), 2, 1)(records_kept)


def from_page(**relay: Any) -> Changes:
    """Settings of the relay on a router that knows a key for browsers and one for services."""

    def changes(router: Running) -> dict[str, Any]:
        keys = router.state / "keys"
        keys.mkdir(exist_ok=True)
        (keys / "relay.key").write_text(RELAY)
        (keys / "service.key").write_text(SERVICE)
        return at("relay", relay)

    return changes


@case("relay.allowed_origins", from_page(), from_page(allowed_origins=["https://app.example"]), 403, 101)
async def page_connects(router: Running) -> int:
    try:
        async with router.client.ws_connect(f"{router.url}/v1/ws?key={RELAY}", origin="https://app.example"):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


@case("relay.routers", from_page(), from_page(routers=["wss://b.example/v1/ws"]), [], ["wss://b.example/v1/ws"])
async def siblings(router: Running) -> Any:
    headers = {"authorization": f"Bearer {SERVICE}"}
    async with router.client.ws_connect(f"{router.url}/v1/ws", headers=headers) as socket:
        await socket.send_json({"type": "hello", "payload": {"service": "aistudio", "name": "desk"}})
        return (await socket.receive_json())["payload"]["routers"]


def dear(router: Running) -> dict[str, Any]:
    """A price table in which one model costs a dollar for each token of its answers."""
    path = router.folder / "dear.yaml"
    models = {"gpt-4.1": {"input": 0, "output": 999_999}}
    vendor = {"source": "this test", "as_of": "2026-01", "models": models}
    path.write_text(json.dumps({"version": "2026-01-01", "vendors": {"openai": vendor}}))
    return at("usage.prices", str(path))


@case("usage.prices", {}, dear, False, True)
async def a_dear_answer(router: Running) -> bool:
    name = 'switchyard_cost_usd_total{provider="openai"}'
    before = (await router.metrics()).get(name, 0.0)
    assert (await router.ask("chat", "gpt-4.1")).status == 200
    return (await router.metrics())[name] - before > 0.9


async def kept(router: Running, call_id: str, began: float) -> bool:
    """Whether the ledger has a call that began then, after it has forgotten what is old."""
    ledger = router.router._gateway.ledger
    await router.router.recall.known.wait()
    caller = Caller(key_id="k", key_name="k")
    ledger.settle(Record(call_id=call_id, dialect="chat", surface="chat", asked="m", caller=caller, began=began))
    await ledger.move()
    await ledger.prune()
    with closing(sqlite3.connect(router.state / "switchyard.sqlite")) as database:
        return database.execute("SELECT 1 FROM calls WHERE id = ?", (call_id,)).fetchone() is not None


@case("usage.enabled", at("usage.enabled", False), {}, False, True)
async def a_call_is_kept(router: Running) -> bool:
    return await kept(router, "req_new", time.time())


@case("usage.retention_days", at("usage.retention_days", 30), at("usage.retention_days", 60), False, True)
async def an_old_call_is_kept(router: Running) -> bool:
    return await kept(router, "req_old", time.time() - 45 * 86_400)
