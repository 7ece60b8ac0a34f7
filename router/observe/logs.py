"""Logging that can never hold the router up: a bounded queue, one writer thread; what does not fit is counted.

The standard library's loggers feed it; a redacting step is always last. Text by default, one JSON object a line on a
setting. Times are UTC.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO, cast

from router.observe.redact import one_line, redact
from router.wire.codec import dumps

QUEUE = 10_000
GATHER = 0.01
"""Seconds for which the writer lets lines come together after it was woken."""
LEVELS = ("debug", "info", "warning", "error")


class TextFormatter(logging.Formatter):
    """``2026-01-01T00:00:00.000Z info  switchyard.request  message``, a trace indented below it where there is one:
    what an error says cannot look like a line of ours."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        line = f"{when}Z {record.levelname.lower():<7} {record.name}  {one_line(record.getMessage())}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line = "\n".join([line, *(f"    {one_line(each)}" for each in trace)])
        return redact(line)


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, and the fields given as ``extra={"fields": lambda: {…}}``."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if callable(fields):
            entry.update(fields())
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return redact(dumps(entry).decode("utf-8"))


class Line(Protocol):
    """What a formatter asks of a record; `logging.LogRecord` is one."""

    created: float
    levelname: str
    name: str
    exc_info: Any

    def getMessage(self) -> str: ...  # noqa: N802  the name is the library's


class QueueWriter(logging.Handler):
    """Formats and writes on its own thread, in batches. `dropped` counts what the queue had no room for."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter, size: int = QUEUE) -> None:
        super().__init__()
        self.dropped = 0
        self.seen: Callable[[Line, str], None] | None = None  # told of each line on the writer's thread
        self._stream = stream
        self._size = size
        self._waiting: deque[Line] = deque()
        self._wake = threading.Event()
        self._idle = True
        self._closing = False
        self.setFormatter(formatter)
        self._thread = threading.Thread(target=self._write_all, name="log-writer", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        self.put(record)

    def put(self, line: Line) -> None:
        """Take one line. Never waits; wakes the writer only where it sleeps, as a wake costs more than the line."""
        if len(self._waiting) >= self._size:
            self.dropped += 1
            return
        self._waiting.append(line)
        if self._idle:
            self._idle = False
            self._wake.set()

    def _write_all(self) -> None:
        while not (self._closing and not self._waiting):
            self._idle = True
            if not self._waiting and not self._closing:
                self._wake.wait()
            self._wake.clear()
            self._idle = False
            if not self._closing:
                time.sleep(GATHER)
            self._write()

    def _write(self) -> None:
        lines: list[str] = []
        while self._waiting:
            line = self._waiting.popleft()
            try:
                lines.append(text := self.format(cast(logging.LogRecord, line)))
                if self.seen is not None:
                    self.seen(line, text)
            except Exception as error:  # a record that cannot be told must not end the telling
                lines.append(f"a log line could not be formatted: {type(error).__name__}")
        if not lines:
            return
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.dropped += len(lines)

    def close(self) -> None:
        """Write what is queued, within two seconds, and stop."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout=2.0)
        super().close()


def configure(level: str, form: str, stream: TextIO | None = None) -> QueueWriter:
    """Send every logger of the process through one `QueueWriter`. level: of `LEVELS`. form: text | json."""
    writer = QueueWriter(stream or sys.stdout, JsonFormatter() if form == "json" else TextFormatter())
    _record_less()
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.addHandler(writer)
    set_level(level)
    return writer


def _record_less() -> None:
    """Leave out of every record what no format here shows; finding the caller's line alone costs a stack walk."""
    logging._srcfile = None  # documented in the logging HOWTO, "Optimization"
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def set_level(level: str) -> None:
    """Change what is written from now on; other libraries stay at warnings."""
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("switchyard").setLevel(level.upper())
