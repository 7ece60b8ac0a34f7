"""Programs under supervisord that run only where the settings turn them on. `config.yaml` is the one source of truth.

supervisord knows no conditions, and the router may start no programs: so `up` and `reload-process` look at the
settings, and start what is wanted and stop what is not; `follow_programs` does so when the file was edited.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from router import on_demand, places
from router.cli import own_programs, service_environment, supervision
from router.cli.talk import Place, callable_host, url
from router.settings.schema import Settings

AISTUDIO, WEBAI, HEALTHWATCH = "aistudio", "webai", "healthwatch"
OTHERS_WITHIN = 150.0
_WANTED = ("disk", "crash_loop")
"""Causes that keep nothing from being ready and still want somebody."""
_RUNNING = ("RUNNING", "STARTING", "BACKOFF", "STOPPING")


class Program(Struct, frozen=True):
    """One of them. place: of its settings, whose changes want it restarted. on: whether the settings want it here.
    missing: why it cannot run in a checkout, "" where it can. readyz: where it says how it is, "" where it says
    nothing."""

    name: str
    place: str
    on: Callable[[Settings], bool]
    missing: Callable[[Path], str]
    readyz: Callable[[Settings], str]


class Wanted(Struct, frozen=True):
    """on: the settings want it here. problem: why it cannot run all the same, "" where it can."""

    on: bool
    problem: str = ""


def _aistudio(settings: Settings) -> bool:
    block = settings.providers.aistudio
    return block is not None and block.enabled and block.service.start


def _webai(settings: Settings) -> bool:
    block = settings.providers.webai
    return block is not None and block.enabled and block.service.start


def _aistudio_readyz(settings: Settings) -> str:
    block = settings.providers.aistudio
    return _readyz(block.health_host, block.health_port) if block is not None else ""


def _webai_readyz(settings: Settings) -> str:
    block = settings.providers.webai
    return _readyz(block.host, block.port) if block is not None else ""


def _readyz(host: str, port: int) -> str:
    return f"{url('http', callable_host(host), port)}/readyz"


PROGRAMS: tuple[Program, ...] = (
    Program(AISTUDIO, "providers.aistudio.", _aistudio, service_environment.missing(AISTUDIO), _aistudio_readyz),
    Program(WEBAI, "providers.webai.", _webai, service_environment.missing(WEBAI), _webai_readyz),
    Program(
        HEALTHWATCH,
        "supervision.",
        lambda settings: settings.supervision.enabled,
        lambda root: "",
        lambda settings: f"http://127.0.0.1:{settings.supervision.port}/readyz",
    ),
)


def programs(settings: Settings) -> tuple[Program, ...]:
    """Ours, and those that the settings add."""
    own = tuple(
        Program(entry.name, f"services.{entry.name}", lambda _: True, lambda _: "", _always(entry.asked))
        for entry in settings.services
    )
    return (*PROGRAMS, *own)


def _always(text: str) -> Callable[[Settings], str]:
    return lambda settings: text


def program(settings: Settings, name: str) -> Program | None:
    """The one with this name."""
    return next((each for each in programs(settings) if each.name == name), None)


def wanted(place: Place, which: Program, root: Path = places.ROOT) -> Wanted:
    """Whether a program should run on this machine. root: the checkout."""
    if not which.on(place.settings):
        return Wanted(False)
    missing = which.missing(root)
    return Wanted(True, f"{which.name} is on and cannot run: {missing}" if missing else "")


def follow_all(
    rpc: Any, place: Place, *, changed: Callable[[Program], bool] = lambda _: False, within: float = OTHERS_WITHIN
) -> list[str]:
    """Start and stop everything as the settings want. changed: whether a program must read its settings again.
    within: seconds to wait for another command that does the same."""
    if place.problem is not None:
        return []
    try:
        with supervision.one_at_a_time(within):
            told = own_programs.follow(rpc, place.settings)
            if _aistudio(place.settings):
                _introduce(rpc)
            return told + [
                sentence
                for each in programs(place.settings)
                for sentence in follow(rpc, place, each, anew=changed(each))
            ]
    except supervision.Busy as busy:
        return [f"Nothing was started or stopped: {busy}."]


def follow(rpc: Any, place: Place, which: Program, *, anew: bool = False, root: Path = places.ROOT) -> list[str]:
    """Start or stop one as the settings want; sentences about what was done, or could not be.

    rpc: supervisord's. anew: stop it first, so that it reads its settings again."""
    if place.problem is not None:
        return []
    name, want = which.name, wanted(place, which, root)
    try:
        state = _state(rpc, name)
    except xmlrpc.client.Fault as fault:
        return [f"{name} is not known to supervisord, which cannot learn of it: {fault.faultString}."]
    running = state in _RUNNING
    told: list[str] = []
    if running and (anew or not want.on):
        rpc.stopProcess(name)
        running = False
        if not want.on:
            told.append(f"{name} has been stopped: the settings turn it off.")
    if want.problem and not running:
        told.append(f"{want.problem}.")
    elif want.on and not running:
        told.append(_start(rpc, name))
    return told


def _state(rpc: Any, name: str) -> str:
    """The state of the process; a supervisord that was started before it knew the program learns of it."""
    try:
        return str(rpc.getProcessInfo(name)["statename"])
    except xmlrpc.client.Fault:
        rpc.reloadConfig()
        rpc.addProcessGroup(name)
        return str(rpc.getProcessInfo(name)["statename"])


def _introduce(rpc: Any) -> None:
    """Let a supervisord that was started before it knew the programs of a sign-in learn of them; none is started."""
    for name in on_demand.NAMES:
        with contextlib.suppress(xmlrpc.client.Fault):  # then the service runs them itself
            _state(rpc, name)


def _start(rpc: Any, name: str) -> str:
    try:
        rpc.startProcess(name)
    except xmlrpc.client.Fault as fault:
        tail = supervision.log_tail(name, 3)
        return f"{name} did not start ({fault.faultString}). The end of logs/{name}.log:\n{tail}"
    return f"{name} has been started."


def health(readyz: str, name: str) -> tuple[str, str]:
    """What a program's own ``/readyz`` says: a word, and the causes where it is not ready."""
    if not readyz:
        return "-", ""
    parts = urlsplit(readyz)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=3)
    try:
        connection.request("GET", parts.path or "/readyz")
        answer = connection.getresponse()
        body = answer.read(1024 * 1024)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return "no answer", f"its /readyz does not answer ({type(error).__name__}); see logs/{name}.log"
    finally:
        connection.close()
    try:
        found = [each for each in json.loads(body)["causes"] if isinstance(each, dict)]
    except (ValueError, KeyError, TypeError):
        found = []
    if answer.status == 200:
        return "ready", _told([each for each in found if each.get("cause") in _WANTED])
    return "not ready", _told(found) or f"its /readyz answered {answer.status}"


def _told(causes: list[dict[str, Any]]) -> str:
    return "; ".join(str(each.get("text", each)) for each in causes)
