"""A stand-in page and the real service core before it, in a real browser; skipped with a reason without one."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.aistudio import memory
from services.aistudio import settings as settings_module
from services.aistudio.profiles import Profiles
from services.aistudio.service import AIStudio, Told
from tests.simulators.aistudio_page import Studio

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed here"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
FAST = {"control": 2.0, "ready": 10.0, "first": 10.0, "idle": 5.0, "wire": 1.0, "stop": 0.8}

Start = Callable[..., Any]


class Later:
    """The time of the event loop, and `ahead` seconds more."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead


async def until(holds: Callable[[], Any], within: float = 40.0) -> None:
    """Wait for something that tells nobody when it is done. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    async with Studio() as running:
        yield running


@pytest.fixture
def start(studio: Studio, tmp_path: Path) -> Start:
    """Start a service for accounts; changes go over the settings of a test. now: a clock of the test's own."""

    @asynccontextmanager
    async def started(*accounts: str, now: Later | None = None, **changes: Any) -> AsyncIterator[AIStudio]:
        profiles = Profiles(tmp_path / "auth_profiles")
        for account in accounts or ("ann",):
            profiles.save(account, studio.storage_state(account))
        block: dict[str, Any] = {
            "profiles": str(tmp_path / "auth_profiles"),
            "url": studio.page_url,
            "keep_fresh": 0,
            **changes,
            "timeouts": {**FAST, **changes.get("timeouts", {})},
            "browser": {"engine": "chromium", "max_instances": 1, **changes.get("browser", {})},
        }
        service = AIStudio(
            settings_module.read(block),
            profiles=profiles,
            wall=time.time,
            chance=random.Random(1),
            now=now,
            logs=tmp_path / "logs",
        )
        try:
            yield service
        finally:
            await service.close()

    return started


def told_of(pid: int, what: str) -> bytes:
    """A file of /proc; nothing where the process has just ended."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


def browsers() -> list[int]:
    """The Chromium processes below this one that are no helpers of another."""
    found = []
    for pid in memory.descendants(os.getpid()):
        words = told_of(pid, "cmdline").split(b"\0")
        if b"chromium" in words[0] and not any(word.startswith(b"--type=") for word in words):
            found.append(pid)
    return found


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


async def ask(service: AIStudio, given: dict[str, Any] | str, model: str = "gemini-2.5-flash") -> list[dict[str, Any]]:
    """All objects of a streamed answer."""
    return (await told(service, given, model))[0]


async def told(
    service: AIStudio, given: dict[str, Any] | str, model: str = "gemini-2.5-flash"
) -> tuple[list[dict[str, Any]], Told]:
    about = Told()
    asked = body(given) if isinstance(given, str) else given
    async with asyncio.timeout(60):
        return [each async for each in service.stream(model, asked, about)], about


def parts(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for each in objects for part in each["candidates"][0]["content"]["parts"]]


def text(objects: list[dict[str, Any]], *, thought: bool = False) -> str:
    return "".join(part.get("text", "") for part in parts(objects) if bool(part.get("thought")) is thought)


def calls(objects: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    found = [part["functionCall"] for part in parts(objects) if "functionCall" in part]
    return [(call["name"], call["args"]) for call in found]
