"""What `doctor` says of the WebAI service, over stand-ins for its program and its endpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.cli import findings, service_environment
from router.cli.finding import Finding
from router.cli.talk import Place
from router.cli.webai_findings import FOR, webai
from services.webai import extras
from tests.ports import free_port
from tests.router.cli.test_verbs import Answers, gateway, place

__all__ = ["gateway", "place"]
GOOD: dict[str, Any] = {
    "installed": {"gemini-webapi": "1.0", "g4f": None, "browser-cookie3": None},
    "accounts": ["work"],
    "key": True,
}
OURS = {"/healthz": (200, {"name": "webai"}), "/readyz": (200, {"causes": []})}
Find = Callable[..., list[Finding]]


@pytest.fixture
def find(tmp_path: Path, place: Callable[..., Place], gateway: Callable[[Answers], int]) -> Find:
    """The findings where the service's program prints `said`, or is the script `said`. answers: those of what listens
    on its port, None where nothing does. more: of its block in the settings."""

    def look(said: dict[str, Any] | str | None, answers: Any = None, more: str = "") -> list[Finding]:
        if said is not None:
            script = said if isinstance(said, str) else f"cat <<'END'\n{json.dumps(said)}\nEND\n"
            python = tmp_path / service_environment.PLACES["webai"]
            python.parent.mkdir(parents=True)
            python.write_text(f"#!/bin/sh\n{script}")
            python.chmod(0o700)
        port = gateway(answers) if answers is not None else free_port()
        block = f"providers: {{webai: {{enabled: true, port: {port}{more.replace('PORT', str(port))}}}}}\n"
        return list(webai(place(free_port(), block), os.environ, tmp_path))

    return look


def wrong(found: list[Finding]) -> list[Finding]:
    """What is not well; each says why and how it is put right."""
    bad = [each for each in found if each.level != "ok"]
    assert all(each.why and each.fix for each in bad)
    return bad


def test_a_service_that_is_well_is_well(find: Find) -> None:
    found = find(GOOD, OURS)
    assert wrong(found) == []
    assert [each.what for each in found][:2] == [
        "gemini-webapi 1.0 (AGPL-3.0) asks Gemini's web page",
        "g4f (GPL-3.0) is not installed, and not needed: it asks the free providers of gpt4free",
    ]


def test_a_missing_environment_and_a_missing_service_are_told(find: Find) -> None:
    environment, process = wrong(find(None))
    assert environment.level == "error" and "make webai" in environment.fix
    assert "nothing answers" in process.what and "make up" in process.fix


def test_missing_packages_are_told_with_the_command_that_keeps_those_that_are_there(find: Find) -> None:
    (free,) = wrong(find(GOOD, OURS, ", fallback: {enabled: true, chains: {'*': [A/b]}}"))
    assert free.level == "warning" and "g4f (GPL-3.0)" in free.what and 'EXTRAS="gemini g4f"' in free.fix


def test_without_the_package_of_the_page_it_is_an_error(find: Find) -> None:
    none = {**GOOD, "installed": dict.fromkeys(FOR)}
    (page,) = wrong(find(none, OURS))
    assert page.level == "error" and "gemini-webapi" in page.what


def test_missing_cookies_and_a_missing_key_are_told(find: Find) -> None:
    cookies, key = wrong(find({**GOOD, "accounts": [], "key": False}, OURS))
    assert "switchyard login webai" in cookies.fix and "service key" in key.what


def test_settings_that_ask_nobody_are_told(find: Find) -> None:
    (both,) = wrong(find(GOOD, OURS, ", gemini: {enabled: false}"))
    assert "both off" in both.what


def test_a_fallback_that_names_nobody_is_told(find: Find) -> None:
    said = {**GOOD, "installed": {**GOOD["installed"], "g4f": "1"}}
    (empty,) = wrong(find(said, OURS, ", fallback: {enabled: true}"))
    assert "chains" in empty.what and "chains" in empty.fix


def test_another_program_on_its_port_is_told(find: Find) -> None:
    (taken,) = wrong(find(GOOD, {"/": (200, {})}))
    assert taken.level == "error" and "something else answers" in taken.what and f"process {os.getpid()}" in taken.what


def test_a_service_that_needs_a_person_says_so(find: Find) -> None:
    causes = {"causes": [{"cause": "no_account", "text": "work needs new cookies"}]}
    (needs,) = wrong(find(GOOD, {**OURS, "/readyz": (503, causes)}))
    assert "work needs new cookies" in needs.what and "switchyard login webai" in needs.fix


def test_a_program_that_fails_says_how(find: Find) -> None:
    (failed,) = wrong(find("echo 'providers.webai: wrong' >&2\nexit 2\n", OURS))
    assert "providers.webai: wrong" in failed.what


def test_a_service_elsewhere_is_asked_there_alone(find: Find) -> None:
    elsewhere = ", service: {start: false}, endpoint: 'http://127.0.0.1:PORT'"
    (found,) = find(None, None, elsewhere)
    assert "nothing answers" in found.what and "endpoint" in found.fix


def test_nothing_is_said_where_it_is_off(place: Callable[..., Place], tmp_path: Path) -> None:
    assert list(webai(place(free_port()), os.environ, tmp_path)) == []


def test_doctor_looks_at_it_and_names_the_licences_as_the_service_does() -> None:
    assert webai in findings.CHECKS
    assert {name: licence for name, (_, licence, _) in FOR.items()} == dict(extras.LICENCES)
    assert {name: f"make webai EXTRAS={extra}" for name, (extra, _, _) in FOR.items()} == dict(extras.HOW)
