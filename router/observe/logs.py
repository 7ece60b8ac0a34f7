"""Logging that can never hold the router up: a bounded queue, one writer thread; what does not fit is counted.

The standard library's loggers feed it; a redacting step is always last. Text by default, one JSON object a line on a
setting. Times are UTC.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
from datetime import UTC, datetime
from typing import Any, TextIO

from router.observe.redact import one_line, redact
from router.wire.codec import dumps

QUEUE = 10_000
LEVELS = ("debug", "info", "warning", "error")


class TextFormatter(logging.Formatter):
    """``2026-01-01T00:00:00.000Z info  switchyard.request  message``, a trace below it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        line = f"{when}Z {record.levelname.lower():<7} {record.name}  {one_line(record.getMessage())}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
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


class QueueWriter(logging.Handler):
    """Formats and writes on its own thread. `dropped` counts what the queue had no room for."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter, size: int = QUEUE) -> None:
        super().__init__()
        self.dropped = 0
        self._stream = stream
        self._queue: queue.Queue[logging.LogRecord | None] = queue.Queue(size)
        self.setFormatter(formatter)
        self._thread = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def _write(self) -> None:
        while (record := self._queue.get()) is not None:
            try:
                self._stream.write(self.format(record) + "\n")
                if self._queue.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                self.dropped += 1

    def close(self) -> None:
        """Write what is queued, within two seconds, and stop."""
        try:
            self._queue.put(None, timeout=1.0)
            self._thread.join(timeout=2.0)
        except queue.Full:
            pass
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
