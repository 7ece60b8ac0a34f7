"""What healthwatch goes by: the block `supervision` of the router's settings, and where each program says how it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from services.link.beside import ROOT, address, certificate, router_file
from services.link.settings import SettingsMistake, checked, load_block


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The block `supervision`, as `router.settings.processes.Supervision` describes it. Seconds; disk_free: MiB."""

    enabled: bool = True
    port: int = 8319
    every: float = 30.0
    again: float = 5.0
    failures: int = 2
    grace: float = 20.0
    most_per_hour: int = 6
    disk_free: int = 200


class Watched(Struct, frozen=True):
    """A program. address: where its `/healthz` and `/readyz` are, "" where it is not asked. healthz: whether it has
    one; a program of the operator's own need not. readyz: the whole address of the latter."""

    name: str
    address: str = ""
    healthz: bool = True
    readyz: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """Everything. state, logs: folders whose disk is looked at."""

    rules: Rules
    programs: tuple[Watched, ...]
    state: Path
    logs: Path
    socket: str


def plan(config: Path | None, environ: Mapping[str, str] = os.environ, root: Path = ROOT) -> Plan:
    """From the router's file and variables. Raises `SettingsMistake`."""
    file = router_file(config, environ, root)

    def block(*place: str) -> dict[str, Any]:
        return load_block(place, environ, router_file=file, own_file=None)

    server, studio, web = block("server"), block("providers", "aistudio"), block("providers", "webai")
    programs = [
        Watched("router", f"{'https' if certificate(server) else 'http'}://{address(server)}"),
        Watched("aistudio", f"http://127.0.0.1:{studio.get('health_port', 8318)}"),
        Watched("webai", f"http://127.0.0.1:{web.get('port', 8406)}"),
        *_own(file, environ),
    ]
    return Plan(
        rules=checked(block("supervision"), Rules, "supervision"),
        programs=tuple(programs),
        state=root / Path(str(server.get("state_dir", "state"))).expanduser(),
        logs=root / "logs",
        socket="state/run/supervisor.sock",
    )


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
            programs.append(Watched(str(entry["name"]), healthz=False, readyz=readyz))
    return programs
