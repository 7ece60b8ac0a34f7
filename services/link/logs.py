"""Log lines of a service on its standard output, in the router's two formats: for people, or one JSON object each."""

from __future__ import annotations

import logging
import queue
import re
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from router.wire.codec import dumps

_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\b(sk|pk|rk)-[A-Za-z0-9_-]{8,}"), r"\1-***"),
    (re.compile(r"(?i)([?&](?:key|auth_token|token)=)[^&\s\"'`]+"), r"\1***"),
    (re.compile(r"\b(AIza|ya29\.)[0-9A-Za-z._-]{10,}"), r"\1***"),
    (
        re.compile(
            r"(?i)\b((?:__Secure-|__Host-)?[A-Z0-9_-]*(?:SID|SIDCC|PSIDTS)\\?\"?\s*[:=]\s*\\?\"?)[^\s\"';,}]{8,}"
        ),
        r"\1***",
    ),
    (re.compile(r"://[^/\s:@]+:[^/\s@]+@"), "://***@"),
)
"""What a service may come to hold: keys, tokens, Google's session cookies."""


def redacted(text: str) -> str:
    """`text` without what looks like a credential."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class TextFormatter(logging.Formatter):
    """``2026-01-01T00:00:00.000Z info    switchyard.link  message``, a trace below it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        when = _moment(record).removesuffix("+00:00")
        line = f"{when}Z {record.levelname.lower():<7} {record.name}  {_one_line(record.getMessage())}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return redacted(line)


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return redacted(dumps(entry).decode("utf-8"))


class QueueWriter(logging.Handler):
    """Writes on a thread of its own, so that whoever logs never waits: where nobody reads our output any more (the disk
    of the log is full), a line that is written at once would stop the whole service. What has no room is counted."""

    def __init__(self, stream: TextIO, most: int = 10_000) -> None:
        super().__init__()
        self.dropped = 0
        self._stream = stream
        self._lines: queue.Queue[logging.LogRecord | None] = queue.Queue(most)
        self._thread = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line, or count it."""
        try:
            self._lines.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def _write(self) -> None:
        told = 0
        while (record := self._lines.get()) is not None:
            try:
                text = self.format(record)
                if (lost := self.dropped) > told:
                    text, told = f"{text}\n{lost - told} log lines had no room before this one", lost
                self._stream.write(text + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                self.dropped += 1
            except Exception as error:  # a record that cannot be told must not end the telling
                self.dropped += 1
                self._stream.write(f"a log line could not be formatted: {type(error).__name__}\n")

    def close(self) -> None:
        """Write what is queued, within two seconds."""
        with suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(timeout=2.0)
        super().close()


def configure(
    level: str = "info", style: str = "text", stream: TextIO | None = None, *, queued: bool = False
) -> logging.Handler:
    """Send everything that is logged to `stream` (standard output). style: text or json. queued: never wait for it."""
    out = stream or sys.stdout
    handler: logging.Handler = QueueWriter(out) if queued else logging.StreamHandler(out)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("switchyard").setLevel(level.upper())
    return handler


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
