"""A service over HTTP tells of itself, and its models are models of the gateway for as long as it goes on telling."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.router.api.harness import DIALECTS, OPENAI_KEYS, Answer, Running, error_text, running
from tests.router.api.signing_in import MANAGES
from tests.simulators import Upstream
from tests.simulators.faulty import cut, status

KEY = "sk-service-canary-0123456789"
PATH = "/v0/relay/services"
MODEL = "gpt-4.1"
SERVICE = {"authorization": f"Bearer {KEY}"}


def endpoint(upstream: Upstream) -> str:
    """A server that speaks as the service does."""
    return upstream.base_url("openai").removesuffix("/v1")


@asynccontextmanager
async def webai(upstream: Upstream, folder: Path, **block: Any) -> AsyncIterator[Running]:
    """A router with the provider turned on, and a service key. The stand-in takes one of the simulator's keys."""
    keys = folder / "state" / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "service.key").write_text(KEY)
    changes = {
        "relay": {"arrival_wait": 0},
        "providers": {"webai": {"enabled": True, "api_key": OPENAI_KEYS[0], **block}},
    }
    async with running(upstream, folder, changes) as router:
        yield router


async def tell(router: Running, *, headers: dict[str, str | None] | None = None, **said: Any) -> Answer:
    body = {
        "service": "webai",
        "name": "desk",
        "endpoint": endpoint(router.upstream),
        "models": [MODEL, "gpt4free:Qwen/qwen3"],
        "ready": True,
        "causes": [],
        "capacity": 4,
        "busy": 0,
        "leaving": False,
        **said,
    }
    return await router.send(PATH, body, headers=headers or SERVICE)


async def test_every_dialect_is_answered_by_a_service_that_has_told_of_itself(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with webai(upstream, tmp_path) as router:
        refused = await router.ask("chat", f"{MODEL}-webai")
        assert refused.status == 503 and "no service is known" in error_text("chat", refused.json)
        assert (await tell(router)).json == {"accepted": True, "every": 30, "expires": 90}
        for name in (f"{MODEL}-webai", f"webai-{MODEL}", f"webai:{MODEL}", f"webai/{MODEL}"):
            for dialect in DIALECTS:
                for stream in (False, True):
                    answer = await router.ask(dialect, name, "kettle", stream=stream)
                    assert answer.status == 200, (name, dialect, answer.body)
                    assert "kettle" in answer.text and answer.headers["x-switchyard-provider"] == "webai"
                    sent = upstream.requests[-1]
                    assert (sent.dialect, sent.body["model"], sent.key) == ("chat", MODEL, OPENAI_KEYS[0])
        listed = [each["id"] for each in (await router.send("/v1/models")).json["data"]]
        assert f"{MODEL}-webai" in listed and "gpt4free:Qwen/qwen3" in listed
        await router.ask("messages", "gpt4free:Qwen/qwen3")
        assert upstream.requests[-1].body["model"] == "gpt4free:Qwen/qwen3"
    assert KEY not in router.log and OPENAI_KEYS[0] not in router.log


async def test_it_is_off_unless_it_is_turned_on(upstream: Upstream, tmp_path: Path) -> None:
    async with webai(upstream, tmp_path, enabled=False) as router:
        assert (await tell(router)).status == 200
        refused = await router.ask("chat", f"{MODEL}-webai")
        assert refused.status == 503 and "switched off" in error_text("chat", refused.json)
        assert upstream.requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_service_that_is_not_ready_is_not_asked_and_its_cause_is_told(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with webai(upstream, tmp_path) as router:
        await tell(router, ready=False, causes=["The cookies of work are not accepted any more."])
        refused = await router.ask(dialect, f"{MODEL}-webai")
        assert refused.status in (503, 529)
        assert "cookies of work" in error_text(dialect, refused.json)
        assert upstream.requests == []
        causes = (await router.send("/readyz")).json["causes"]
        assert any("cookies of work" in each["text"] for each in causes)
        await tell(router)
        assert (await router.ask(dialect, f"{MODEL}-webai")).status == 200


async def test_an_account_that_a_service_keeps_and_that_wants_a_person_is_told_everywhere(
    upstream: Upstream, tmp_path: Path
) -> None:
    gone = {"name": "home", "state": "needs_login", "cause": "The cookies are not accepted any more."}
    async with webai(upstream, tmp_path) as router:
        await tell(router, accounts=[gone, {"name": "work", "state": "ready"}])
        assert (await router.ask("chat", f"{MODEL}-webai")).status == 200
        found = [each for each in (await router.send("/readyz")).json["causes"] if each["cause"] == "needs_login"]
        assert len(found) == 1 and "webai/desk/home: The cookies are not" in found[0]["text"]
        metrics = (await router.send("/metrics")).body.decode()
        assert 'switchyard_account_state{account="webai/desk/home",provider="webai",state="needs_login"} 1.0' in metrics
        relay = (await router.send("/v0/management/relay", headers=MANAGES)).json["services"]
        assert [(each["name"], each["state"]) for each in relay[0]["accounts"]] == [
            ("home", "needs_login"),
            ("work", "ready"),
        ]
        await tell(router, accounts=[gone], ready=False, causes=["Every account is signed out."])
        listed = (await router.send("/v0/management/accounts", headers=MANAGES)).json["accounts"]
        assert [each["state"] for each in listed if each["account"] == "webai/desk"] == ["needs_login"]
        await tell(router, accounts=[{**gone, "state": "ready"}])
        assert not [each for each in (await router.send("/readyz")).json["causes"] if each["cause"] == "needs_login"]


async def test_what_calls_have_met_is_forgotten_when_it_is_ready_again(upstream: Upstream, tmp_path: Path) -> None:
    async with webai(upstream, tmp_path) as router:
        await tell(router)
        upstream.script(status(429, retry_after="600"))
        limited = await router.ask("messages", f"{MODEL}-webai")
        assert limited.status == 429 and float(limited.headers["retry-after"]) >= 600
        assert (await router.ask("chat", f"{MODEL}-webai")).status == 429
        await tell(router, ready=False, causes=["resting"])
        await tell(router)
        assert (await router.ask("chat", f"{MODEL}-webai")).status == 200


async def test_a_cut_answer_is_an_error_or_is_mended_and_never_short(upstream: Upstream, tmp_path: Path) -> None:
    async with webai(upstream, tmp_path) as router:
        await tell(router)
        for dialect in DIALECTS:
            upstream.script(cut(events=6))
            answer = await router.ask(dialect, f"{MODEL}-webai", "LONG 20", stream=True)
            assert answer.text == "".join(f"word-{number:06} " for number in range(20))
            upstream.script(status(500), status(502), status(503))
            failed = await router.ask(dialect, f"{MODEL}-webai", "hello")
            assert failed.status >= 500 or failed.status == 200
            router.router._health._entries.clear()
            upstream.behave()


async def test_who_falls_silent_or_leaves_is_gone(upstream: Upstream, tmp_path: Path) -> None:
    async with webai(upstream, tmp_path) as router:
        announced = router.router._announced
        await tell(router)
        await tell(router, name="shelf")
        assert [each["name"] for each in (await router.management("relay"))["services"]] == ["desk", "shelf"]
        await tell(router, leaving=True)
        assert [each["name"] for each in (await router.management("relay"))["services"]] == ["shelf"]
        announced.tick(router.router._clock.wall() + 89)
        assert (await router.ask("chat", f"{MODEL}-webai")).status == 200
        announced.tick(router.router._clock.wall() + 91)
        assert (await router.ask("chat", f"{MODEL}-webai")).status == 503
        assert (await router.management("relay"))["services"] == []


async def test_the_service_with_the_most_room_is_asked(upstream: Upstream, tmp_path: Path) -> None:
    async with webai(upstream, tmp_path) as router:
        for name, busy in (("desk", 3), ("shelf", 1)):
            await tell(router, name=name, busy=busy)
        accounts = [
            (await router.ask("chat", f"{MODEL}-webai")).status and router.router._gateway.tallies for _ in range(3)
        ]
        assert accounts[-1].of("webai/shelf").calls == 3 and accounts[-1].of("webai/desk").calls == 0


async def test_the_next_process_knows_them_and_not_those_that_have_left(upstream: Upstream, tmp_path: Path) -> None:
    async with webai(upstream, tmp_path) as router:
        await router.until(lambda: router.router.recall.known.is_set())
        await tell(router)
        await tell(router, name="shelf")
        await router.until(lambda: not router.router._announced._dirty)
        await tell(router, name="shelf", leaving=True)
    async with webai(upstream, tmp_path) as second:
        await second.until(lambda: second.router._announced.current())
        assert [each.name for each in second.router._announced.current()] == ["desk"]
        assert (await second.ask("chat", f"{MODEL}-webai")).status == 200


@pytest.mark.parametrize(
    ("said", "status", "says"),
    [
        ({"service": "other"}, 422, "service must be one of"),
        ({"name": "../x"}, 422, "small letters"),
        ({"endpoint": "ftp://127.0.0.1"}, 422, "address like"),
        ({"endpoint": "http://user@127.0.0.1:1"}, 422, "address like"),
        ({"endpoint": "http://169.254.169.254"}, 403, "allowed_endpoints"),
        ({"endpoint": "https://web.example:444"}, 403, "allowed_endpoints"),
        ({"endpoint": "https://web.example"}, 200, ""),
        ({"models": "x"}, 422, "list"),
        ({"ready": "yes"}, 422, "true or false"),
        ({"busy": -1}, 422, "number"),
    ],
)
async def test_what_may_be_told(
    upstream: Upstream, tmp_path: Path, said: dict[str, Any], status: int, says: str
) -> None:
    async with webai(upstream, tmp_path, allowed_endpoints=["https://web.example"]) as router:
        answer = await tell(router, **said)
        assert answer.status == status, answer.body
        assert says in answer.body.decode()


async def test_only_the_service_key_may_tell(upstream: Upstream, tmp_path: Path) -> None:
    async with webai(upstream, tmp_path) as router:
        for headers in ({"authorization": None}, router.headers, MANAGES):
            assert (await tell(router, headers=dict(headers))).status == 401
        assert (await router.management("relay"))["services"] == []


class Service:
    """What the router asks of a service besides answers. asked: method, path, key and body of every request."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, Any]] = []
        self.ready = True
        self.proof = 200
        self.accounts = [{"name": "home", "state": "ready", "until": None, "reason": ""}]

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path, request.headers.get("authorization", ""), body))
        if request.path == "/readyz":
            causes = [] if self.ready else [{"cause": "x", "text": "No account.", "restart_helps": False}]
            body = {"ready": self.ready, "causes": causes, "accounts": self.accounts}
            return web.json_response(body, status=200 if self.ready else 503)
        if request.path == "/v1/models":
            return web.json_response({"object": "list", "data": [{"id": "gemini-flash"}]})
        if request.path.startswith("/v1/accounts/"):
            if self.proof != 200:
                words = f"{body['secure_1psid']} is not accepted"
                return web.json_response({"error": {"message": words}}, status=self.proof)
            return web.json_response({"name": request.path.split("/")[3], "state": "ready"})
        answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "gemini-flash", "choices": []}
        choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
        headers = {"x-webai-served-by": "gemini-web/work", "x-webai-notes": "temperature dropped; usage estimated"}
        return web.json_response({**answer, "choices": [choice]}, headers=headers)


@asynccontextmanager
async def a_service() -> AsyncIterator[tuple[Service, str]]:
    service, app = Service(), web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield service, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_service_at_a_fixed_address_is_asked_by_the_router(upstream: Upstream, tmp_path: Path) -> None:
    async with a_service() as (service, address), webai(upstream, tmp_path, endpoint=address) as router:
        app = router.router
        await app._web.look()
        answer = await router.ask("chat", "gemini-flash-webai")
        assert (answer.status, answer.text) == (200, "hi")
        assert answer.headers["x-switchyard-notes"] == (
            "served_by=gemini-web/work; service=temperature dropped,usage estimated"
        )
        assert service.asked[-1][2] == f"Bearer {OPENAI_KEYS[0]}"
        service.ready = False
        await app._web.look()
        refused = await router.ask("chat", "gemini-flash-webai")
        assert refused.status == 503 and "No account." in error_text("chat", refused.json)
        assert router.router._gateway.account_states()["webai/endpoint"].state == "disabled"
        service.accounts = [{"name": "home", "state": "needs_login", "until": None, "reason": "signed out"}]
        await app._web.look()
        assert router.router._gateway.account_states()["webai/endpoint"].state == "needs_login"


async def test_a_service_that_is_not_there_is_said(upstream: Upstream, tmp_path: Path) -> None:
    async with webai(upstream, tmp_path, endpoint="http://127.0.0.1:9") as router:
        await router.router._web.look()
        refused = await router.ask("gemini", "gemini-flash-webai")
        assert refused.status == 503


async def test_the_service_key_is_used_where_there_is_no_other(upstream: Upstream, tmp_path: Path) -> None:
    async with a_service() as (service, address), webai(upstream, tmp_path, endpoint=address, api_key=None) as router:
        await router.router._web.look()
        await router.ask("chat", "gemini-flash-webai")
        assert service.asked[-1][2] == f"Bearer {KEY}"


async def test_cookies_are_handed_on_to_the_service_and_nowhere_else(upstream: Upstream, tmp_path: Path) -> None:
    cookies = {"secure_1psid": "g.a000-canary-cookie", "secure_1psidts": "sidts-canary-cookie"}
    async with a_service() as (service, address), webai(upstream, tmp_path) as router:
        none = await router.send("/v1/auth/webai", cookies, headers=MANAGES)
        assert none.status == 503 and "No WebAI service" in none.body.decode()
        await tell(router, endpoint=address)
        done = await router.send("/v1/auth/webai", {"account": "work", **cookies}, headers=MANAGES)
        assert (done.status, done.json) == (200, {"name": "work", "state": "ready"})
        assert service.asked[-1][:2] == ("PUT", "/v1/accounts/work") and service.asked[-1][3] == cookies
        read = await router.send("/v1/auth/gemini-web", {"browser": "firefox"}, headers=MANAGES)
        assert read.status == 200
        assert service.asked[-1][:2] == ("POST", "/v1/accounts/default/from-browser")
        service.proof = 401
        refused = await router.send("/v1/auth/webai", cookies, headers=MANAGES)
        assert refused.status == 401 and "canary" not in refused.body.decode()
        for body in ({}, {"account": "../x", **cookies}, {"cookie": "x"}):
            assert (await router.send("/v1/auth/webai", body, headers=MANAGES)).status == 400
        assert (await router.send("/v1/auth/webai", cookies)).status == 401
    audit = (tmp_path / "state" / "audit.jsonl").read_text()
    assert '"webai/desk:work"' in audit and "canary" not in audit + router.log


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("gpt-4.1-webai", MODEL),
        ("webai-gpt-4.1", MODEL),
        ("webai:gpt-4.1", MODEL),
        ("webai/gpt-4.1", MODEL),
        ("gemini-web/gpt-4.1", MODEL),
    ],
)
async def test_every_way_to_write_its_models_reaches_it(
    upstream: Upstream, tmp_path: Path, asked: str, sent: str
) -> None:
    async with webai(upstream, tmp_path) as router:
        await tell(router)
        for dialect in DIALECTS:
            answer = await router.ask(dialect, asked)
            assert (answer.status, answer.headers["x-switchyard-provider"]) == (200, "webai"), answer.body
        assert [each.body["model"] for each in upstream.requests] == [sent] * len(DIALECTS)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_waits_for_a_service_is_told_when_to_come_back(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with webai(upstream, tmp_path) as router:
        await tell(router, ready=False, causes=["The cookies of work are not accepted any more."])
        refused = await router.ask(dialect, f"{MODEL}-webai")
        assert 1 <= int(refused.headers.get("retry-after", "0")) <= 90


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:1@evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example:8406",
        "http://evil.example#@127.0.0.1",
        "http://evil.example\\@127.0.0.1",
        "http://169.254.169.254",
        "http://0.0.0.0:8406",
        "http://[::ffff:10.0.0.1]:8406",
        "file:///etc/passwd",
        "//127.0.0.1:8406",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:8406\r\nx: y",
        "http://127.0.0.1:8406/a b",
    ],
)
async def test_no_way_to_write_an_address_points_the_router_elsewhere(
    upstream: Upstream, tmp_path: Path, endpoint: str
) -> None:
    async with webai(upstream, tmp_path) as router:
        assert (await tell(router, endpoint=endpoint)).status in (403, 422)
        assert (await router.management("relay"))["services"] == []
