"""``switchyard accounts`` before a stand-in gateway: what is shown, and what goes out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from router.cli import accounts_commands

VIEW: dict[str, Any] = {
    "account": "claude-oauth/ann",
    "state": "ready",
    "until": None,
    "reason": None,
    "requests": 1,
    "failures": 1,
    "input_tokens": 0,
    "output_tokens": 0,
    "last_error": "refused: \x1b[2Jall is well\nclaude-oauth/bob  ready",
    "last_error_at": "2026-01-01T00:00:00Z",
    "resting": [],
    "quota": [],
    "token_expires_at": None,
}
FILE = {"file": "claude-\x1b[2J.json", "state": "corrupt", "reason": "is not JSON"}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """What the gateway was asked: method and body."""
    seen: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"accounts": [VIEW], "files": [FILE]})

        def do_PATCH(self) -> None:
            seen.append(("PATCH", json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self._answer(VIEW)

        def _answer(self, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = tmp_path / "config.yaml"
    config.write_text(f"server: {{port: {server.server_address[1]}, state_dir: '{tmp_path / 'state'}'}}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(config))
    yield seen
    server.shutdown()
    server.server_close()


def test_words_of_providers_and_names_of_files_cannot_steer_the_terminal(asked: list[tuple[str, Any]]) -> None:
    result = CliRunner().invoke(accounts_commands.app, [])
    assert "\x1b" not in result.stdout and "\\x1b[2Jall is well\\nclaude-oauth/bob" in result.stdout
    assert [line for line in result.stdout.splitlines() if line.startswith("claude")] == [
        f"{'claude-oauth/ann':<40} ready",
        "claude-\\x1b[2J.json  corrupt: is not JSON",
    ]


@pytest.mark.parametrize(
    ("proxy", "typed", "sent"),
    [
        ("-", "http://user:pw@host:1\n", "http://user:pw@host:1"),
        ("none", "", None),
        ("http://host:1", "", "http://host:1"),
    ],
)
def test_a_proxy_with_a_password_need_not_be_an_argument(
    asked: list[tuple[str, Any]], proxy: str, typed: str, sent: str | None
) -> None:
    words = ["set", "claude-oauth/ann", "--proxy", proxy]
    assert CliRunner().invoke(accounts_commands.app, words, input=typed).exit_code == 0
    assert asked == [("PATCH", {"proxy": sent})]
