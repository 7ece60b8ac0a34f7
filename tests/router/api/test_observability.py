"""What the router says about itself: metrics, the request line, headers, readiness, CORS, and limits."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.descriptors import descriptors
from tests.router.api.harness import DIALECTS, MANAGEMENT, MODELS, OTHER, Running, ask, error_text, running
from tests.simulators import Upstream
from tests.simulators.faulty import hang, status

DOCUMENTED = (
    "switchyard_requests_total",
    "switchyard_attempts_total",
    "switchyard_upstream_errors_total",
    "switchyard_first_byte_seconds",
    "switchyard_request_seconds",
    "switchyard_overhead_seconds",
    "switchyard_tokens_total",
    "switchyard_open_streams",
    "switchyard_open_requests",
    "switchyard_config_valid",
    "switchyard_account_state",
    "switchyard_log_lines_dropped",
)


async def test_metrics_count_what_happened(router: Running) -> None:
    router.upstream.script(status(500))
    await router.ask("chat", "gpt-4.1", stream=True)
    await router.ask("messages", "gpt-4.1")
    await router.ask("chat", "nobody-knows")
    await router.until(lambda: router.router._gateway.open_calls == 0)
    metrics = await router.metrics()
    for name in DOCUMENTED:
        assert any(sample.startswith(name) for sample in metrics), name

    def sample(name: str, **labels: str) -> float:
        inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        return metrics[f"switchyard_{name}{{{inside}}}"]

    assert sample("requests_total", surface="chat", dialect="chat", status="200", outcome="ok") == 1
    assert sample("requests_total", surface="chat", dialect="chat", status="404", outcome="not_found") == 1
    assert sample("attempts_total", provider="openai", outcome="ok") == 2
    assert sample("attempts_total", provider="openai", outcome="failed") == 1
    assert sample("upstream_errors_total", provider="openai", cause="upstream_broken") == 1
    assert sample("first_byte_seconds_count", dialect="chat", lane="raw") == 1
    assert sample("request_seconds_count", dialect="messages", lane="translated") == 1
    assert sample("tokens_total", provider="openai", kind="output") > 0
    assert sample("account_state", account="openai/1", provider="openai", state="ready") == 1
    assert metrics["switchyard_open_streams"] == 0


async def test_open_streams_are_seen_while_they_last(router: Running) -> None:
    async with router.open(*ask("chat", "gpt-4.1", "LONG 400 GAP 20", stream=True)) as response:
        await response.content.readany()
        metrics = await router.metrics()
        assert metrics["switchyard_open_streams"] == 1
        assert metrics["switchyard_open_requests"] == 1
        response.close()
    await router.until(lambda: router.router._gateway.open_calls == 0)
    assert (await router.metrics())["switchyard_open_streams"] == 0


async def test_metrics_are_for_this_machine_or_the_management_key(router: Running) -> None:
    for foreign in ({"x-forwarded-for": "10.0.0.1"}, {"host": "gateway.example"}):
        assert (await router.send("/metrics", headers=foreign)).status == 401
        with_key = {**foreign, "authorization": f"Bearer {MANAGEMENT}"}
        assert (await router.send("/metrics", headers=with_key)).status == 200
    await router.reloaded({"observe": {"metrics": False}})
    assert (await router.send("/metrics")).status == 404


async def test_each_request_is_one_line_of_text(router: Running) -> None:
    router.upstream.script(status(500))
    answer = await router.ask("chat", "gpt-4.1", "do not log me", stream=True)
    await router.ask("messages", "nobody\u2028-knows")
    await router.stop()
    lines = [line for line in router.log.splitlines() if "switchyard.request" in line]
    assert len(lines) == 2
    for part in (
        answer.headers["x-switchyard-request-id"],
        " 200 ",
        "key=tester",
        "gpt-4.1 -> openai/gpt-4.1",
        "lane=raw",
        "tries=2",
        "failed=openai:upstream_broken",
        "tokens=",
    ):
        assert part in lines[0]
    assert "do not log me" not in router.log


async def test_each_request_is_one_json_object_where_that_is_set(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"observe": {"format": "json"}}) as router:
        await router.ask("messages", "gpt-4.1")
        upstream.script(status(400, message="no"))
        await router.ask("gemini", MODELS["gemini"])
        await router.stop()
    lines = [json.loads(line) for line in router.log.splitlines()]
    first, second = [line for line in lines if line["logger"] == "switchyard.request"]
    assert first["status"] == 200
    assert first["lane"] == "translated"
    assert first["dialect"] == "messages"
    assert first["account"].startswith("openai/")
    assert first["output"] > 0
    assert first["attempts"][0]["outcome"] == "ok"
    assert second["status"] == 400
    assert second["reason"] == "no"


async def test_answers_say_who_served_them(router: Running) -> None:
    for dialect in DIALECTS:
        for model in (MODELS[dialect], OTHER[dialect]):
            answer = await router.ask(dialect, model, stream=True)
            headers = answer.headers
            assert headers["x-switchyard-model"] == model
            assert headers["x-switchyard-attempts"] == "1"
            assert float(headers["x-switchyard-overhead-ms"]) >= 0
            assert headers["x-switchyard-request-id"].startswith("req_")
            assert "x-switchyard-account" not in headers
    await router.reloaded({"observe": {"account_header": True}})
    assert (await router.ask("chat", "gpt-4.1")).headers["x-switchyard-account"].startswith("openai/")


async def test_no_page_of_another_origin_may_call_unless_it_is_named(upstream: Upstream, tmp_path: Path) -> None:
    origin = {"origin": "https://chat.example", "access-control-request-headers": "authorization"}
    async with running(upstream, tmp_path) as router:
        path, body = ask("chat", "demo/echo")
        for answer in (
            await router.send(path, method="OPTIONS", headers=origin),
            await router.send(path, body, headers=origin),
        ):
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        await router.reloaded({"server": {"cors": {"origins": ["https://chat.example"]}}})
        preflight = await router.send(path, method="OPTIONS", headers={**origin, "authorization": None})
        assert preflight.headers["access-control-allow-origin"] == "https://chat.example"
        assert preflight.headers["access-control-allow-headers"] == "authorization"
        answer = await router.send(path, body, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://chat.example"
        foreign = await router.send(path, body, headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers


async def test_readiness_lists_its_causes(upstream: Upstream, tmp_path: Path) -> None:
    none: dict[str, Any] = {"providers": {"openai": None, "anthropic": None, "gemini": None}}
    async with running(upstream, tmp_path / "a", none) as router:
        ready = await router.send("/readyz", headers={"authorization": None})
        assert ready.status == 200
        assert [cause["cause"] for cause in ready.json["causes"]] == ["accounts"]
        assert (await router.ask("chat", "demo/echo")).status == 200
    async with running(upstream, tmp_path / "b") as router:
        assert (await router.send("/readyz")).json["causes"] == []
        upstream.always(status(401))
        await router.ask("chat", "gpt-4.1")
        [cause] = (await router.send("/readyz")).json["causes"]
        assert cause["cause"] == "cooling"
        assert "openai/1" in cause["text"]
        assert cause["restart_helps"] is False
        assert (await router.send("/healthz")).status == 200
        router.drain.start()
        draining = await router.send("/readyz")
        assert draining.status == 503
        assert draining.json["causes"][0]["cause"] == "draining"
        assert (await router.send("/")).json["state"] == "draining"
        assert (await router.management("status"))["draining"] is True


async def test_too_many_calls_at_once_are_refused_with_a_time(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"server": {"limits": {"streams": 2}}}) as router:
        upstream.always(hang())
        held = [asyncio.ensure_future(router.ask("chat", "gpt-4.1", stream=True)) for _ in range(2)]  # noqa: TID251
        await upstream.arrived(2)
        for dialect in DIALECTS:
            answer = await router.ask(dialect, MODELS[dialect])
            assert answer.status in (503, 529)  # Anthropic's word for it
            assert answer.headers.get("retry-after") == "2" or dialect == "gemini"
            assert "server.limits.streams" in error_text(dialect, answer.json)
        assert (await router.send("/healthz")).status == 200
        for task in held:
            task.cancel()
        upstream.behave()
        await router.until(lambda: router.router._gateway.open_calls == 0)
        assert (await router.ask("chat", "gpt-4.1")).status == 200


async def test_many_quick_calls_leave_nothing_behind(router: Running) -> None:
    gate = asyncio.Semaphore(40)

    async def one(number: int) -> None:
        dialect = DIALECTS[number % 4]
        async with gate:
            answer = await router.ask(dialect, "demo/echo", stream=number % 2 == 0)
            assert answer.status == 200

    await asyncio.gather(*(one(number) for number in range(100)))
    opened, tasks = descriptors(), len(asyncio.all_tasks())
    await asyncio.gather(*(one(number) for number in range(1000)))
    await router.until(lambda: len(router.router._edge.watchers) == 0)
    assert router.router._gateway.open_calls == 0
    assert not router.drain._deadline._waiting
    assert len(asyncio.all_tasks()) <= tasks + 40  # connections that stay open have one each
    assert descriptors() <= opened + 80
    assert not router.router._edge.heartbeats._waiting
