"""Programs of the operator's own under supervisord: one file each in ``config/conf.d``, written from the settings."""

from __future__ import annotations

import math
import os
import xmlrpc.client
from pathlib import Path
from typing import Any

from router.settings.processes import TAKEN, OwnService
from router.settings.schema import Settings

FOLDER = Path("config/conf.d")
"""In the checkout; `supervisor.conf` includes what is in it."""
PENDING = ".not-taken-in"
"""A file in the folder while supervisord may not know what lies there: then the next run has it look again."""
_HEAD = "; Written by `make up` from `services` in the settings. Changes here are lost.\n"


def written(entry: OwnService) -> str:
    """The file of one program."""
    command = " ".join(_word(word) for word in entry.command)
    return (
        f"{_HEAD}[program:{entry.name}]\n"
        f"command={command}\n"
        "directory=%(here)s/../..\n"
        "priority=50\nautostart=false\nautorestart=true\nstartsecs=2\nstartretries=3\n"
        f"stopsignal=TERM\nstopwaitsecs={math.ceil(entry.stop_seconds)}\nstopasgroup=true\nkillasgroup=true\n"
        "redirect_stderr=true\n"
        f"stdout_logfile=logs/{entry.name}.log\nstdout_logfile_maxbytes=20MB\nstdout_logfile_backups=5\n"
        'environment=PYTHONUNBUFFERED="1"\n'
    )


def _word(word: str) -> str:
    """As supervisord splits a command: in quotes, with its own expansions taken as they are. It takes a ; or # after a
    blank for a comment, also in quotes, so the quotes end and begin anew between the two: that is still one word."""
    quoted = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for sign in ";#":
        quoted = quoted.replace(f" {sign}", f' ""{sign}')
    return quoted.replace("%", "%%")


def follow(rpc: Any, settings: Settings, folder: Path = FOLDER) -> list[str]:
    """Make the files what the settings say, and let supervisord take them in. Sentences about what went."""
    files = {f"{entry.name}.conf": written(entry) for entry in settings.services}
    folder.mkdir(parents=True, exist_ok=True)
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.conf")}
    pending = folder / PENDING
    if before == files and not pending.exists():
        return []
    pending.touch(mode=0o600)
    for name, text in files.items():
        if before.get(name) != text:
            new = folder / f"{name}.new"
            new.write_text(text, encoding="utf-8")
            new.chmod(0o600)
            os.replace(new, folder / name)  # noqa: PTH105  a name for both is clearer
    for name in before.keys() - files.keys():
        (folder / name).unlink(missing_ok=True)
    told, whole = _take_in(rpc)
    if whole:
        pending.unlink(missing_ok=True)
    return told


def _take_in(rpc: Any) -> tuple[list[str], bool]:
    """supervisord reads its files again: what has changed or gone is stopped and forgotten, to be started anew.
    Sentences, and whether all of it went."""
    try:
        (changes,) = rpc.reloadConfig()
    except xmlrpc.client.Fault as fault:
        return [f"supervisord cannot read its files ({fault.faultString}); it is asked again next time."], False
    added, changed, removed = changes
    told: list[str] = []
    whole = True
    for name in (*changed, *removed):
        if name in TAKEN:
            continue  # of ours: a restart of supervisord takes it in
        try:
            rpc.stopProcessGroup(name)
            rpc.removeProcessGroup(name)
        except xmlrpc.client.Fault as fault:
            told.append(f"{name} could not be taken out: {fault.faultString}")
            whole = False
            continue
        if name in removed:
            told.append(f"{name} has been stopped: the settings have it no more.")
    for name in (*added, *(each for each in changed if each not in TAKEN)):
        try:
            rpc.addProcessGroup(name)
        except xmlrpc.client.Fault as fault:
            told.append(f"{name} could not be added: {fault.faultString}")
            whole = False
    return told, whole
