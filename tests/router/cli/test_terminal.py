"""A real terminal: what is typed, what is not, and one that ends."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser
from collections.abc import Iterator

import pytest

from router.cli.terminal import Terminal


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of a terminal that is this process's stdin."""
    master, slave = os.openpty()
    with os.fdopen(slave) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield master
    os.close(master)


def test_a_typed_line_is_taken_and_nothing_is_waited_for_longer_than_said(keyboard: int) -> None:
    terminal = Terminal()
    assert terminal.interactive and terminal.line(0.0) is None
    os.write(keyboard, b" http://localhost/x \n\n")
    assert terminal.line(5.0) == "http://localhost/x"


def test_a_terminal_that_ends_asks_for_nothing_any_more(keyboard: int) -> None:
    terminal = Terminal()
    os.write(keyboard, b"\x04")
    assert terminal.line(5.0) == "" and not terminal.interactive and terminal.line(0.0) is None


@pytest.mark.parametrize(("typed", "meant"), [(b"y\n", True), (b"Yes\n", True), (b"\n", False), (b"n\n", False)])
def test_only_a_plain_yes_is_one(keyboard: int, typed: bytes, meant: bool) -> None:
    os.write(keyboard, typed)
    assert Terminal().confirm("Go on?") is meant


def test_without_a_terminal_a_secret_is_all_of_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.write(write, b"the-cookie\n")
    os.close(write)
    with os.fdopen(read) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert Terminal().secret("? ").strip() == "the-cookie"


def test_lines_of_a_program_are_read_only_where_they_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    with os.fdopen(read) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(write, b"http://localhost/x\n")
        assert Terminal().line(0.0) is None
        program = Terminal(piped=True)
        assert not program.interactive and program.reads
        assert program.line(5.0) == "http://localhost/x" and program.line(0.0) is None
        os.close(write)
        assert program.line(5.0) == "" and not program.reads


def test_a_browser_gets_no_secret_of_ours_with_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Browser:
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            program = "import json, os; print(json.dumps(dict(os.environ)))"
            seen.append(subprocess.check_output([sys.executable, "-c", program], text=True))
            return True

    monkeypatch.setattr(webbrowser, "_tryorder", ["probe"])
    monkeypatch.setitem(webbrowser._browsers, "probe", [None, Browser()])  # type: ignore[attr-defined]
    ours = {"SWITCHYARD_MASTER_KEY": "canary-a", "OPENAI_API_KEY": "canary-b", "PROXY_PASSWORD": "canary-c"}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    assert Terminal().browse("https://example.org/")
    assert "canary" not in seen[0] and "PATH" in seen[0]
    assert {name: os.environ[name] for name in ours} == ours
