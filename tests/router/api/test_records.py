"""Recorded calls: every stage in every dialect, without secrets, within bounds; and nothing at all where it is off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from router import trace
from router.observe.records import stages
from router.observe.records.folder import RecordFolder, opened
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
    running,
    scripted,
)
from tests.router.api.manage.desk import made_key, manage
from tests.simulators import Upstream
from tests.simulators.faulty import status

ALL = {"observe": {"request_log": "all"}}
PROMPT = "hello there, recorder"


def folder(state: Path) -> RecordFolder:
    return RecordFolder(state, lambda: opened(state))


async def recorded(router: Running, call_id: str) -> dict[str, Any]:
    """The record of a call, once it is written."""
    records = folder(router.state)
    await router.until(lambda: records.place(call_id).exists())
    found = records.read(call_id)
    assert found is not None
    return found


def files(state: Path) -> list[Path]:
    return [path for path in (state / "requests").rglob("*") if path.is_file()]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("models", [MODELS, OTHER], ids=["raw", "translated"])
async def test_every_stage_is_there(upstream: Upstream, tmp_path: Path, models: dict[str, str], stream: bool) -> None:
    async with running(upstream, tmp_path, ALL) as router:
        for dialect in DIALECTS:
            before = len(upstream.requests)
            answer = await router.ask(dialect, models[dialect], PROMPT, stream=stream)
            assert answer.status == 200
            one = await recorded(router, answer.headers["x-switchyard-request-id"])
            asked, sent, came, said = (
                one[name] for name in ("client-request", "upstream-1-request", "upstream-1-answer", "client-answer")
            )
            assert PROMPT in asked["body"] and asked["headers"]["authorization"] == "***"
            assert json.loads(sent["body"]) == upstream.requests[before].body
            assert urlsplit(sent["url"]).path.endswith(upstream.requests[before].path.partition("?")[0])
            assert came["status"] == 200 and came["size"] > 0 and came["fault"] is None
            assert said["body"].encode() == answer.body and said["status"] == 200
            assert said["headers"]["x-switchyard-request-id"] == one["meta"]["id"]
            assert ("neutral" in one) == (models is OTHER)
            if models is OTHER:
                assert PROMPT in one["neutral"]["body"]
            elif not stream:
                assert json.loads(came["body"])
            assert one["meta"]["attempts"][0]["outcome"] == "ok" and one["meta"]["complete"]
            text = json.dumps(one)
            assert not [key for key in (KEY, *OPENAI_KEYS, ANTHROPIC_KEY, GEMINI_KEY) if key in text]


async def test_failed_attempts_and_errors_are_there(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"observe": {"request_log": "errors"}}) as router:
        quiet = await router.ask("chat", "gpt-4.1")
        upstream.script(status(500))
        again = await router.ask("chat", "gpt-4.1", PROMPT)
        assert again.status == 200
        one = await recorded(router, again.headers["x-switchyard-request-id"])
        assert [one[f"upstream-{at}-answer"]["status"] for at in (1, 2)] == [500, 200]
        refused = await router.ask("messages", "nobody-knows")
        one = await recorded(router, refused.headers["x-switchyard-request-id"])
        assert one["client-answer"]["status"] == one["meta"]["status"] == 404
        assert one["meta"]["outcome"] == "not_found" and "nobody-knows" in one["meta"]["reason"]
        stranger = await router.ask("chat", "gpt-4.1", headers={"authorization": "Bearer nobody"})
        assert stranger.status == 401
        await router.stop()
        records = folder(router.state)
        for answer in (quiet, stranger):
            assert not records.place(answer.headers["x-switchyard-request-id"]).exists()


async def test_a_stream_that_breaks_off_is_told_with_what_came(upstream: Upstream, tmp_path: Path) -> None:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1",
             "choices": [{"index": 0, "delta": {"content": "half"}, "finish_reason": None}]}  # fmt: skip
    async with scripted(b"data: " + json.dumps(chunk).encode() + b"\n\n") as address:
        changes = {
            **ALL,
            "retry": {"resume": "error"},
            "providers": {"openai": {"base_url": address + "/v1", "api_keys": [OPENAI_KEYS[0]]}},
        }
        async with running(upstream, tmp_path, changes) as router:
            answer = await router.ask("chat", "openai/gpt-4.1", stream=True)
            one = await recorded(router, answer.headers["x-switchyard-request-id"])
    came = one["upstream-1-answer"]
    assert came["body"].startswith("data: ") and "half" in came["body"]
    assert one["meta"]["outcome"] == "upstream_broken"
    assert "error" in one["client-answer"]["body"]


async def test_an_answer_of_the_demo_has_no_provider_to_record(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, ALL) as router:
        answer = await router.ask("chat", "demo/echo", PROMPT)
        one = await recorded(router, answer.headers["x-switchyard-request-id"])
    assert set(one) == {"meta", "client-request", "neutral", "client-answer"}
    assert PROMPT in one["neutral"]["body"] and one["client-answer"]["body"].encode() == answer.body


async def test_what_was_changed_on_the_way_is_told_piece_by_piece(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, ALL) as router:
        answer = await router.ask("chat", "claude-sonnet-4-5", seed=7, logit_bias={"5": 1})
        one = await recorded(router, answer.headers["x-switchyard-request-id"])
    assert [each for each in one["meta"]["changes"] if each["what"] in ("seed", "logit_bias")] == [
        {"action": "dropped", "what": what} for what in ("seed", "logit_bias")
    ]


async def test_off_by_default_and_on_by_header_where_allowed(upstream: Upstream, tmp_path: Path) -> None:
    wish = {"x-switchyard-record": "1"}
    async with running(upstream, tmp_path, {}) as router:
        await router.ask("chat", "gpt-4.1", headers=wish)
        await router.reloaded({"observe": {"request_log_by_header": True}})
        await router.ask("chat", "gpt-4.1")
        answer = await router.ask("chat", "gpt-4.1", headers=wish)
        await router.stop()
        assert [each["id"] for each in folder(router.state).newest()] == [answer.headers["x-switchyard-request-id"]]


async def test_a_ticket_of_an_admin_has_single_calls_recorded_where_it_is_off(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        for role in ("viewer", "operator"):
            key = await made_key(router, role, role)
            assert (await manage(router, "POST", "/records/ticket", {}, key=key)).status == 403
        second = await made_key(router, "second", "management")
        tickets = [(await manage(router, "POST", "/records/ticket", {}, key=key)).json for key in (MANAGEMENT, second)]
        assert 0 < tickets[0]["ends"] - router.router._clock.wall() <= 120
        mine, gone = (each["ticket"] for each in tickets)
        for wish in ("1", mine + "x", f"{mine.rpartition('.')[0]}.", gone[:-1]):
            assert (await router.ask("chat", "gpt-4.1", headers={"x-switchyard-record": wish})).status == 200
        stranger = {"x-switchyard-record": mine, "authorization": "Bearer nobody"}
        assert (await router.ask("chat", "gpt-4.1", headers=stranger)).status == 401
        listed = (await manage(router, "GET", "/keys")).json["keys"]
        found = next(each["id"] for each in listed if each["name"] == "second")
        assert (await manage(router, "DELETE", f"/keys/{found}")).status == 204
        assert (await router.ask("chat", "gpt-4.1", headers={"x-switchyard-record": gone})).status == 200
        answer = await router.ask("messages", "gpt-4.1", PROMPT, headers={"x-switchyard-record": mine})
        call_id = answer.headers["x-switchyard-request-id"]
        one = (await manage(router, "GET", f"/records/{call_id}?wait=10")).json
        assert (
            PROMPT in one["upstream-1-request"]["body"]
            and one["client-request"]["headers"]["x-switchyard-record"] == "***"
        )
        assert [each["id"] for each in (await manage(router, "GET", "/records")).json["records"]] == [call_id]
        await router.stop()
        told = (router.state / "audit.jsonl").read_text()
        assert told.count("record_ticket") == 2 and mine not in told


async def test_the_word_of_a_key_counts_before_all_others(upstream: Upstream, tmp_path: Path) -> None:
    second = "sk-client-canary-unrecorded"
    keys = [{"name": "always", "key": KEY, "request_log": True}, {"name": "never", "key": second, "request_log": False}]
    observe = {"request_log": "off", "request_log_by_header": True}
    async with running(upstream, tmp_path, {"auth": {"keys": keys}, "observe": observe}) as router:
        quiet = {"authorization": f"Bearer {second}", "x-switchyard-record": "1"}
        assert (await router.ask("chat", "gpt-4.1", headers=quiet)).status == 200
        first = await router.ask("chat", "gpt-4.1", PROMPT)
        one = await recorded(router, first.headers["x-switchyard-request-id"])
        assert PROMPT in one["client-request"]["body"] and one["client-answer"]["body"].encode() == first.body
        ids = [first.headers["x-switchyard-request-id"]]
        database = await made_key(router, "of-the-database", "client")
        made = {each["name"]: each["id"] for each in (await manage(router, "GET", "/keys")).json["keys"]}
        for word in (None, True, False, None):
            told = await manage(router, "PATCH", f"/keys/{made['of-the-database']}", {"rights": {"request_log": word}})
            assert (told.json["rights"] or {}).get("request_log") is word
            answer = await router.ask("chat", "gpt-4.1", headers={"authorization": f"Bearer {database}"})
            ids += [answer.headers["x-switchyard-request-id"]] if word else []
        await router.stop()
        assert sorted(each["id"] for each in folder(router.state).newest()) == sorted(ids)
        assert len(ids) == 2


async def test_they_lie_encrypted_for_nobody_else(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, ALL) as router:
        answer = await router.ask("chat", "gpt-4.1", PROMPT)
        await recorded(router, answer.headers["x-switchyard-request-id"])
        lying = files(router.state)
        assert len(lying) == 5
        assert {path.suffix for path in lying} == {".sealed"}
        assert {path.stat().st_mode & 0o777 for path in lying} == {0o600}
        assert lying[0].parent.stat().st_mode & 0o077 == 0
        assert not [path for path in lying if b"hello" in path.read_bytes() or b"gpt" in path.read_bytes()]


async def test_a_body_is_cut_and_says_so(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (trace, stages):
        monkeypatch.setattr(module, "PART", 10_000)
    async with running(upstream, tmp_path, ALL) as router:
        answer = await router.ask("chat", "gpt-4.1", "word " * 40_000, stream=True)
        one = await recorded(router, answer.headers["x-switchyard-request-id"])
    for stage in ("client-request", "upstream-1-request"):
        assert one[stage]["cut"] and one[stage]["size"] >= 200_000 and len(one[stage]["body"]) == 10_000
    assert not one["meta"]["complete"]


async def test_admins_read_and_remove_them_and_it_is_told(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, ALL) as router:
        await router.until(lambda: router.router.recall.memory)
        answer = await router.ask("chat", "gpt-4.1", PROMPT)
        call_id = answer.headers["x-switchyard-request-id"]
        await recorded(router, call_id)
        operator = await made_key(router, "looks", "operator")
        for method, path in (("GET", "/records"), ("GET", f"/records/{call_id}"), ("DELETE", f"/records/{call_id}")):
            assert (await manage(router, method, path, key=operator)).status == 403
        listed = (await manage(router, "GET", "/records")).json["records"]
        assert [each["id"] for each in listed] == [call_id] and PROMPT not in json.dumps(listed)
        assert PROMPT in (await manage(router, "GET", f"/records/{call_id}")).json["client-request"]["body"]
        assert (await manage(router, "GET", "/records/..%2f..%2fkeys")).status in (400, 404)
        assert (await manage(router, "GET", "/records/nothing")).status == 404
        assert (await manage(router, "DELETE", f"/records/{call_id}")).status == 204
        for method in ("GET", "DELETE"):
            assert (await manage(router, method, f"/records/{call_id}")).status == 404
        assert (await manage(router, "GET", "/records")).json == {"records": []}
        await router.stop()
        told = (router.state / "audit.jsonl").read_text()
        assert told.count(call_id) == 2 and "record_delete" in told
