"""A real supervisord with small programs, for tests."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from router.supervisord import Supervisord, Unsupervised

CONF = """
[unix_http_server]
file={folder}/s.sock
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
WITHIN = 40.0


@contextmanager
def supervising(folder: Path, programs: str, until: Mapping[str, str]) -> Iterator[Path]:
    """Its socket, once these programs are in these states. programs: `{folder}` and `{python}` are filled in."""
    conf = folder / "supervisor.conf"
    conf.write_text((CONF + programs).format(folder=folder, python=sys.executable))
    process = subprocess.Popen([sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)], cwd=folder)
    path = folder / "s.sock"
    try:
        end = time.monotonic() + WITHIN
        while not _ready(path, until) and time.monotonic() < end:
            time.sleep(0.02)
        yield path
    finally:
        process.terminate()
        process.wait(WITHIN)


def _ready(path: Path, until: Mapping[str, str]) -> bool:
    try:
        states = {each.name: each.state for each in Supervisord(path).processes()}
    except Unsupervised:
        return False
    return states | until == states
