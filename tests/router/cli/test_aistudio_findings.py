"""What `doctor` says of the AI Studio service, over stand-ins for its program and for the gateway."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.cli import service_environment
from router.cli.aistudio_findings import aistudio
from router.cli.finding import Finding
from router.cli.talk import Place
from tests.ports import free_port
from tests.router.cli.test_verbs import READY, Answers, gateway, place

__all__ = ["gateway", "place"]
GOOD = {
    "engine": "chromium",
    "path": "/usr/bin/chromium",
    "note": "",
    "reason": "",
    "display": ":1",
    "missing": [],
    "unconfined": "",
}
SESSION = {"name": "desk", "service": "aistudio", "ready": True, "cause": None}
Find = Callable[..., list[Finding]]


@pytest.fixture
def find(tmp_path: Path, place: Callable[..., Place], gateway: Callable[[Answers], int]) -> Find:
    """The findings where the service's program prints `said`, or is the script `said`. sessions: what the gateway shows
    of the relay. ready: what the service's health endpoint answers, None where there is none."""

    def look(
        said: dict[str, Any] | str | None, sessions: list[Any], ready: tuple[int, Any] | None, more: str = ""
    ) -> Any:
        if said is not None:
            script = said if isinstance(said, str) else f"cat <<'END'\n{json.dumps(said)}\nEND\n"
            python = tmp_path / service_environment.PLACE
            python.parent.mkdir(parents=True)
            python.write_text(f"#!/bin/sh\n{script}")
            python.chmod(0o700)
        port = gateway({"/readyz": ready}) if ready is not None else free_port()
        here = gateway({**READY, "/v0/management/relay": (200, {"sessions": sessions})})
        block = f"providers: {{aistudio: {{health_port: {port}{more}}}}}\n"
        return list(aistudio(place(here, block), os.environ, tmp_path))

    return look


def levels(found: list[Finding]) -> list[str]:
    assert all(each.why and each.fix for each in found if each.level != "ok")
    return [each.level for each in found]


def test_a_service_that_is_well_is_well(find: Find) -> None:
    found = find(GOOD, [SESSION], (200, {"causes": []}))
    assert levels(found) == ["ok"] * 4
    assert found[0].what == "browser: chromium (/usr/bin/chromium)" and found[1].what.endswith("on :1")


def test_a_missing_environment_and_a_missing_service_are_told(find: Find) -> None:
    found = find(None, [], None)
    assert levels(found) == ["error", "warning"]
    assert "make browser" in found[0].fix and "no service is connected" in found[1].what


def test_a_missing_browser_and_a_missing_display_are_told(find: Find) -> None:
    said = {**GOOD, "engine": None, "path": None, "reason": "No Chromium.", "display": None, "missing": ["xvfb"]}
    found = find(said, [], None)
    assert levels(found) == ["error", "warning", "error", "warning"]
    assert "No Chromium." in found[0].what and "apt-get install xvfb" in found[1].fix and "make up" in found[2].fix


def test_a_browser_that_gave_way_and_a_service_that_needs_a_person_are_told(find: Find) -> None:
    said = {**GOOD, "note": "browser.type prefers Camoufox", "display": None}
    session = {**SESSION, "ready": False, "cause": "no profile"}
    found = find(said, [session], (503, {"causes": [{"text": "no profile"}]}))
    assert levels(found) == ["ok", "warning", "ok", "warning", "warning"]
    assert "noVNC" in found[2].what and "no profile" in found[3].what and "no profile" in found[4].what


def test_a_program_that_fails_says_how(find: Find) -> None:
    found = find("echo 'aistudio: wrong' >&2\nexit 2\n", [SESSION], (200, {"causes": []}))
    assert levels(found) == ["error", "ok", "ok"] and "aistudio: wrong" in found[0].what


def test_a_service_of_another_machine_is_looked_for_at_the_gateway_alone(find: Find) -> None:
    found = find(None, [SESSION], None, ", service: {start: false}")
    assert levels(found) == ["ok"] and found[0].what == "desk is connected"


def test_nothing_is_said_where_it_is_off(place: Callable[..., Place], tmp_path: Path) -> None:
    assert list(aistudio(place(free_port()), os.environ, tmp_path)) == []
