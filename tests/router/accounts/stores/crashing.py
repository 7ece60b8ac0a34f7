"""A process that dies in the middle of a write: a copy of this one that ends at a step, without any clean-up."""

from __future__ import annotations

import os
from collections.abc import Callable

from router.vault.disk import Disk

DIED = 77


class Fuse:
    """Ends the process at the `at`-th step."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, name: str) -> None:
        if self._left == 0:
            os._exit(DIED)
        self._left -= 1


def dies(work: Callable[[Disk], object], at: int) -> bool:
    """Run `work` in a process of its own that dies before step `at`; whether it got so far. A failure is raised."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(Disk(Fuse(at)))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, DIED), f"the work failed with {code}"
    return code == DIED


def each_step(work: Callable[[Disk], object], after: Callable[[int], object], before: Callable[[], object]) -> int:
    """Do `work` again and again, killed one step later each time, until it comes to its end; how many steps it has.

    before: makes things as they were. after: looks at what each death left.
    """
    at = 0
    while True:
        before()
        died = dies(work, at)
        after(at)
        if not died:
            return at
        at += 1
