"""Where the command line goes, with which path and key, and whose certificate it looks at."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from router.cli import chaos_calls, main, replay
from router.cli.connection import checked_address, connection_to
from router.cli.live_findings import through
from router.cli.talk import Refused, find_place, key_stays
from router.cli.tui_command import tui
from router.secret import Secret
from router.tui.source import HttpSource, Unavailable


@pytest.mark.parametrize(
    ("address", "ours", "looked_at"),
    [
        ("https://gateway.example:8317", None, True),
        ("https://gateway.example:8317", True, False),
        ("https://127.0.0.1:8317", None, False),
        ("https://[::1]:8317", None, False),
        ("https://127.0.0.1:8317", False, True),
    ],
)
def test_a_certificate_is_taken_unseen_only_of_our_own_process(
    monkeypatch: pytest.MonkeyPatch, address: str, ours: bool | None, looked_at: bool
) -> None:
    contexts: list[ssl.SSLContext] = []
    made = ssl.create_default_context

    def remember() -> ssl.SSLContext:
        contexts.append(made())
        return contexts[-1]

    monkeypatch.setattr(ssl, "create_default_context", remember)
    connection = connection_to(address, 3.0, ours=ours)
    assert isinstance(connection, http.client.HTTPSConnection)
    assert (connection.port, connection.timeout) == (8317, 3.0)
    assert contexts[0].check_hostname is looked_at
    assert (contexts[0].verify_mode == ssl.CERT_REQUIRED) is looked_at


def test_without_tls_there_is_nothing_to_look_at() -> None:
    connection = connection_to("http://[::1]:8317/below", 3.0)
    assert not isinstance(connection, http.client.HTTPSConnection)
    assert (connection.host, connection.port) == ("::1", 8317)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http://127.0.0.1:8317", "http://127.0.0.1:8317"),
        (" https://gw.example/v1/ ", "https://gw.example"),
        ("https://gw.example/llm/v1beta", "https://gw.example/llm"),
        ("https://gw.example/a/b//", "https://gw.example/a/b"),
        ("http://[::1]:8317/", "http://[::1]:8317"),
    ],
)
def test_an_address_is_taken_as_it_is_usually_written(typed: str, meant: str) -> None:
    assert checked_address(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["", "gw.example", "127.0.0.1:8317", "ftp://gw", "http://", "http://h:99999", "http://h:x", "http://h:0",
     "http://u:p@h", "http://h/?a=b", "http://h/#a", "http://h/a b", "http://h/ä", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ValueError, match="is no address of a gateway; write it like") as caught:
        checked_address(typed)
    assert "u:p" not in str(caught.value), "a password is shown"


ANSWER = b'{"error": "in words"}'


class Asked(BaseHTTPRequestHandler):
    """Answers everything with 404, and keeps what was asked."""

    paths: ClassVar[list[str]] = []

    def answer(self) -> None:
        self.paths.append(self.path)
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(404)

        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    do_GET = do_POST = answer

    def log_message(self, *words: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def behind_a_prefix() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    Asked.paths.clear()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/llm/gateway"
    server.shutdown()
    server.server_close()


def test_everybody_asks_below_the_path_of_an_address(behind_a_prefix: str) -> None:
    """A gateway may stand below a path of a reverse proxy."""
    with pytest.raises(Unavailable, match="answered 404: in words"):
        HttpSource(behind_a_prefix, Secret("sk")).get("/overview")
    list(through(behind_a_prefix, "sk"))
    with pytest.raises(Refused, match=r"does not let the demo answer \(404\)"):
        chaos_calls.run(behind_a_prefix, "sk", ["cut"], ["chat"], 5.0)
    replay._send(behind_a_prefix, "/v1/messages", {}, b"{}", ours=False)
    assert Asked.paths[0] == "/llm/gateway/v0/management/overview"
    assert Asked.paths[-1] == "/llm/gateway/v1/messages"
    assert {path for path in Asked.paths if not path.startswith("/llm/gateway/v")} == set()


@pytest.mark.parametrize(
    "words",
    [
        ("tui",),
        ("replay", "req_0123456789abcdef01234567"),
        ("setup", "claude"),
        ("chaos", "run", "--fault", "cut"),
    ],
)
def test_every_verb_refuses_what_is_no_address_as_wrong_usage(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], own: Path
) -> None:
    assert main.main([*words, "--address", "http://127.0.0.1:99999"]) == 2
    assert main.main(["doctor", "--through", "gw.example"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "is no address" in said.err


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose keys are known."""
    config = tmp_path / "config.yaml"
    config.write_text(f"server: {{port: 9317, state_dir: '{tmp_path}'}}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(config))
    (tmp_path / "keys").mkdir()
    for name in ("client", "management"):
        (tmp_path / "keys" / f"{name}.key").write_text(f"sk-sy-{name}\n")
    return tmp_path


def test_keys_of_this_installation_go_to_no_other_machine_unasked(own: Path) -> None:
    place = find_place()
    assert key_stays(place, "http://127.0.0.1:9317") is None
    assert key_stays(place, "http://localhost:4000/llm") is None
    assert "--key-file" in str(key_stays(place, "https://gw.example"))
    assert "--key-file" in str(key_stays(place, "http://127.0.0.1.gw.example:9317"))


def test_the_management_key_is_not_sent_to_a_screens_other_address(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "checkout" / ".venvs" / "tui" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    began: list[list[str]] = []

    def run(address: str, key_file: str | None = None) -> int:
        return tui(address, key_file, root=tmp_path / "checkout", become=lambda words, _: began.append(words))

    assert run("https://gw.example") == 1 and "--key-file" in capsys.readouterr().err
    assert run("https://gw.example/llm", str(own / "keys" / "client.key")) == 0
    assert [words[3] for words in began] == ["https://gw.example/llm"]


@pytest.mark.parametrize(
    ("words", "code"), [(("chaos", "run", "--fault", "cut"), 2), (("setup", "claude", "--dry-run"), 1)]
)
def test_no_client_key_is_sent_to_another_machine_by_a_default(
    words: tuple[str, ...], code: int, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main([*words, "--address", "https://gw.example"]) == code
    assert "--key-file" in capsys.readouterr().err
