"""What a first start writes: folders, the settings file, the three keys."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from router import places

KEYS = ("client", "management", "service")


def make_config(path: Path) -> bool:
    """Copy the annotated example unless there is a settings file; whether one was written."""
    example = places.ROOT / "config" / "config.example.yaml"
    if path.exists() or not example.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(example, path)
    path.chmod(0o600)  # it may come to hold provider keys
    return True


def make_keys(state_dir: Path) -> dict[str, str]:
    """Make the keys that are missing, readable by their owner only; name to the new key."""
    from router.access.keys import generate

    made: dict[str, str] = {}
    for name in KEYS:
        path = places.key_file(state_dir, name)
        if path.exists():
            continue
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made[name] = generate().reveal()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made[name] + "\n")
    return made
