"""A process that writes calls into its journal until it is killed. Says on stdout what it has written."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from router.usage.entries import Closed, Opened, Tokens
from router.usage.journal import Journal, name_of_process


def main(folder: str, count: str, segment: str) -> None:
    """Every third call stays open. Without a count, calls are written for ever and only the number of the last one that
    is surely on disk is said."""
    journal = Journal(Path(folder), name_of_process(os.getpid(), time.time_ns()), segment=int(segment))
    number = 0
    while number < int(count) or int(count) == 0:
        name = f"req_{os.getpid()}_{number:08d}"
        journal.opened(Opened(id=name, at=1.0 + number, key_name="k", provider="p", model="m"))
        if number % 3 != 2:
            journal.closed(Closed(id=name, at=1.0 + number, key_name="k", tokens=Tokens(number, output=1), cost=number))
        number += 1
        if int(count) == 0 and number % 100 == 0:
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
    sys.stdout.write("written\n")
    sys.stdout.flush()
    sys.stdin.read()  # until it is told to end, or killed


if __name__ == "__main__":
    main(*sys.argv[1:])
