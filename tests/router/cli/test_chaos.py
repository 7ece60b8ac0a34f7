"""``switchyard chaos``: what it says of each fault, what it understands of answers, and a run against a real router."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from router.cli import main
from router.cli.chaos_commands import DOES
from router.cli.chaos_reading import WHOLE, ending, read, strikes
from router.providers.demo.models import failure
from router.wire.conversation import Dialect
from tests.ports import free_port
from tests.router.api.harness import DIALECTS, KEY, running
from tests.simulators import Upstream

QUICK: dict[str, Any] = {"server": {"timeouts": {"idle": 1.5, "first_token": 1.5}}}
TEXT = {
    "chat": b'data: {"choices":[{"delta":{"content":"half"}}]}\n\n',
    "responses": b'data: {"type":"response.output_text.delta","delta":"half"}\n\n',
    "messages": b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"half"}}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"half"}]}}]}\r\n\r\n',
}
END = {
    "chat": b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    "responses": b'data: {"type":"response.completed","response":{}}\n\n',
    "messages": b'data: {"type":"message_stop"}\n\n',
    "gemini": b'data: {"candidates":[{"finishReason":"STOP"}]}\r\n\r\n',
}
ERROR = {
    "chat": b'data: {"error":{"message":"no"}}\n\n',
    "responses": b'data: {"type":"error","message":"no","error":{"message":"no"}}\n\n',
    "messages": b'event: error\ndata: {"type":"error","error":{"message":"no"}}\n\n',
    "gemini": b'data: {"error":{"message":"no"}}\r\n\r\n',
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_part_that_looks_finished_is_told_from_an_error(dialect: Dialect) -> None:
    text, end, error = TEXT[dialect], END[dialect], ERROR[dialect]
    assert read(dialect, 200, text + end, "closed").text == "half"
    assert ending("cut", read(dialect, 200, text + end, "closed")) == "truncated"
    assert ending("cut", read(dialect, 200, text, "closed")) == "truncated"
    assert ending("drip", read(dialect, 200, text + end, "closed")) == "truncated"
    assert ending("cut-5", read(dialect, 200, text + error, "closed")) == "error"
    assert ending("cut", read(dialect, 200, text, "broken")) == "cut"
    assert ending("stall", read(dialect, 200, text, "waiting")) == "waiting"
    assert ending("hang", read(dialect, None, b"", "waiting")) == "waiting"
    assert ending("error-429", read(dialect, 429, b'{"error":{"message":"no"}}', "closed")) == "error"
    whole = text.replace(b"half", WHOLE.encode())
    assert ending("drip", read(dialect, 200, whole + end, "closed")) == "whole"
    assert ending("cut", read(dialect, 200, whole + end, "closed")) == "truncated"


def test_a_finish_reason_alone_does_not_end_a_chat() -> None:
    assert not read("chat", 200, END["chat"].partition(b"data: [DONE]")[0], "closed").ended


def test_every_fault_is_a_demo_model() -> None:
    listed = {name for name in DOES if not name.startswith("error-") or strikes(name) == "middle"}
    assert [name for name in listed if failure(name) is not None] == ["too-long"]
    assert {strikes(name) for name in DOES if name not in listed} == {"before"}


def test_the_list_explains_every_fault_and_every_dialect(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["chaos", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"demo/{name} " in shown for name in DOES)
    assert all(f"\n  {dialect} " in shown for dialect in DIALECTS)
    assert main.main(["chaos", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["fault"] for row in told["faults"]] == list(DOES)
    assert set(told["error_in_the_middle"]) == set(DIALECTS)


async def test_a_run_through_a_router_sees_no_truncated_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "a.key"
    key.write_text(KEY + "\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(tmp_path / "none.yaml"))
    async with Upstream() as upstream, running(upstream, tmp_path, QUICK) as router:
        words = ["chaos", "run", "--address", router.url, "--key-file", str(key)]
        code = await asyncio.to_thread(main.main, [*words, "--json"])
        rows = json.loads(capsys.readouterr().out)
        assert code == 0
        assert {(row["fault"], row["dialect"]) for row in rows} == {(f, d) for f in DOES for d in DIALECTS}
        endings = {fault: {row["ending"] for row in rows if row["fault"] == fault} for fault in DOES}
        assert endings.pop("flaky") == {"whole", "error"}
        for fault, seen in endings.items():
            assert seen == ({"whole"} if strikes(fault) == "never" else {"error"}), fault
        stalled = next(row for row in rows if row["fault"] == "stall")
        assert stalled["seen"]["status"] == 200 and stalled["seconds"] >= 1.5
        assert "sent nothing" in stalled["seen"]["error"]
        assert await asyncio.to_thread(main.main, [*words, "--fault", "cut-5", "--dialect", "chat"]) == 0
        head, row = capsys.readouterr().out.splitlines()
        assert head.split() == ["fault", "dialect", "status", "ended", "seconds", "what", "came"]
        assert row.split()[:4] == ["cut-5", "chat", "200", "error"] and "5 words, then: " in row


@pytest.fixture
def liar() -> Iterator[str]:
    """A gateway that ends every answer as if it were whole."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = TEXT["chat"] + END["chat"]
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


async def test_a_key_that_does_not_count_is_no_fault_that_was_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "a.key"
    key.write_text("sk-sy-nobody\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(tmp_path / "none.yaml"))
    async with Upstream() as upstream, running(upstream, tmp_path, QUICK) as router:
        words = ["chaos", "run", "--fault", "cut", "--address", router.url, "--key-file", str(key)]
        assert await asyncio.to_thread(main.main, words) == 1
    said = capsys.readouterr()
    assert said.out == "" and "does not let the demo answer (401)" in said.err


def test_a_truncated_success_is_exit_code_1(
    liar: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(tmp_path / "none.yaml"))
    assert main.main(["chaos", "run", "--fault", "cut", "--dialect", "chat", "--address", liar]) == 1
    said = capsys.readouterr()
    assert "truncated" in said.out and "looked like a finished one" in said.err


def test_wrong_words_are_usage_errors_and_no_gateway_is_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(tmp_path / "none.yaml"))
    for words in (
        ["--fault", "echo"],
        ["--fault", "fire"],
        ["--dialect", "latin"],
        ["--key-file", "/nowhere/a.key"],
        ["--address", "127.0.0.1:8317"],
    ):
        assert main.main(["chaos", "run", *words]) == 2, words
    address = f"http://127.0.0.1:{free_port()}"
    assert main.main(["chaos", "run", "--fault", "cut", "--address", address]) == 3
    assert "no gateway answers" in capsys.readouterr().err
