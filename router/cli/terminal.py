"""The person at the command line: what they are told, asked, and type while something else goes on."""

from __future__ import annotations

import getpass
import os
import re
import select
import sys
import time
import webbrowser

LONGEST = 64 * 1024
_SECRET = re.compile(r"^SWITCHYARD|KEY$|TOKEN$|SECRET|PASSWORD")
"""Variables that may hold a secret, by their names."""


class Terminal:
    """Talk goes to stderr; answers come from stdin, where that is a terminal.

    piped: a program writes lines to stdin, as a person would type them. Not so by itself: what is on stdin may be meant
    for somebody else.
    """

    def __init__(self, *, piped: bool = False) -> None:
        self._piped = piped
        self._ended = False

    @property
    def interactive(self) -> bool:
        """Whether somebody can type."""
        return not self._ended and sys.stdin.isatty()

    @property
    def reads(self) -> bool:
        """Whether lines are awaited."""
        return self.interactive or (self._piped and not self._ended)

    def say(self, text: str) -> None:
        """Tell something."""
        print(text, file=sys.stderr, flush=True)

    def confirm(self, question: str) -> bool:
        """Ask for yes or no; no is the default."""
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def secret(self, prompt: str) -> str:
        """A line that is not shown; without a terminal, all of stdin."""
        if self.interactive:
            return getpass.getpass(prompt, stream=sys.stderr)
        return sys.stdin.read(LONGEST)

    def line(self, seconds: float) -> str | None:
        """A line that is typed within so many seconds; None where there is none, "" for an empty one."""
        if not self.reads:
            time.sleep(seconds)
            return None
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        if not ready:
            return None
        typed = sys.stdin.readline()
        self._ended = typed == ""  # Ctrl-D: from now on it would be ready for ever
        return typed.strip()

    def browse(self, url: str) -> bool:
        """Open the system's browser; whether there was one. It lives on with the environment that it is given, so our
        secrets are not in it."""
        kept = {name: os.environ.pop(name) for name in tuple(os.environ) if _SECRET.search(name)}
        try:
            return webbrowser.open(url)
        except (webbrowser.Error, OSError):
            return False
        finally:
            os.environ.update(kept)
