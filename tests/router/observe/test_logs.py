"""The writer that never holds the router up."""

from __future__ import annotations

import io
import json
import logging
import threading
from typing import Any

from router.observe.logs import JsonFormatter, QueueWriter, TextFormatter


class Stuck(io.StringIO):
    """A pipe that nobody reads, until `let`."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def write(self, text: str) -> int:
        self.let.wait(5)
        return super().write(text)


def record(message: str, **facts: Any) -> logging.LogRecord:
    made = logging.LogRecord("switchyard.x", logging.INFO, __file__, 1, message, (), facts.pop("exc_info", None))
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def test_a_stalled_reader_costs_lines_and_not_time() -> None:
    stream = Stuck()
    writer = QueueWriter(stream, TextFormatter(), size=10)
    for number in range(100):
        writer.emit(record(f"line {number}"))
    assert writer.dropped >= 70
    stream.let.set()
    writer.close()
    assert "line 0" in stream.getvalue()


def test_closing_writes_what_waits_and_no_empty_line() -> None:
    stream = io.StringIO()
    writer = QueueWriter(stream, TextFormatter())
    writer.emit(record("the last words"))
    writer.close()
    assert stream.getvalue().endswith("the last words\n")
    assert stream.getvalue().count("\n") == 1


def test_a_broken_pipe_is_counted() -> None:
    stream = io.StringIO()
    stream.close()
    writer = QueueWriter(stream, TextFormatter())
    writer.emit(record("nobody hears"))
    writer.close()
    assert writer.dropped == 1


def test_text_is_one_redacted_line() -> None:
    line = TextFormatter().format(record("a\nb Authorization: Bearer abcdefghijkl"))
    assert "\n" not in line
    assert "abcdefghijkl" not in line
    assert " info    switchyard.x  a\\nb" in line


def test_what_an_error_says_cannot_look_like_a_line_of_ours() -> None:
    forged = "2026-01-01T00:00:00.000Z info    switchyard.x  all is well \x1b[2J"
    try:
        raise ValueError(f"no\n{forged}")
    except ValueError as error:
        lines = TextFormatter().format(record("it failed", exc_info=(type(error), error, None))).splitlines()
    assert lines[0].endswith("it failed") and all(line.startswith("    ") for line in lines[1:])
    assert "\x1b" not in "".join(lines)


def test_json_has_the_given_fields_and_no_secret() -> None:
    line = JsonFormatter().format(record("told", fields=lambda: {"status": 200, "reason": "x-api-key: abcdefghijkl"}))
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"], told["status"]) == ("info", "switchyard.x", "told", 200)
    assert "abcdefghijkl" not in line
