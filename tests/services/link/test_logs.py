from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest

from router.observe import logs as router_logs
from services.link import logs


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("switchyard").setLevel(logging.NOTSET)


def record(message: str) -> logging.LogRecord:
    made = logging.LogRecord("switchyard.link", logging.INFO, "", 0, message, (), None)
    made.created = 1_800_000_000.25
    return made


@pytest.mark.parametrize("message", ["hello", "two\nlines", "ünïcode"])
def test_lines_are_those_of_the_router(message: str) -> None:
    assert logs.TextFormatter().format(record(message)) == router_logs.TextFormatter().format(record(message))
    assert logs.JsonFormatter().format(record(message)) == router_logs.JsonFormatter().format(record(message))


@pytest.mark.parametrize(
    "secret",
    [
        "authorization: Bearer abcdefgh12345678",
        "sk-sy-abcdefghijklmnop",
        "ws://host/v1/ws?key=abcdefgh123",
        "ws://host/v1/ws?auth_token=abcdefgh123",
        "SID=abcdefgh123; x",
        "__Secure-1PSID=abcdefgh123",
        '"SAPISID": "abcdefgh123"',
        "AIzaabcdefgh12345678",
        "http://user:abcdefgh@host/",
    ],
)
@pytest.mark.parametrize("style", ["text", "json"])
def test_secrets_are_left_out(secret: str, style: str) -> None:
    out = io.StringIO()
    logs.configure("info", style, out)
    logging.getLogger("switchyard.link").info("before %s after", secret)
    assert "abcdefgh" not in out.getvalue()
    assert "before" in out.getvalue()


def test_levels_count_for_our_loggers_and_traces_are_written() -> None:
    out = io.StringIO()
    logs.configure("warning", "json", out)
    logging.getLogger("switchyard.link").info("not this")
    logging.getLogger("other").info("nor this")
    try:
        raise RuntimeError("why")
    except RuntimeError:
        logging.getLogger("switchyard.link").exception("it broke")
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["message"] == "it broke"
    assert "RuntimeError: why" in json.loads(line)["trace"]


class Stuck(io.StringIO):
    """Output that nobody reads until `reads` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Event()
        self.begun = threading.Event()

    def write(self, text: str) -> int:
        self.begun.set()
        self.reads.wait(10)
        return super().write(text)


def test_whoever_logs_never_waits_for_a_reader_and_what_is_lost_is_told() -> None:
    out = Stuck()
    writer = logs.QueueWriter(out, most=2)
    writer.setFormatter(logging.Formatter("%(message)s"))
    writer.emit(record("first"))
    assert out.begun.wait(10)
    for number in range(5):
        writer.emit(record(f"more {number}"))  # two have room
    assert writer.dropped == 3
    out.reads.set()
    while out.getvalue().count("\n") < 4:
        out.begun.wait(0.01)
    writer.emit(record("last"))
    writer.close()
    assert out.getvalue().splitlines() == [
        "first",
        "more 0",
        "3 log lines had no room before this one",
        "more 1",
        "last",
    ]


def test_what_is_queued_is_written_at_the_end() -> None:
    out = io.StringIO()
    handler = logs.configure("info", "text", out, queued=True)
    for number in range(100):
        logging.getLogger("switchyard.link").info("line %d", number)
    handler.close()
    assert out.getvalue().count("\n") == 100
