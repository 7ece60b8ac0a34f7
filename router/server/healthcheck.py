"""``python -m router.server.healthcheck``: exit status 0 where the router of this machine answers ``/healthz``.

For a container's health check, so it starts quickly: the standard library only. The router's own file says where it
serves; before it serves (``DEPLOY=cloud``) the waiting room has the port of the variables.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

from router import places

WITHIN = 4.0
"""Seconds for one address."""
Address = tuple[str, str, int]


def addresses(state_dir: Path, environ: Mapping[str, str]) -> list[Address]:
    """Scheme, host and port to ask, the likeliest first."""
    found: list[Address] = []
    try:
        facts = json.loads((places.run_dir(state_dir) / "router.json").read_text())
        os.kill(facts["pid"], 0)
        found += [(facts["scheme"], _callable(host), port) for host, port in facts["addresses"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none serves yet, or one that was killed has left its file
    host = environ.get("SWITCHYARD__SERVER__HOST", "127.0.0.1").strip("[]")
    port = environ.get("SWITCHYARD__SERVER__PORT", "")
    waiting = ("http", _callable(host), int(port) if port.isdecimal() else 8317)
    return found if waiting in found else [*found, waiting]


def alive(address: Address) -> bool:
    """Whether it answers ``/healthz`` with 200."""
    scheme, host, port = address
    connection: http.client.HTTPConnection
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # our own process, on this machine
        connection = http.client.HTTPSConnection(host, port, timeout=WITHIN, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=WITHIN)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(environ: Mapping[str, str] = os.environ) -> int:
    """0 where one of the addresses answers, else 1."""
    asked = addresses(places.in_checkout(environ.get(places.STATE_VARIABLE, "state")), environ)
    if any(alive(each) for each in asked):
        return 0
    where = ", ".join(f"{scheme}://{host}:{port}" for scheme, host, port in asked)
    sys.stderr.write(f"no answer at {where}\n")
    return 1


def _callable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104  compared only


if __name__ == "__main__":
    sys.exit(main())
