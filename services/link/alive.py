"""``python -m services.link.alive aistudio|webai``: exit status 0 where that service answers ``/healthz``.

For a container's health check. The address is the one that the service takes: of its block in the router's settings,
its own file, or a variable.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.link.beside import ROOT, address, router_file
from services.link.settings import SettingsMistake, load_block

PORTS = {"aistudio": ("health_host", "health_port", 8318), "webai": ("host", "port", 8406)}
"""By service: its settings for address and port, and the port where nothing is set."""
WITHIN = 4.0
"""Seconds."""


def url(service: str, environ: Mapping[str, str], root: Path = ROOT) -> str:
    """Where the service of this machine says how it is. Raises `SettingsMistake`."""
    block = load_block(
        ("providers", service),
        environ,
        router_file=router_file(None, environ, root),
        own_file=root / "config" / f"{service}.yaml",
    )
    return f"{base(service, block)}/healthz"


def base(service: str, block: Mapping[str, Any]) -> str:
    """The same without the path. block: the settings of the service."""
    host, port, default = PORTS[service]
    return f"http://{address({'host': block.get(host) or '127.0.0.1', 'port': block.get(port) or default})}"


def main(words: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """0 alive, 1 not, 2 for a name that is no service or settings that cannot be read."""
    if len(words) != 1 or words[0] not in PORTS:
        sys.stderr.write(f"name one of {', '.join(PORTS)}\n")
        return 2
    try:
        asked = url(words[0], environ)
        with urllib.request.urlopen(asked, timeout=WITHIN) as answer:  # noqa: S310  our own address
            return 0 if answer.status == 200 else 1
    except SettingsMistake as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"no answer at {asked}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
