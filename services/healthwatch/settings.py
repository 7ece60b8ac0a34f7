"""What healthwatch goes by: the block `supervision` of the router's settings, and where each program says how it is."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from router.secret import Secret
from services.link.alive import base
from services.link.beside import ROOT, address, certificate, relay_defaults, router_file
from services.link.names import host_name
from services.link.settings import SettingsMistake, checked, load_block

CLOSES = 25.0
"""Seconds beyond its own time to drain that a program takes to end; the router's parent kills its child a little
earlier."""


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The block `supervision`, as `router.settings.processes.Supervision` describes it. Seconds; disk_free: MiB."""

    enabled: bool = True
    port: int = 8319
    every: float = 20.0
    again: float = 5.0
    failures: int = 2
    grace: float = 20.0
    most_per_hour: int = 6
    disk_free: int = 200


class Watched(Struct, frozen=True):
    """A program. address: where its `/healthz` and `/readyz` are, "" where it is not asked. healthz: whether it has
    one; a program of the operator's own need not. readyz: the whole address of the latter. session: the name
    that it should have at the router's relay, "" where it has none there. drains: seconds that it may take to end in
    order, for a part of which it may refuse connections. signs_in: seconds that a person has to sign in."""

    name: str
    address: str = ""
    healthz: bool = True
    readyz: str = ""
    session: str = ""
    drains: float = 0.0
    signs_in: float = 0.0


class Plan(Struct, frozen=True, kw_only=True):
    """Everything. state, logs: folders whose disk is looked at. key: the management key of the settings, None
    where a generated one counts."""

    rules: Rules
    programs: tuple[Watched, ...]
    state: Path
    logs: Path
    socket: str
    key: Secret | None = None


def plan(config: Path | None, environ: Mapping[str, str] = os.environ, root: Path = ROOT) -> Plan:
    """From the router's file and variables. Raises `SettingsMistake`."""
    file = router_file(config, environ, root)

    def block(*place: str) -> dict[str, Any]:
        return load_block(place, environ, router_file=file, own_file=None)

    server, studio, web = block("server"), block("providers", "aistudio"), block("providers", "webai")
    own_studio, own_web = (_with_own_file(name, file, environ, root) for name in ("aistudio", "webai"))
    programs = [
        Watched(
            "router",
            f"{'https' if certificate(server) else 'http'}://{address(server)}",
            drains=_seconds(server, "timeouts", "drain", default=30.0) + CLOSES,
        ),
        Watched(
            "aistudio",
            base("aistudio", studio),
            session=_session(server, own_studio),
            signs_in=_seconds(own_studio or {}, "login", "deadline", default=600.0),
        ),
        Watched(
            "webai",
            base("webai", web),
            drains=_seconds(own_web or {}, "timeouts", "drain", default=25.0) + CLOSES,
        ),
        *_own(file, environ),
    ]
    return Plan(
        rules=checked(block("supervision"), Rules, "supervision"),
        programs=tuple(programs),
        state=root / Path(str(server.get("state_dir", "state"))).expanduser(),
        logs=Path("logs"),  # of supervisord, which started this program: as its socket
        socket="state/run/supervisor.sock",
        key=Secret(str(given)) if (given := block("auth", "management").get("key")) else None,
    )


def _with_own_file(name: str, file: Path, environ: Mapping[str, str], root: Path) -> dict[str, Any] | None:
    """The block of a service, with its own file over it; None where that cannot be read, as the service itself says."""
    try:
        return load_block(("providers", name), environ, router_file=file, own_file=root / "config" / f"{name}.yaml")
    except SettingsMistake:
        return None


def _seconds(block: Mapping[str, Any], inner: str, name: str, *, default: float) -> float:
    """Of an inner block; the default too for what its owner will not take."""
    found = block.get(inner)
    try:
        given = float(found[name]) if isinstance(found, Mapping) else default
    except (KeyError, TypeError, ValueError):
        return default
    return given if 0 <= given < math.inf else default


def _session(server: Mapping[str, Any], studio: Mapping[str, Any] | None) -> str:
    """The name under which the AI Studio service is at this router's relay, "" where it goes to others only. studio:
    its block, None where it cannot be read."""
    if studio is None:
        return ""
    relay = studio.get("relay")
    given = relay if isinstance(relay, Mapping) else {}
    here, urls = relay_defaults(server)["urls"], given.get("urls")
    if urls and not set(here) & set(urls):
        return ""
    return str(given.get("name") or host_name("aistudio"))


def _own(file: Path, environ: Mapping[str, str]) -> list[Watched]:
    """The programs of `services`. Raises `SettingsMistake`."""
    import yaml

    try:
        found = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("services") or []
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError) as error:
        raise SettingsMistake(f"{file} cannot be read: {type(error).__name__}") from None
    programs: list[Watched] = []
    for entry in found if isinstance(found, list) else []:
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
            url = str(entry.get("url") or "").rstrip("/")
            readyz = str(entry.get("readyz") or (f"{url}/readyz" if url else ""))
            name = str(entry["name"])
            programs.append(
                Watched(name, healthz=False, readyz=readyz, session=name if entry.get("relay") is True else "")
            )
    return programs
