"""Recorded calls at the command line: listed, shown, and sent again to a router that runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from router.cli import main
from router.cli.replay import _request
from router.cli.replay_told import Side, differences, read, table
from router.observe.records.folder import RecordFolder, opened
from tests.ports import free_port
from tests.router.api.harness import DIALECTS, KEY, MODELS, Running, running
from tests.simulators import Upstream
from tests.simulators.faulty import status

ALL = {"observe": {"request_log": "all"}, "policies": {"cache": {"enabled": True}}}


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as started:
        yield started


@pytest_asyncio.fixture
async def router(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, ALL) as one:
        keys = tmp_path / "state" / "keys"
        keys.mkdir(exist_ok=True)
        (keys / "client.key").write_text(KEY)
        (tmp_path / "state" / "run").mkdir(exist_ok=True)
        monkeypatch.setenv("SWITCHYARD_CONFIG", str(one.config))
        yield one


async def run(*words: str) -> int:
    return await asyncio.to_thread(main.main, words)


async def recorded(router: Running, dialect: str, model: str, text: str = "hello there", **more: Any) -> str:
    answer = await router.ask(dialect, model, text, **more)
    call_id = str(answer.headers["x-switchyard-request-id"])
    place = RecordFolder(router.state, lambda: opened(router.state)).place(call_id)
    await router.until(place.exists)
    return call_id


async def test_they_are_listed_and_shown(router: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("records") == 0
    assert "observe.request_log" in capsys.readouterr().err
    first = await recorded(router, "chat", "gpt-4.1", "the first of them")
    second = await recorded(router, "messages", "gpt-4.1", stream=True)
    assert await run("records", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [second, first]
    assert "tester" in lines[0] and "gpt-4.1 -> openai/gpt-4.1" in lines[0]
    assert await run("records", "list", "--limit", "1", "--json") == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)] == [second]
    assert await run("records", "show", second) == 0
    shown = capsys.readouterr().out
    stages = [line[3:] for line in shown.splitlines() if line.startswith("== ")]
    assert stages == ["meta", "client-request", "neutral", "upstream-1-request", "upstream-1-answer", "client-answer"]
    assert await run("records", "show", first, "--json") == 0
    assert "the first of them" in json.loads(capsys.readouterr().out)["client-request"]["body"]
    assert await run("records", "path") == 0
    assert await run("records", "path", first) == 0
    everything, one = capsys.readouterr().out.split()
    assert Path(one).parent.parent == Path(everything) == router.state / "requests"


async def test_what_is_not_there_is_said(router: Running, capsys: pytest.CaptureFixture[str]) -> None:
    absent = "req_" + "0" * 24
    for words in (("records", "show", absent), ("records", "path", absent), ("replay", absent), ("replay", "../x")):
        assert await run(*words, *(["--address", router.url] if words[0] == "replay" else [])) == 1, words
        assert words[-1] in capsys.readouterr().err
    assert await run("records", "path", "../x") == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_request_is_sent_again_as_it_was(
    router: Running, upstream: Upstream, capsys: pytest.CaptureFixture[str], stream: bool
) -> None:
    for dialect in DIALECTS:
        call_id = await recorded(router, dialect, MODELS[dialect], stream=stream)
        assert await run("replay", call_id, "--address", router.url, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        before, after = told["before"], told["after"]
        assert before["id"] == call_id and after["id"] not in ("", call_id)
        assert told["text_diff"] == told["wire_diff"] == []
        assert before["text"] == after["text"] != ""
        same = ("status", "by", "attempts", "input", "output", "cost_usd", "wire_bytes", "wire")
        assert [before[name] for name in same] == [after[name] for name in same]
        assert before["input"] > 0 and before["cost_usd"] > 0
        assert upstream.requests[-1].body == upstream.requests[-2].body


async def test_another_model_can_be_asked(router: Running, capsys: pytest.CaptureFixture[str]) -> None:
    for dialect, other in (("chat", "claude-sonnet-4-5"), ("gemini", "anthropic/claude-sonnet-4-5")):
        pinned = {"x-switchyard-provider": "openai" if dialect == "chat" else "gemini"}
        call_id = await recorded(router, dialect, MODELS[dialect], headers=pinned)
        assert await run("replay", call_id, "--to", other, "--address", router.url) == 0
        shown = capsys.readouterr().out
        assert "anthropic/claude-sonnet-4-5" in shown
        assert "-POST http" in shown and "+POST http" in shown
        assert '+  "model": "claude-sonnet-4-5",' in shown


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/v1/providers/openai/chat/completions", "/v1/chat/completions"),
        ("/v1/providers/gemini/v1beta/models/a/b:generateContent", "/v1beta/models/x/y:generateContent"),
    ],
)
def test_another_model_is_not_asked_of_the_provider_in_the_path(path: str, plain: str) -> None:
    asked = {"path": path, "query": "alt=sse&key=***", "body": '{"model": "a"}'}
    assert _request(asked, "x/y")[0] == f"{plain}?alt=sse"
    assert _request(asked, None) == (f"{path}?alt=sse", b'{"model": "a"}')


async def test_an_error_and_nobody_have_their_exit_codes(
    router: Running, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    call_id = await recorded(router, "chat", "gpt-4.1")
    upstream.script(*[status(400)] * 2)
    assert await run("replay", call_id, "--address", router.url) == 1
    assert "status" in capsys.readouterr().out
    assert await run("replay", call_id, "--address", f"http://127.0.0.1:{free_port()}") == 3
    assert "no gateway answers" in capsys.readouterr().err
    assert await run("replay", call_id, "--address", "nonsense") == 2
    (router.state / "keys" / "client.key").unlink()
    assert await run("replay", call_id, "--address", router.url) == 1
    assert "--key-file" in capsys.readouterr().err


async def test_a_call_that_reached_no_provider_is_no_lack_of_records(
    router: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo answers without one: there is nothing that a setting would show."""
    call_id = await recorded(router, "chat", "demo/echo")
    assert await run("replay", call_id, "--address", router.url) == 0
    assert "request_log_by_header" not in capsys.readouterr().err


async def test_without_a_record_of_the_second_the_rest_is_told(
    router: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    call_id = await recorded(router, "chat", "gpt-4.1")
    await router.reloaded({})
    assert await run("replay", call_id, "--address", router.url) == 0
    seen = capsys.readouterr()
    assert "observe.request_log_by_header" in seen.err
    assert "openai/gpt-4.1  openai/gpt-4.1" in seen.out


def test_answers_that_cannot_be_read_are_told_as_they_are() -> None:
    assert read("chat", "chat", 200, "<html>")[0].startswith("<html>\n[")
    assert read("messages", "messages", 429, '{"error": {"message": "slowly"}}') == ("slowly", (None, None))


def test_a_stream_of_gemini_may_be_an_array() -> None:
    pieces = [{"content": {"parts": [{"text": text}]}} for text in "ab"]
    pieces[1]["finishReason"] = "STOP"  # type: ignore[assignment]
    array = json.dumps([{"candidates": [piece]} for piece in pieces])
    assert read("gemini", "gemini", 200, array)[0] == "ab"


def test_what_differs_is_marked() -> None:
    before = Side(id="a", status=200, text="x", input=3, cost_usd=0.000123)
    after = Side(id="b", status=200, text="y", input=4, cost_usd=0.000123)
    rows = {line[:23].strip(): line[23:].split() for line in table(before, after)}
    assert rows["tokens in"] == ["3", "4", "*"]
    assert rows["cost in $"] == ["0.000123", "0.000123"]
    assert rows["tokens out"] == ["?", "?"]
    assert differences(["a", "b"], ["a", "c"])[-2:] == ["-b", "+c"]
