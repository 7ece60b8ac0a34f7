"""`python -m services.aistudio`: the service as a program. Every other command does one thing and ends."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from router.faults import Fault
from router.relay.protocol.messages import Hello
from router.tasks import Tasks
from services.aistudio import display, memory, on_demand
from services.aistudio.beside import Beside, forget_secrets, load
from services.aistudio.engines import NoEngine
from services.aistudio.handler import Relayed, status_of
from services.aistudio.login import Logins, Progress
from services.aistudio.metrics import exposition
from services.aistudio.profiles import ProfileError, Profiles, profiles_of
from services.aistudio.selectors import SelectorsError
from services.aistudio.selfcheck import selfcheck
from services.aistudio.service import AIStudio
from services.aistudio.settings import SettingsError
from services.link import logs
from services.link.beat import HANGS, beat
from services.link.beside import ROOT
from services.link.client import Link
from services.link.dialling import Dialler
from services.link.health import Cause, health_server
from services.link.names import host_name
from services.link.settings import ServiceKey, SettingsMistake

_log = logging.getLogger("switchyard.aistudio")
VERSION = "0.1.0"
DRAIN = 25.0
"""Seconds that open answers get at the end."""
HUNG_DRAIN = 3.0
"""Seconds for saving sessions where the pages are stuck or the browser hangs."""
LOOK = 2.0
"""Seconds after which a change is found that nobody tells of."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 wrong settings."""
    given = _parser().parse_args(arguments)
    # What the other commands print is for programs.
    serves = given.command == "serve"
    logs.configure(given.log_level, given.log_format, None if serves else sys.stderr, queued=serves)
    try:
        beside = load(given.router_config, given.config)
        forget_secrets(os.environ)
        return asyncio.run(_COMMANDS[given.command](beside, given))
    except (SettingsError, SettingsMistake, SelectorsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (Fault, ProfileError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _service(beside: Beside, given: argparse.Namespace, changed: Any = lambda: None) -> AIStudio:
    return AIStudio(
        beside.settings,
        profiles=profiles_of(beside.settings, beside.vault),
        wall=time.time,
        chance=random.SystemRandom(),
        changed=changed,
        logs=given.logs,
    )


async def serve(beside: Beside, given: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = beside.settings
    news, stopping = asyncio.Event(), asyncio.Event()
    service = _service(beside, given, news.set)
    chance = random.SystemRandom()
    programs = on_demand.programs(os.environ, ROOT)
    if programs is not None:
        await asyncio.to_thread(programs.end)  # what an earlier run that was killed has left
    browsers = service.pool.browsers
    logins = Logins(settings, service.selectors, service.profiles, browsers, chance, programs=programs)
    if problem := display.cookie_problem(os.environ):
        _log.warning("%s", problem)
    key = ServiceKey(Path(settings.relay.key_file), beside.environ)
    if key.missing:
        _log.warning("%s", key.missing)
    hello = Hello(
        service="aistudio",
        name=settings.relay.name or host_name("aistudio"),
        version=VERSION,
        capacity=settings.browser.max_instances,
        capabilities=("sticky",) if settings.continue_conversations else (),
        profiles=status_of(service).profiles or (),
    )
    ca = Path(settings.relay.ca) if settings.relay.ca else None
    dialler = Dialler(key, f"switchyard-aistudio/{VERSION}", ca)
    link = Link(settings.relay.urls, dialler, hello, Relayed(service, logins), chance)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    background = Tasks("aistudio")
    async with health_server(
        "aistudio",
        VERSION,
        lambda: causes(service, link.connected, logins.open),
        settings.health_port,
        settings.health_host,
        pages={"/metrics": lambda: exposition(service.status())},
    ):
        running = background.spawn(link.run(), "link")
        background.spawn(beat(given.hangs), "beat")
        background.spawn(_tell(service, link, news), "status")
        await service.start()
        await stopping.wait()
        hung = service.hung()
        _log.info("stopping%s", f" at once: {'; '.join(hung.values())}" if hung else "")
        await link.stop(0 if hung else DRAIN)
        await asyncio.wait([running], timeout=1 if hung else 5)
        await background.close()
        if hung:
            await _close_hung(service)
        else:
            await service.close()
    return 0


async def _close_hung(service: AIStudio) -> None:
    """Save what still answers, and end the browser whatever it does, so that the next start need not wait for it."""
    ours = memory.descendants(os.getpid())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HUNG_DRAIN):
            await service.close()
    for pid in ours:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


async def _tell(service: AIStudio, link: Link, news: asyncio.Event) -> None:
    """Say how the service is after every change; changes that come together are told together. What changes from
    outside (a profile that another program has brought) is looked for."""
    told = None
    while True:
        status = status_of(service)
        if status != told:
            await link.tell(status)
            told = status
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await news.wait()
        news.clear()


def causes(service: AIStudio, routers: int, signing_in: bool = False) -> list[Cause]:
    """Why the service cannot do its job; starting it anew helps where its pages are stuck or its browser hangs, and
    with nothing else. signing_in: a person is, so that it must not be started anew now, and is not said to be stuck."""
    hung = {} if signing_in else service.hung()
    found = [Cause(cause=cause, text=text, restart_helps=True) for cause, text in hung.items()]
    if signing_in:
        found.append(Cause(cause="sign_in", text="A person is signing in.", blocking=False))
    found += [Cause(cause="not_ready", text=text) for text in service.ready()]
    if service.pool.browsers.note:
        found.append(Cause(cause="browser", text=service.pool.browsers.note, blocking=False))
    if not routers:
        found.append(Cause(cause="no_router", text="No router has welcomed this service yet (relay.urls)."))
    return found


async def check(beside: Beside, given: argparse.Namespace) -> int:
    """Open the page and print which controls are found."""
    service = _service(beside, given)
    try:
        report = await selfcheck(service.pool, service.selectors, given.profile)
    finally:
        await service.close()
    sys.stdout.write(json.dumps(to_builtins(report), indent=2) + "\n")
    return 0 if report.good else 1


async def take_over(beside: Beside, given: argparse.Namespace) -> int:
    """Make a profile of a file with cookies or a whole storage state."""
    if given.file is None:
        raise SettingsMistake("import needs a file: cookies or a storage state as JSON")
    name = given.profile or "default"
    Profiles(beside.settings.profiles, beside.vault).import_file(name, given.file)
    sys.stdout.write(f'The profile "{name}" is saved; selfcheck --profile {name} says whether it is signed in.\n')
    return 0


async def login(beside: Beside, given: argparse.Namespace) -> int:
    """Sign in from the command line, without a router."""

    async def tell(progress: Progress) -> None:
        sys.stdout.write(f"{progress.message}\n")
        sys.stdout.flush()

    service = _service(beside, given)
    logins = Logins(beside.settings, service.selectors, service.profiles, service.pool.browsers, random.SystemRandom())
    try:
        return 0 if await logins.sign_in(given.profile or "default", None, tell) else 1
    finally:
        await service.close()


async def doctor(beside: Beside, given: argparse.Namespace) -> int:
    """Print which browser would run and where a sign-in would open its window; starts nothing."""
    browsers = _service(beside, given).pool.browsers
    choice = None
    with contextlib.suppress(NoEngine):
        choice = browsers.check()
    own = display.own_display(beside.settings.login, os.environ)
    report = {
        "engine": choice.engine if choice is not None else None,
        "path": choice.path if choice is not None else None,
        "note": browsers.note,
        "reason": browsers.reason,
        "unconfined": browsers.confined(choice).why if choice is not None else "",
        "display": (own.display or "the session's display") if own is not None else None,
        "missing": display.missing_programs(beside.settings.login),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0 if choice is not None else 1


_COMMANDS = {"serve": serve, "selfcheck": check, "import": take_over, "login": login, "doctor": doctor}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.aistudio", description=__doc__)
    parser.add_argument("command", nargs="?", default="serve", choices=sorted(_COMMANDS))
    parser.add_argument("file", nargs="?", type=Path, help="for import: cookies or a storage state as JSON")
    parser.add_argument("--config", type=Path, help="a file of this service's own (config/aistudio.yaml)")
    parser.add_argument("--router-config", type=Path, help="the router's file (config/config.yaml)")
    parser.add_argument(
        "--logs", type=Path, default=ROOT / "logs", help="folder for the logs of Xvfb, x11vnc and noVNC"
    )
    parser.add_argument("--profile", help="which account (default)")
    parser.add_argument(
        "--hangs", type=float, default=HANGS, help="seconds without a turn of its own loop after which it ends itself"
    )
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--log-format", default="text", choices=("text", "json"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
