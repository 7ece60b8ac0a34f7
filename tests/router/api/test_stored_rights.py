"""Rights of keys of the database: set, changed and taken back over the management API, with what callers meet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from router.access.keys import ClientKey, digest, generate, key_id
from router.access.stored import change_stored, to_stored
from router.settings.auth import KeyRights
from router.state.client_keys import add_key
from router.state.database import transaction
from tests.router.api.harness import DIALECTS, MODELS, OPENAI_KEYS, Answer, Running, ask, error_text, running
from tests.router.api.manage.desk import manage
from tests.router.api.test_relay import spawn
from tests.simulators import Upstream
from tests.simulators.faulty import hang

FIXED = "sk-client-canary-fixed"
COMBOS = {"models": {"combos": {"smart": {"targets": ["vertex/gemini-2.5-pro", "gpt-4.1"]}}}}
RIGHTS: dict[str, Any] = {
    "models": ["claude-*", "quick"],
    "providers": ["anthropic", "google"],
    "accounts": ["openai/2", "anthropic/*"],
    "ips": ["192.0.2.0/24", "2001:db8::/32"],
    "substitution": "never",
    "system_prompt": {"prepend": "First.", "append": "Last."},
    "thinking": {"mode": "fixed", "default": "high"},
}
"""One of each, that changes something for `outcomes`."""
SENT = ("instructions", "reasoning", "reasoning_effort", "messages")


class Desk:
    """A key of the database, and what is done to it."""

    def __init__(self, router: Running, made: Any) -> None:
        self.router = router
        self.id: str = made["id"]
        self.key: str = made["key"]

    async def change(self, **change: Any) -> Answer:
        return await manage(self.router, "PATCH", f"/keys/{self.id}", change)

    async def set(self, **rights: Any) -> Any:
        answer = await self.change(rights=rights)
        assert answer.status == 200, answer.body
        return answer.json["rights"]

    async def call(self, model: str = "gpt-4.1", dialect: str = "chat") -> Answer:
        path, body = ask(dialect, model)
        return await self.router.send(path, body, headers={"authorization": f"Bearer {self.key}"})


async def made(router: Running, name: str = "laptop", **wanted: Any) -> Desk:
    await router.until(lambda: router.router.recall.memory)
    answer = await manage(router, "POST", "/keys", {"name": name, **wanted})
    assert answer.status == 200, answer.body
    return Desk(router, answer.json)


async def outcomes(router: Running, key: str) -> list[Any]:
    """What comes of a few calls: status, code of the error, who answered, and what the provider got."""
    headers = {"authorization": f"Bearer {key}"}
    found: list[Any] = []
    for dialect, model, more in (
        ("chat", "gpt-4.1", {}),
        ("messages", "claude-sonnet-4-5", {}),
        ("responses", "gpt-5", {"instructions": "mine", "reasoning": {"effort": "low"}}),
        ("chat", "smart", {}),
    ):
        before = len(router.upstream.requests)
        answer = await router.ask(dialect, model, headers=headers, **more)
        sent = [(each.key, *(each.body.get(name) for name in SENT)) for each in router.upstream.requests[before:]]
        code = answer.json["error"].get("code") if answer.status >= 400 else None
        told = [answer.headers.get(f"x-switchyard-{name}") for name in ("provider", "model", "notes")]
        found.append((answer.status, code, *told, sent))
    listed = await router.send("/v1/models", headers=headers)
    found.append(sorted(model["id"] for model in listed.json["data"]) if listed.status == 200 else listed.status)
    return found


def fixed(**rights: Any) -> dict[str, Any]:
    """Settings with a key of these rights; accounts are taken in their order."""
    return {
        "auth": {"keys": [{"name": "fixed", "key": FIXED, **rights}]},
        "routing": {"strategy": "fill_first"},
        **COMBOS,
    }


@pytest.mark.parametrize("right", RIGHTS)
async def test_a_right_does_in_the_database_what_it_does_in_the_settings(
    upstream: Upstream, tmp_path: Path, right: str
) -> None:
    async with running(upstream, tmp_path, fixed(**{right: RIGHTS[right]})) as router:
        key = await made(router)
        free = await outcomes(router, key.key)
        assert await key.set(**{right: RIGHTS[right]}) == {right: RIGHTS[right]}
        narrowed = await outcomes(router, key.key)
        assert narrowed != free
        assert narrowed == await outcomes(router, FIXED)
        assert await key.set(**{right: None}) is None
        assert await outcomes(router, key.key) == free
        other = await made(router, "other", rights={right: RIGHTS[right]})
        assert await outcomes(router, other.key) == narrowed


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_refusal_names_the_key_and_the_right(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path) as router:
        key = await made(router)
        for right in ("models", "providers", "accounts", "ips"):
            await key.change(rights=None)
            value = {"models": ["nothing"], "providers": ["vertex"], "accounts": ["vertex/*"], "ips": ["192.0.2.1"]}[
                right
            ]
            await key.set(**{right: value})
            answer = await key.call(MODELS[dialect], dialect)
            text = error_text(dialect, answer.json)
            assert answer.status == 403 and "'laptop'" in text and f"rights.{right} of the key in the database" in text
        assert upstream.requests == []


async def test_of_a_combo_the_refusal_names_the_right_too(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, COMBOS) as router:
        key = await made(router, rights={"substitution": "never"})
        answer = await key.call("smart")
        assert answer.status == 503
        assert "rights.substitution of the key in the database: never" in error_text("chat", answer.json)


async def test_what_is_given_is_changed_and_the_rest_stays(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path) as router:
        key = await made(router, rights={"models": ["gpt-*"], "ips": ["127.0.0.1"], "substitution": None})
        assert await key.set(providers=["openai"]) == {
            "models": ["gpt-*"], "providers": ["openai"], "ips": ["127.0.0.1"],
        }  # fmt: skip
        assert await key.set(models=[], ips=None, system_prompt={}) == {"providers": ["openai"]}
        assert (await key.change(limits={"requests_per_minute": 9})).json["rights"] == {"providers": ["openai"]}
        assert (await key.change(rights=None)).json["rights"] is None
        assert (await key.call("claude-sonnet-4-5")).status == 200


@pytest.mark.parametrize(
    ("rights", "told"),
    [
        ({"models": ["("]}, "models has a wrong pattern"),
        ({"models": "gpt-4.1"}, "rights.models"),
        ({"providers": ["opnai"]}, "providers names the provider 'opnai', which is not known. Did you mean 'openai'?"),
        ({"accounts": ["[a"]}, "accounts has a wrong pattern"),
        ({"ips": ["10.0.0.0/40"]}, "ips has '10.0.0.0/40', which is no address and no network"),
        ({"substitution": "maybe"}, "rights.substitution"),
        ({"system_prompt": {"before": "x"}}, "unknown field `before` - at `$.rights.system_prompt`"),
        ({"thinking": {"mode": "fixed"}}, "thinking with mode fixed needs default"),
        ({"thinking": {"max": "huge"}}, "thinking.max must be an effort"),
        ({"model": ["gpt-4.1"]}, "unknown field `model` - at `$.rights`"),
    ],
)
async def test_what_no_right_can_be_is_a_400_that_names_the_field(
    upstream: Upstream, tmp_path: Path, rights: Any, told: str
) -> None:
    async with running(upstream, tmp_path) as router:
        key = await made(router, rights={"models": ["gpt-4.1"]})
        for answer in (
            await key.change(rights=rights),
            await manage(router, "POST", "/keys", {"name": "other", "rights": rights}),
        ):
            assert answer.status == 400 and told in answer.json["error"]["message"], answer.body
        keys = (await manage(router, "GET", "/keys")).json["keys"]
        assert {each["name"]: each["rights"] for each in keys if each["source"] == "database"} == {
            "laptop": {"models": ["gpt-4.1"]}
        }


async def test_only_keys_that_call_models_have_rights(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path) as router:
        await router.until(lambda: router.router.recall.memory)
        wanted = {"name": "helper", "scope": "viewer", "rights": {"models": ["gpt-4.1"]}}
        answer = await manage(router, "POST", "/keys", wanted)
        assert answer.status == 400 and "scope client" in answer.json["error"]["message"]


async def test_a_key_is_disabled_and_enabled_again(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path) as router:
        key = await made(router, rights={"models": ["gpt-*"]})
        assert (await key.call()).status == 200
        assert (await key.change(disabled=True)).json["state"] == "disabled"
        assert (await key.call()).status == 401
        enabled = (await key.change(disabled=False)).json
        assert (enabled["state"], enabled["rights"]) == ("usable", {"models": ["gpt-*"]})
        assert (await key.call()).status == 200


async def test_a_key_of_the_settings_that_is_disabled_is_listed_so(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, fixed(disabled=True, models=["gpt-*"])) as router:
        keys = (await manage(router, "GET", "/keys")).json["keys"]
        shown = next(each for each in keys if each["name"] == "fixed")
        assert (shown["state"], shown["rights"]) == ("disabled", {"models": ["gpt-*"]})


async def test_a_new_text_changes_nothing_else(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path) as router:
        facts = {"concurrency": 2, "queue": 3, "priority": "batch", "rights": RIGHTS, "limits": {"usd_per_day": 2.5}}
        key = await made(router, **facts, expires_in=1000)
        await key.change(disabled=True)
        before = {each["id"]: each for each in (await manage(router, "GET", "/keys")).json["keys"]}
        rotated = (await manage(router, "POST", f"/keys/{key.id}/rotate")).json
        after = {each["id"]: each for each in (await manage(router, "GET", "/keys")).json["keys"]}
        assert rotated["id"] == key.id and before == after
        assert after[key.id]["rights"] == RIGHTS and after[key.id]["state"] == "disabled"


async def test_calls_at_once_are_changed_too(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path) as router:
        key = await made(router, concurrency=1)
        upstream.script(hang(), hang(), model="gpt-4.1")
        held = [spawn(key.call())]
        await router.until(lambda: len(upstream.requests) == 1)
        assert (await key.call("claude-sonnet-4-5")).status == 429
        changed = (await key.change(concurrency=2, queue=1, priority="batch")).json
        assert (changed["concurrency"], changed["queue"], changed["priority"]) == (2, 1, "batch")
        held.append(spawn(key.call()))
        await router.until(lambda: len(upstream.requests) == 2)
        waiting = spawn(key.call("claude-sonnet-4-5"))
        gate = router.router._gateway.admission._keys[key.id]
        await router.until(lambda: gate.waiting == 1)
        await key.change(concurrency=3)  # whoever waits need not wait for another call to come
        assert (await waiting).status == 200
        assert (await key.change(concurrency=None)).json["concurrency"] is None
        for call in held:
            call.cancel()


def written(router: Running, **facts: Any) -> tuple[ClientKey, str]:
    """A key that another process puts into the database."""
    secret = generate()
    hexadecimal = digest(secret)
    key = ClientKey(id=key_id(hexadecimal), name="elsewhere", digest=hexadecimal, source="database", **facts)
    with transaction(router.state / "switchyard.sqlite", writes=True) as connection:
        add_key(connection, to_stored(key, 0.0))
    return key, secret.reveal()


async def test_the_first_call_of_a_key_from_elsewhere_has_its_rights_already(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path) as router:
        await router.until(lambda: router.router.recall.memory)
        await router.router.recall.known.wait()
        key, text = written(router, rights=KeyRights(models=("claude-*",)))
        router.router._keys._looked = None
        assert (await Desk(router, {"id": key.id, "key": text}).call()).status == 403
        assert upstream.requests == []


async def test_what_another_process_changes_counts_within_two_seconds_and_is_not_overwritten(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path) as router:
        key = await made(router, limits={"requests_per_minute": 900})
        assert (await key.call()).status == 200
        narrow = KeyRights(models=("claude-*",))
        with transaction(router.state / "switchyard.sqlite", writes=True) as connection:
            change_stored(connection, "laptop", lambda known: replace(known, rights=narrow))
        answer = await key.change(limits={"requests_per_minute": 800})
        assert answer.json["rights"] == {"models": ["claude-*"]}
        with transaction(router.state / "switchyard.sqlite", writes=True) as connection:
            change_stored(connection, "laptop", lambda known: replace(known, rights=None))
        async with asyncio.timeout(4):
            while (await key.call()).status != 200:
                pass


async def test_a_provider_that_is_gone_opens_nothing(upstream: Upstream, tmp_path: Path) -> None:
    server = {"name": "local", "base_url": upstream.base_url("openai"), "api_keys": list(OPENAI_KEYS)}
    local = {"providers": {"openai_compatible": [server]}}
    async with running(upstream, tmp_path, local) as router:
        key = await made(router, rights={"providers": ["local"]})
        assert (await key.call("local/gpt-4.1")).status == 200
        await router.reloaded({})
        assert (await key.call()).status == 403
        assert (await key.set(ips=["127.0.0.1"]))["providers"] == ["local"]
        assert (await key.call()).status == 403


async def test_rights_outlive_changed_settings_and_changed_accounts(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path) as router:
        key = await made(router, rights={"models": ["claude-*"], "accounts": ["anthropic/*"]})
        await router.reloaded({"retry": {"max_attempts": 2}})
        assert [(await key.call(name)).status for name in ("gpt-4.1", "claude-sonnet-4-5")] == [403, 200]
        router.router._reroute()
        assert [(await key.call(name)).status for name in ("gpt-4.1", "claude-sonnet-4-5")] == [403, 200]


async def test_what_was_kept_is_not_given_again_under_other_words(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"policies": {"cache": {"enabled": True}}}) as router:
        key = await made(router)
        for _ in range(2):
            assert (await key.call()).status == 200
        assert len(upstream.requests) == 1
        await key.set(system_prompt={"prepend": "Be brief."})
        assert (await key.call()).status == 200
        assert upstream.requests[-1].body["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_explain_knows_the_rights(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path) as router:
        await made(router, rights={"models": ["claude-*"]})
        told = await router.management("explain?model=gpt-4.1&key=laptop")
        assert told["outcome"]["kind"] == "forbidden" and "rights.models" in told["outcome"]["reason"]
