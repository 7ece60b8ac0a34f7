"""Who may call: every place for a key, every dialect's refusal, keys that come and go, and keys that never leak."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import get_args

import pytest

from router.access.keys import digest, key_id
from router.secret import Secret
from router.settings.auth import Scope
from router.state.client_keys import StoredKey, add_key, list_keys, revoke_key
from router.state.database import open_database
from tests.router.api.harness import (
    ANTHROPIC_KEY,
    DIALECTS,
    GEMINI_KEY,
    KEY,
    MANAGEMENT,
    MODELS,
    OPENAI_KEYS,
    OTHER,
    Running,
    ask,
    error_text,
)
from tests.simulators import Upstream
from tests.simulators.faulty import status

PLACES: dict[str, dict[str, str | None]] = {
    "bearer": {"authorization": f"Bearer {KEY}"},
    "x-api-key": {"authorization": None, "x-api-key": KEY},
    "x-goog-api-key": {"authorization": None, "x-goog-api-key": KEY},
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_key_is_taken_from_each_header(router: Running, place: str) -> None:
    answer = await router.send(*ask("chat", "demo/echo"), headers=PLACES[place])
    assert answer.status == 200


async def test_a_key_is_taken_from_the_query_and_does_not_reach_the_upstream(router: Running) -> None:
    path, body = ask("gemini", MODELS["gemini"])
    answer = await router.send(f"{path}?key={KEY}", body, headers={"authorization": None})
    assert answer.status == 200
    attempt = router.upstream.requests[-1]
    assert KEY not in str(attempt.request)
    assert attempt.key == GEMINI_KEY


async def test_a_dummy_in_one_place_does_not_hide_the_real_key_in_another(router: Running) -> None:
    answer = await router.send(*ask("messages", "demo/echo"), headers={"x-api-key": "dummy"})
    assert answer.status == 200


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_missing_or_wrong_key_is_refused_in_the_callers_dialect(router: Running, dialect: str) -> None:
    path, body = ask(dialect, MODELS[dialect], stream=True)
    for given in (None, "Bearer sk-not-ours-123456"):
        answer = await router.send(path, body, headers={"authorization": given})
        assert answer.status == (400 if dialect == "gemini" else 401)  # Google itself answers 400 API_KEY_INVALID
        assert "key" in error_text(dialect, answer.json)
        assert "sk-not-ours" not in answer.body.decode()
    assert router.upstream.requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_management_key_may_not_call_models(router: Running, dialect: str) -> None:
    path, body = ask(dialect, MODELS[dialect])
    answer = await router.send(path, body, headers={"authorization": f"Bearer {MANAGEMENT}"})
    assert answer.status == 403
    assert "scope" in error_text(dialect, answer.json)


async def test_a_client_key_may_not_read_the_management_routes(router: Running) -> None:
    for path in ("status", "explain?model=gpt-4.1", "models"):
        for given in (f"Bearer {KEY}", None):
            answer = await router.send(f"/v0/management/{path}", headers={"authorization": given})
            assert answer.status == 401, path
    assert (await router.send(f"/v0/management/status?key={MANAGEMENT}")).status == 401  # addresses end up in logs


async def test_management_is_refused_to_whoever_comes_through_a_proxy_or_under_another_name(router: Running) -> None:
    key = {"authorization": f"Bearer {MANAGEMENT}"}
    for header in ({"x-forwarded-for": "10.0.0.1"}, {"host": "evil.example"}):
        answer = await router.send("/v0/management/status", headers={**key, **header})
        assert answer.status == 403


async def test_keys_made_and_revoked_in_the_database_count_without_a_restart(router: Running) -> None:
    secret = Secret("sk-sy-" + "a" * 43)
    engine = open_database(router.state / "switchyard.sqlite")
    hexadecimal = digest(secret)
    identity = key_id(hexadecimal)
    headers = {"authorization": f"Bearer {secret.reveal()}"}

    async def tried() -> int:
        return (await router.send(*ask("chat", "demo/echo"), headers=headers)).status

    assert await tried() == 401
    row = StoredKey(id=identity, name="late", digest=hexadecimal, scopes=("client",), created_at=time.time())
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        add_key(connection, row)

    async def becomes(status: int) -> None:
        """A look at the database that is just under way may still bring what was there before."""
        async with asyncio.timeout(40):
            while await tried() != status:
                router.router._keys._looked = None
                await router.router.recall.look()

    await becomes(200)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        revoke_key(connection, identity, time.time())
    engine.dispose()
    await becomes(401)


async def test_no_key_appears_in_logs_errors_metrics_or_answers(router: Running) -> None:
    """Canary: every client's and provider's key, through success and every kind of failure, in every sink."""
    secrets = (KEY, MANAGEMENT, *OPENAI_KEYS, ANTHROPIC_KEY, GEMINI_KEY, "sk-wrong-canary-77")
    logging.getLogger("switchyard").setLevel("DEBUG")
    told = []
    for dialect in DIALECTS:
        for model in (MODELS[dialect], OTHER[dialect]):
            told.append(await router.ask(dialect, model))
            router.upstream.script(status(401), status(500), status(403), status(500))
            told.append(await router.ask(dialect, model))
            router.upstream.behave()
        told.append(await router.ask(dialect, "nobody-knows"))
        told.append(await router.ask(dialect, MODELS[dialect], headers={"authorization": "Bearer sk-wrong-canary-77"}))
    told.append(await router.send("/v1/messages?key=sk-wrong-canary-77", headers={"authorization": None}))
    told.append(await router.send("/metrics"))
    told.append(await router.send("/readyz"))
    told.append(await router.send("/v0/management/status", headers={"authorization": f"Bearer {MANAGEMENT}"}))
    told.append(await router.send("/v0/management/explain?model=gpt-4.1", headers={"x-api-key": MANAGEMENT}))
    await router.stop()
    sinks = [answer.body.decode() + str(answer.headers) for answer in told] + [router.log]
    assert router.log.count("tester") > 8  # the log did say who called
    for secret in secrets:
        for sink in sinks:
            assert secret not in sink


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_provider_that_quotes_our_key_does_not_give_it_to_the_client(router: Running, dialect: str) -> None:
    keys = (*OPENAI_KEYS, ANTHROPIC_KEY, GEMINI_KEY)
    for key in keys:
        router.upstream.always(status(400, message=f"bad key {key}"), key=key)
    for model in (MODELS[dialect], OTHER[dialect], OTHER[dialect]):
        answer = await router.ask(dialect, model)
        assert answer.status == 400
        said = answer.body.decode()
        assert "bad key" in said
        assert not any(key in said for key in keys)
    await router.stop()
    for key in keys:
        assert key not in router.log


async def test_a_key_is_never_a_part_of_a_query(router: Running) -> None:
    for key in ("' OR 1=1 --", "x'; DROP TABLE client_keys; --", '" OR ""="', "%", "\\", "sk-sy-%' OR '1'='1"):
        router.router._keys._looked = None  # so that the database is asked every time
        answer = await router.send(*ask("chat", "demo/echo"), headers={"authorization": f"Bearer {key}"})
        assert answer.status == 401
    engine = open_database(router.state / "switchyard.sqlite")
    with engine.connect() as connection:
        assert list_keys(connection) == []  # the table is still there
    engine.dispose()


async def test_a_client_never_chooses_where_we_connect(router: Running) -> None:
    """Addresses in a request are for the provider to fetch, if for anybody."""
    async with Upstream() as elsewhere:
        target = f"{elsewhere.address}/cat.png"
        chosen = {"base_url": elsewhere.address, "api_base": elsewhere.address, "webhook_url": elsewhere.address}
        image = {"type": "image_url", "image_url": {"url": target}}
        headers = {"x-base-url": elsewhere.address, "x-forwarded-host": "evil.example", "x-upstream": elsewhere.address}
        for model in ("gpt-4.1", "claude-sonnet-4-5", "gemini-2.5-flash"):
            body = {"model": model, "messages": [{"role": "user", "content": [image]}], **chosen}
            await router.send("/v1/chat/completions", body, headers=headers)
        assert router.upstream.requests
        assert elsewhere.requests == []


async def test_a_key_of_the_settings_opens_what_its_scope_says_and_nothing_else(router: Running) -> None:
    scopes: tuple[Scope, ...] = get_args(Scope)
    keys = {scope: f"sk-of-the-scope-{scope}" for scope in scopes}
    entries = [{"name": scope, "key": key, "scope": scope} for scope, key in keys.items()]
    await router.reloaded({"auth": {"keys": [{"name": "tester", "key": KEY}, *entries]}})
    opened: dict[str, list[int]] = {}
    for scope, key in keys.items():
        headers = {"authorization": f"Bearer {key}"}
        answers = [
            await router.send(f"/v0/management/{path}", headers=headers, method="GET")
            for path in ("overview", "logs", "audit")
        ]
        calls = await router.send(*ask("chat", MODELS["chat"]), headers=headers)
        opened[scope] = [calls.status, *(answer.status for answer in answers)]
    assert opened == {
        "client": [200, 401, 401, 401],
        "viewer": [403, 200, 403, 403],
        "operator": [403, 200, 200, 403],
        "management": [403, 200, 200, 200],
        "service": [403, 401, 401, 401],
        "relay": [403, 401, 401, 401],
    }
    manages = {"authorization": f"Bearer {keys['operator']}"}
    listed = (await router.send("/v0/management/keys", headers=manages)).json["keys"]
    assert {each["name"]: each["scopes"] for each in listed if each["source"] == "settings"} == {
        "tester": ["client"],
        **{scope: [scope] for scope in scopes},
    }
