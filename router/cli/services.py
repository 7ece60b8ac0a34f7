"""Services under supervisord that run only where the settings turn them on. `config.yaml` is the one source of truth.

supervisord knows no conditions, and the router may start no programs: so `up` and `reload-process` look at the
settings, and start what is wanted and stop what is not.
"""

from __future__ import annotations

import http.client
import json
import xmlrpc.client
from pathlib import Path
from typing import Any

from msgspec import Struct

from router import places
from router.cli import service_environment, supervision
from router.cli.talk import Place

NAME = "aistudio"
_RUNNING = ("RUNNING", "STARTING", "BACKOFF", "STOPPING")


class Wanted(Struct, frozen=True):
    """on: the settings want it here. problem: why it cannot run all the same, "" where it can."""

    on: bool
    problem: str = ""


def wanted(place: Place, root: Path = places.ROOT) -> Wanted:
    """Whether the AI Studio service should run on this machine. root: the checkout."""
    block = place.settings.providers.aistudio
    if block is None or not block.enabled or not block.service.start:
        return Wanted(False)
    there = service_environment.python(root) is not None
    return Wanted(True, "" if there else f"{NAME} is on and cannot run: {service_environment.MISSING}")


def follow(rpc: Any, place: Place, *, anew: bool = False, root: Path = places.ROOT) -> list[str]:
    """Start or stop the service as the settings want; sentences about what was done, or could not be.

    rpc: supervisord's. anew: stop it first, so that it reads its settings again."""
    if place.problem is not None:
        return []
    want, state = wanted(place, root), _state(rpc)
    running = state in _RUNNING
    told: list[str] = []
    if running and (anew or not want.on):
        rpc.stopProcess(NAME)
        running = False
        if not want.on:
            told.append(f"{NAME} has been stopped: the settings turn it off.")
    if want.problem and not running:
        told.append(f"{want.problem}.")
    elif want.on and not running:
        told.append(_start(rpc))
    return told


def _state(rpc: Any) -> str:
    """The state of the process; a supervisord that was started before it knew the program learns of it."""
    try:
        return str(rpc.getProcessInfo(NAME)["statename"])
    except xmlrpc.client.Fault:
        rpc.reloadConfig()
        rpc.addProcessGroup(NAME)
        return str(rpc.getProcessInfo(NAME)["statename"])


def _start(rpc: Any) -> str:
    try:
        rpc.startProcess(NAME)
    except xmlrpc.client.Fault as fault:
        tail = supervision.log_tail(NAME, 3)
        return f"{NAME} did not start ({fault.faultString}). The end of logs/{NAME}.log:\n{tail}"
    return f"{NAME} has been started."


def health(place: Place) -> tuple[str, str]:
    """What the service's own ``/readyz`` says: a word, and the causes where it is not ready."""
    block = place.settings.providers.aistudio
    connection = http.client.HTTPConnection("127.0.0.1", block.health_port if block is not None else 0, timeout=3)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        found = json.loads(answer.read())["causes"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return "no answer", f"its /readyz does not answer ({type(error).__name__}); see logs/{NAME}.log"
    finally:
        connection.close()
    if answer.status == 200:
        return "ready", ""
    return "not ready", "; ".join(str(each.get("text", each)) for each in found if isinstance(each, dict))
