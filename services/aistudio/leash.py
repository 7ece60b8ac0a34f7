"""``python leash.py PARENT program ...``: become that program, which ends when the process PARENT does.

Whoever is killed with SIGKILL ends nothing that it has started: a screen and a VNC server would be left behind, and
supervisord's killing of the whole group does not help a service that runs without it. Linux sends the signal; elsewhere
the program is started all the same. Started by its path and in isolation, so that it needs nothing but Python.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(words: list[str]) -> int:
    """Does not return where all is well. 1: the parent has ended already; 127: the program cannot be started."""
    parent, program = int(words[0]), words[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be watched
        return 1
    try:
        os.execvp(program[0], program)  # noqa: S606  the words of the service itself, and no shell
    except OSError as error:
        sys.stderr.write(f"{program[0]}: {error.strerror}\n")
    return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
