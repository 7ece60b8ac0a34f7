from __future__ import annotations

import io
import json
import logging
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
