"""Our services under a real supervisord, with the file that ships: what is started of an operator's old settings."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from router import places
from router.cli import config_commands, services, supervision
from router.cli.talk import find_place

PYTHON = """#!{python}
import json, os, signal, sys
with open("started", "w") as told:
    told.write(json.dumps([os.path.relpath(sys.argv[0]), *sys.argv[1:]]) + "\\n")
signal.pause()
"""
"""In place of each environment's Python: tells in the pipe `started` what was started, and stays."""
LIMIT = 20
"""Seconds after which the test gives up."""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with our supervisor.conf, where its supervisord runs."""
    shutil.copy(places.ROOT / "supervisor.conf", tmp_path)
    for name in (".venv", ".venvs/aistudio", ".venvs/webai"):
        python = tmp_path / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(PYTHON.format(python=sys.executable))
        python.chmod(0o700)
    (tmp_path / "config" / "conf.d").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "ROOT", tmp_path)
    os.mkfifo("started")
    pipe = os.open("started", os.O_RDWR)
    assert supervision.start(os.environ) is None
    try:
        yield tmp_path
    finally:
        os.close(pipe)
        with supervision.supervisor() as rpc:
            pids = [each["pid"] for each in supervision.processes(rpc) if each["pid"]]
        for pid in (int(supervision.PID_FILE.read_text()), *pids):  # who would start them anew goes first
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def started(pipe: int, how_many: int) -> list[list[str]]:
    """What the programs tell, sorted."""
    data = b""
    while data.count(b"\n") < how_many:
        assert select.select([pipe], [], [], LIMIT)[0], data
        data += os.read(pipe, 65_536)
    return sorted(json.loads(line) for line in data.splitlines())


def test_an_old_command_starts_our_service_whatever_it_says(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = checkout / "config" / "config.yaml"
    config.write_text(
        "providers:\n"
        "  aistudio: {enabled: true, service: {command: python providers/aistudio/main.py}}\n"
        f"  webai: {{enabled: true, service: {{command: 'touch {checkout}/theirs'}}}}\n"
    )
    pipe = os.open("started", os.O_RDONLY | os.O_NONBLOCK)
    with supervision.supervisor() as rpc:
        place = find_place(str(config))
        told = [line for each in services.PROGRAMS for line in services.follow(rpc, place, each, root=checkout)]
        assert told == [f"{name} has been started." for name in ("aistudio", "webai", "healthwatch")]
        found = started(pipe, 4)
    os.close(pipe)
    assert found == [
        [".venv/bin/python", "-m", "router", "serve"],
        [".venv/bin/python", "-m", "services.healthwatch"],
        [".venvs/aistudio/bin/python", "-m", "services.aistudio"],
        [".venvs/webai/bin/python", "-m", "services.webai"],
    ]
    assert not (checkout / "theirs").exists()
    config_commands.check(str(config))
    warned = capsys.readouterr().err
    for name in ("aistudio", "webai"):
        assert f"providers.{name}.service.command is not used: the service that ships with this product" in warned
