"""What `doctor` looks at of the AI Studio service: environment, browser, display, and whether it is connected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from router import places
from router.cli import service_environment, services
from router.cli.finding import Finding
from router.cli.talk import Place, Refused, Unreachable, manage

ABOUT = services.AISTUDIO
NO_MODELS = "Models of AI Studio do not answer."


def aistudio(place: Place, environ: Mapping[str, str], root: Path = places.ROOT) -> Iterator[Finding]:
    """Everything that the service needs, where the settings turn it on. root: the checkout."""
    block = place.settings.providers.aistudio
    if block is None or not block.enabled:
        return
    if block.service.start:
        python = service_environment.python(root)
        if python is None:
            what = "the environment of the service is not there (.venvs/aistudio)"
            yield Finding("error", ABOUT, what, NO_MODELS, "make browser && make up")
        else:
            yield from _parts(service_environment.look(ABOUT, python, place.config, environ, root))
            yield _process(place)
    yield from _sessions(place)


def _parts(found: Mapping[str, Any]) -> Iterator[Finding]:
    if "problem" in found:
        fix = ".venvs/aistudio/bin/python -m services.aistudio doctor"
        yield Finding("error", ABOUT, found["problem"], "The service does not start.", fix)
        return
    if found["engine"] is None:
        yield Finding("error", ABOUT, f"no browser: {found['reason']}", NO_MODELS, "make browser")
    else:
        yield Finding("ok", ABOUT, f"browser: {found['engine']} ({found['path'] or 'attached'})")
    if found["note"]:
        fix = "make browser CAMOUFOX=1, or name another in providers.aistudio.browser.engine"
        yield Finding("warning", ABOUT, found["note"], "The page may behave differently in it.", fix)
    if found["unconfined"]:
        what = f"Chromium runs without its sandbox: {found['unconfined']}"
        fix = "start the service as a user; in a container: docs/containers.md"
        yield Finding("warning", ABOUT, what, "A page that breaks out of it has the rights of this user.", fix)
    if found["display"] is not None:
        yield Finding("ok", ABOUT, f"sign-ins open a window on {found['display']}")
    elif found["missing"]:
        what = f"no display, and for a virtual one these are missing: {', '.join(found['missing'])}"
        fix = f"apt-get install {' '.join(found['missing'])}, or import a profile: switchyard import file FILE"
        yield Finding("warning", ABOUT, what, "Nobody can sign in here.", fix)
    else:
        yield Finding("ok", ABOUT, "sign-ins open a virtual display, seen through noVNC")


def _process(place: Place) -> Finding:
    which = services.program(place.settings, ABOUT)
    word, why = services.health(which.readyz(place.settings) if which is not None else "", ABOUT)
    if word == "ready":
        return Finding("ok", ABOUT, "the service is ready")
    if word == "no answer":
        return Finding("error", ABOUT, f"the service does not run: {why}", NO_MODELS, "make up")
    return Finding(
        "warning", ABOUT, f"not ready: {why}", NO_MODELS, "switchyard login aistudio, or what the reason says"
    )


def _sessions(place: Place) -> Iterator[Finding]:
    """What the router sees of it."""
    try:
        sessions = manage(place, "/v0/management/relay")["sessions"]
    except (Unreachable, Refused, KeyError, TypeError):
        return  # that no gateway answers is told already
    mine = [each for each in sessions if each["service"] == services.AISTUDIO]
    for each in mine:
        if each["ready"]:
            yield Finding("ok", ABOUT, f"{each['name']} is connected")
        else:
            yield Finding(
                "warning", ABOUT, f"{each['name']} is connected and not ready: {each['cause']}", NO_MODELS,
                "switchyard login aistudio, or what the cause says",
            )  # fmt: skip
    if not mine:
        fix = "make status; scripts/logs.sh aistudio; on another machine: relay.urls and the service key"
        yield Finding("warning", ABOUT, "no service is connected to the gateway", NO_MODELS, fix)
