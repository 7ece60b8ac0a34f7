"""The small process that owns the listening socket and replaces its child without a gap (`docs/architecture.md`).

It imports next to nothing: the child reads the settings, binds what is not bound yet and sends the sockets up. While a
child is replaced both accept on the same socket, so no connection is refused. SIGHUP replaces, SIGTERM and SIGINT end.

Child to parent, one line each on a socket pair: ``sockets`` (with descriptors), ``drain SECONDS``, ``ready``, ``beat``,
``fatal``. Parent to child: SIGTERM, or the end of the pair, which tells an orphan to drain.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence

START_WITHIN = 60.0
WEDGED_AFTER = 60.0  # seconds without a beat of the child's event loop
HEALTHY_AFTER = 10.0  # a child that lived this long is replaced at once when it dies
MARGIN = 20.0  # beyond the child's own time to drain
FIRST_TRIES = 2  # deaths that a program which has never served outlives
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Child:
    """One serving process and what it has told us. after: how the one before it ended, if that was not asked for."""

    def __init__(self, command: Sequence[str], listening: Sequence[int], after: str = "") -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.pipe = ours
        words = [*command, "--control", str(theirs.fileno())]
        if listening:
            words += ["--listen", ",".join(str(descriptor) for descriptor in listening)]
        if after:
            words += ["--after", after]
        for descriptor in (theirs.fileno(), *listening):
            os.set_inheritable(descriptor, True)
        environ = {"MALLOC_ARENA_MAX": "2", **os.environ, "SWITCHYARD_PARENT": str(os.getpid())}
        self.pid = os.posix_spawn(words[0], words, environ, setsigmask=(), setsigdef=(signal.SIGHUP,))
        for descriptor in listening:
            os.set_inheritable(descriptor, False)
        theirs.close()
        self.born = self.heard = time.monotonic()
        self.ready = self.fatal = False
        self.ending_by: float | None = None
        self.drain = 30.0
        self._text = b""
        self.descriptors: list[int] = []

    def listen(self) -> list[str]:
        """The lines that have arrived. Descriptors that came with them are kept until a line names them."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.pipe, 4096, 16)
        except OSError:
            return []
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        self.descriptors += descriptors
        *lines, self._text = (self._text + data).split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]

    def end(self, number: int = signal.SIGTERM) -> None:
        """Ask it to drain; after its own time and a margin it is killed."""
        if self.ending_by is None:
            self.ending_by = time.monotonic() + self.drain + MARGIN
        self.signal(number)

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # dead and not reaped yet
            os.kill(self.pid, number)

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.pipe.close()


class Parent:
    """Keeps exactly one child serving until told to end.

    listening: descriptors of sockets that listen already, owned by the parent from now on. settled: called when the
    first child serves, or when it never will; somebody else may answer on those sockets until then.
    """

    def __init__(
        self, command: Sequence[str], listening: Sequence[int] = (), settled: Callable[[], None] = lambda: None
    ) -> None:
        self._command = command
        self._listening = list(listening)
        self._settled = settled
        self._current: Child | None = None
        self._next: Child | None = None
        self._leaving: list[Child] = []
        self._deaths = 0
        self._after = ""
        self._again_at: float | None = None
        self._served = False
        self._once_more = False  # a replacement was asked for while another one was starting
        self._stopping = False
        self._status = 0

    def run(self) -> int:
        """Until SIGTERM or SIGINT (0), or a first start that cannot succeed (1)."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, _wake)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._hangup_ends = sys.stdin is not None and sys.stdin.isatty()
        self._next = Child(self._command, self._listening)
        while self._children() or self._again_at is not None:
            pipes = {child.pipe.fileno(): child for child in self._children()}
            found, _, _ = select.select([reader, *pipes], [], [], self._patience())
            for descriptor in found:
                if descriptor == reader:
                    self._signals(os.read(reader, 64))
                else:
                    self._hear(pipes[descriptor])
            self._reap()
            self._clock(time.monotonic())
        return self._status

    def _children(self) -> list[Child]:
        return [child for child in (self._current, self._next, *self._leaving) if child is not None]

    def _patience(self) -> float:
        return 1.0 if self._again_at is None else max(0.0, min(1.0, self._again_at - time.monotonic()))

    def _signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGINT and self._stopping:
                _say("stopped at once, as asked a second time")
                for child in self._children():
                    child.signal(signal.SIGKILL)
            elif number in (signal.SIGTERM, signal.SIGINT) or (number == signal.SIGHUP and self._hangup_ends):
                self._stop(0)
            elif number == signal.SIGHUP and not self._stopping:
                self._replace()

    def _stop(self, status: int) -> None:
        self._stopping, self._again_at, self._status = True, None, status
        self._settled()
        for descriptor in self._listening:
            os.close(descriptor)
        self._listening = []
        for child in self._children():
            child.end()

    def _replace(self) -> None:
        if self._next is not None:
            self._once_more = True  # what has changed since, the one that is starting may have missed
            _say("a process is already starting; another one follows it")
            return
        self._start()

    def _start(self) -> None:
        self._again_at, self._once_more = None, False
        self._next = Child(self._command, self._listening, self._after)
        self._after = ""

    def _hear(self, child: Child) -> None:
        for line in child.listen():
            child.heard = time.monotonic()
            word, _, rest = line.partition(" ")
            if word == "sockets":
                self._adopt(child)
            elif word == "drain":
                child.drain = float(rest)
            elif word == "fatal":
                child.fatal = True
            elif word == "ready":
                self._promote(child)

    def _adopt(self, child: Child) -> None:
        """The child's set of sockets is the one that serves from now on."""
        for descriptor in self._listening:
            os.close(descriptor)
        self._listening, child.descriptors = child.descriptors, []

    def _promote(self, child: Child) -> None:
        if not self._served:
            self._settled()
        child.ready = self._served = True
        if child is not self._next:
            return
        if self._current is not None:
            self._leaving.append(self._current)
            self._current.end()
        self._current, self._next = child, None
        if self._once_more and not self._stopping:
            self._start()

    def _reap(self) -> None:
        for child in self._children():
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            self._hear(child)
            child.close()
            if child in self._leaving:
                self._leaving.remove(child)
                continue
            was_current = child is self._current
            if was_current:
                self._current = None
            else:
                self._next = None
            if not self._stopping:
                self._died(child, was_current, os.waitstatus_to_exitcode(status))

    def _died(self, child: Child, was_current: bool, code: int) -> None:
        if not self._served and (child.fatal or self._deaths >= FIRST_TRIES):
            self._stop(1)  # the child has said why
            return
        if not was_current and self._current is not None:
            _say(f"the replacement did not start (exit {code}); process {self._current.pid} goes on serving")
            if self._once_more:
                self._start()
            return
        self._deaths = 0 if time.monotonic() - child.born > HEALTHY_AFTER else self._deaths + 1
        wait = 0.0 if self._deaths == 0 else BACKOFF[min(self._deaths, len(BACKOFF)) - 1]
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit {code}"
        self._after = f"the serving process {child.pid} {how}"
        _say(f"{self._after}; another one starts in {wait:g} s")
        self._again_at = time.monotonic() + wait

    def _clock(self, now: float) -> None:
        if self._again_at is not None and now >= self._again_at:
            self._again_at = None
            if self._current is None and self._next is None:
                self._start()
        for child in self._children():
            if child.ending_by is not None:
                if now > child.ending_by:
                    child.signal(signal.SIGKILL)
            elif not child.ready and now - child.born > START_WITHIN:
                _say(f"process {child.pid} was not ready within {START_WITHIN:g} s and is killed")
                child.signal(signal.SIGKILL)
            elif child.ready and now - child.heard > WEDGED_AFTER:
                _say(f"process {child.pid} has not answered for {WEDGED_AFTER:g} s and is killed")
                child.signal(signal.SIGKILL)


def _wake(number: int, frame: object) -> None:
    """The number arrives through the wake-up descriptor."""


def _say(text: str) -> None:
    print(f"switchyard: {text}", file=sys.stderr, flush=True)  # noqa: T201  the logging module is not worth its memory here


def main(arguments: Sequence[str], listening: Sequence[int] = (), settled: Callable[[], None] = lambda: None) -> int:
    """Serve with the child's own `arguments`; the exit code of the whole program. The rest: see `Parent`."""
    return Parent([sys.executable, "-m", "router.server.child", *arguments], listening, settled).run()
