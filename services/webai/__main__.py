"""``python -m services.webai [serve | doctor]``: the WebAI service."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path

from router.tasks import Tasks
from services.link import logs
from services.link.beat import HANGS, beat
from services.link.names import host_name
from services.link.settings import SettingsMistake
from services.webai import extras, free
from services.webai.accounts import Accounts
from services.webai.announce import Announcer
from services.webai.app import App
from services.webai.beside import Beside, announce_urls, load
from services.webai.gemini_package import Package
from services.webai.server import listen, serve_app
from services.webai.service import WebAI

_log = logging.getLogger("switchyard.webai")
VERSION = "0.1.0"


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 wrong settings."""
    given = _parser().parse_args(arguments)
    serves = given.command == "serve"
    logs.configure(given.log_level, given.log_format, None if serves else sys.stderr, queued=serves)
    try:
        beside = load(given.router_config, given.config)
        return doctor(beside) if given.command == "doctor" else asyncio.run(serve(beside, given.hangs))
    except SettingsMistake as error:
        sys.stderr.write(f"{error}\n")
        return 2


async def serve(beside: Beside, hangs: float) -> int:
    """Serve until SIGTERM or SIGINT, then finish what is open. hangs: seconds, as for `beat`."""
    settings, stopping = beside.settings, asyncio.Event()
    announcers: list[Announcer] = []

    def changed() -> None:
        for each in announcers:
            each.changed()

    try:
        listening = listen(settings.host, settings.port)
    except OSError as error:
        _log.error("port %d on %s cannot be used: %s", settings.port, settings.host, error.strerror)
        return 1
    port = listening.getsockname()[1]
    accounts = Accounts(beside.profiles, beside.vault, time.time, changed)
    service = WebAI(settings, accounts, Package(), free.Worker(settings.fallback), time.time, changed)
    app = App(service, beside.key, time.time, VERSION)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    _say_start(beside, port)
    name = settings.relay.name or host_name("webai")
    endpoint = f"http://{_address(settings.host)}:{port}"

    def told() -> dict[str, object]:
        ready, causes = app.readiness()
        return {
            "service": "webai",
            "name": name,
            "version": VERSION,
            "endpoint": endpoint,
            "models": service.models(),
            "ready": ready,
            "causes": [each["text"] for each in causes],
            "capacity": service.capacity,
            "busy": service.busy,
            "accounts": accounts.told() if service.gemini else [],
            "leaving": False,
        }

    if settings.endpoint is None:  # else the router knows the way, and asks by itself
        announcers += [
            Announcer(url, beside.keys, told, settings.relay.ca) for url in announce_urls(settings.relay.urls)
        ]
    background, ended = Tasks("webai-main"), asyncio.Event()
    server = background.spawn(serve_app(app, listening, ended), "http")
    server.add_done_callback(lambda _: stopping.set())
    background.spawn(beat(hangs), "beat")
    await service.start()
    for each in announcers:
        each.start(background)
    await stopping.wait()
    failed = server.done()
    _log.info("stopping")
    app.draining = True
    await asyncio.gather(*(each.leave() for each in announcers), _drained(app, settings.timeouts.drain))
    ended.set()
    await asyncio.wait([server], timeout=5)
    await app.calls.close()
    await service.close()
    await background.close()
    return 1 if failed else 0


def doctor(beside: Beside) -> int:
    """Print which packages are here, which accounts, and what the settings ask for; starts nothing."""
    found = extras.installed()
    accounts = Accounts(beside.profiles, beside.vault, time.time, lambda: None)
    report = {
        "port": beside.settings.port,
        "installed": found,
        "missing": [extras.missing(name) for name, version in found.items() if version is None],
        "accounts": accounts.names(),
        "key": beside.settings.api_key is not None or beside.service_key.missing is None,
        "fallback": beside.settings.fallback.enabled,
        "tools": beside.settings.tools,
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0


async def _drained(app: App, most: float) -> None:
    """Until open calls have ended; those that are left after `most` seconds are cut."""
    try:
        async with asyncio.timeout(most):
            await app.calls.over()
    except TimeoutError:
        _log.warning("%d calls are cut", len(app.calls))


def _say_start(beside: Beside, port: int) -> None:
    settings, found = beside.settings, extras.installed()
    _log.info("listening on %s:%d", settings.host, port)
    for name, version in found.items():
        _log.info("%s: %s", name, version or f"not installed ({extras.HOW[name]})")
    needed = {extras.GEMINI: settings.gemini.enabled, extras.FREE: settings.fallback.enabled}
    for name, wanted in needed.items():
        if wanted and found[name] is None:
            _log.warning("%s", extras.missing(name))
    if settings.api_key is None and beside.service_key.missing:
        _log.warning("%s", beside.service_key.missing)


def _address(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared only
    return f"[{host}]" if ":" in host else host


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.webai", description=__doc__)
    parser.add_argument("command", nargs="?", default="serve", choices=("serve", "doctor"))
    parser.add_argument("--config", type=Path, help="a file of this service's own (config/webai.yaml)")
    parser.add_argument("--router-config", type=Path, help="the router's file (config/config.yaml)")
    parser.add_argument(
        "--hangs", type=float, default=HANGS, help="seconds without a turn of its own loop after which it ends itself"
    )
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--log-format", default="text", choices=("text", "json"))
    return parser


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
