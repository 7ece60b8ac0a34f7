"""What healthwatch goes by: the block `supervision` of the router's settings, and where each program says how it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from router.secret import Secret
from services.link.beside import ROOT, address, certificate, relay_defaults, router_file
from services.link.names import host_name
from services.link.settings import SettingsMistake, checked, load_block


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
    that it should have at the router's relay, "" where it has none there."""

    name: str
    address: str = ""
    healthz: bool = True
    readyz: str = ""
    session: str = ""


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
    programs = [
        Watched("router", f"{'https' if certificate(server) else 'http'}://{address(server)}"),
        Watched(
            "aistudio",
            f"http://127.0.0.1:{studio.get('health_port', 8318)}",
            session=_session(server, file, environ, root),
        ),
        Watched("webai", f"http://127.0.0.1:{web.get('port', 8406)}"),
        *_own(file, environ),
    ]
    return Plan(
        rules=checked(block("supervision"), Rules, "supervision"),
        programs=tuple(programs),
        state=root / Path(str(server.get("state_dir", "state"))).expanduser(),
        logs=root / "logs",
        socket="state/run/supervisor.sock",
        key=Secret(str(given)) if (given := block("auth", "management").get("key")) else None,
    )


def _session(server: Mapping[str, Any], file: Path, environ: Mapping[str, str], root: Path) -> str:
    """The name under which the AI Studio service is at this router's relay, "" where it goes to others only."""
    own = root / "config" / "aistudio.yaml"
    try:
        relay = load_block(("providers", "aistudio"), environ, router_file=file, own_file=own).get("relay")
    except SettingsMistake:  # the service itself says so
        return ""
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
