"""Who is killed for a router that hangs: its serving process, and nobody that an old file names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.healthwatch.judge import Action
from services.healthwatch.supervisor import Supervisor


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two that wait, each in a group of its own."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with ExitStack() as stack:
        made = [stack.enter_context(subprocess.Popen(command, start_new_session=True)) for _ in range(2)]
        yield made
        for each in made:
            each.kill()


@pytest.mark.parametrize("ours", [True, False])
def test_only_a_child_of_this_router_is_killed(
    ours: bool, tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    parent, other = processes
    file = tmp_path / "router.json"
    file.write_text(json.dumps({"pid": other.pid, "parent": parent.pid if ours else parent.pid + 100_000}))
    Supervisor("nowhere", file).act(Action("kill", "router", "it hangs"), parent.pid)
    killed, left = (other, parent) if ours else (parent, other)
    assert killed.wait(10) == -9
    assert left.poll() is None
