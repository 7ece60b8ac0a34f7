"""What `doctor` looks at of the WebAI service: environment, optional packages, accounts, port, and what it answers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from router import places
from router.cli import service_environment, services
from router.cli.finding import Finding
from router.cli.talk import Place
from router.server.listen import port_holder
from router.settings.provider_blocks import WebAI

ABOUT = services.WEBAI
NO_MODELS = "Models of WebAI do not answer."
LOGIN = "switchyard login webai --label NAME"
GEMINI, FREE, BROWSER = "gemini-webapi", "g4f", "browser-cookie3"
FOR: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        GEMINI: ("gemini", "AGPL-3.0", "asks Gemini's web page"),
        FREE: ("g4f", "GPL-3.0", "asks the free providers of gpt4free"),
        BROWSER: ("browser", "LGPL-3.0", "reads cookies out of a browser, when asked"),
    }
)
"""Extra of `make webai`, licence, and what it is for, by package."""


def webai(place: Place, environ: Mapping[str, str], root: Path = places.ROOT) -> Iterator[Finding]:
    """Everything that the service needs, where the settings turn it on. root: the checkout."""
    block = place.settings.providers.webai
    if block is None or not block.enabled:
        return
    if block.service.start:
        python = service_environment.python(root, ABOUT)
        if python is None:
            what = "the environment of the service is not there (.venvs/webai)"
            yield Finding("error", ABOUT, what, NO_MODELS, "make webai EXTRAS=gemini && make up")
        else:
            yield from _parts(service_environment.look(ABOUT, python, place.config, environ, root), block)
        yield _process(block)
    elif block.endpoint is not None:
        yield _answering(block.endpoint.rstrip("/"), "start the service there, or correct providers.webai.endpoint")


def _parts(found: Mapping[str, Any], block: WebAI) -> Iterator[Finding]:
    if "problem" in found:
        fix = ".venvs/webai/bin/python -m services.webai doctor"
        yield Finding("error", ABOUT, found["problem"], "The service does not start.", fix)
        return
    installed: Mapping[str, str | None] = found["installed"]
    needs = {GEMINI: block.gemini.enabled, FREE: block.fallback.enabled, BROWSER: block.gemini.browser is not None}
    chosen = [FOR[name][0] for name, version in installed.items() if version is not None]
    for name, (extra, licence, purpose) in FOR.items():
        if installed.get(name) is not None:
            yield Finding("ok", ABOUT, f"{name} {installed[name]} ({licence}) {purpose}")
        elif needs[name]:
            what = f"{name} ({licence}) is not installed, and the settings want it: it {purpose}"
            fix = f'make webai EXTRAS="{" ".join([*chosen, extra])}" && make restart NAME=webai'
            yield Finding("error" if name == GEMINI else "warning", ABOUT, what, _MISSED[name], fix)
        else:
            yield Finding("ok", ABOUT, f"{name} ({licence}) is not installed, and not needed: it {purpose}")
    if not block.gemini.enabled and not block.fallback.enabled:
        what = "gemini.enabled and fallback.enabled are both off"
        yield Finding("error", ABOUT, what, NO_MODELS, "Set one of them, or providers.webai.enabled: false")
    if block.fallback.enabled and not block.fallback.chains:
        why = "gpt4free is never asked."
        fix = "Set providers.webai.fallback.chains; docs/webai.md"
        yield Finding("warning", ABOUT, "the fallback is on and its chains name no provider", why, fix)
    if block.gemini.enabled and not found["accounts"] and not block.gemini.accounts:
        yield Finding(
            "warning", ABOUT, "there are no cookies of an account", "Gemini's web page does not answer.", LOGIN
        )
    if not found["key"]:
        why = "Every call to the service is refused."
        yield Finding("error", ABOUT, "there is no service key", why, "make up, which makes one")


_MISSED: Mapping[str, str] = MappingProxyType(
    {
        GEMINI: "Gemini's web page does not answer.",
        FREE: "Where the page cannot answer, nothing else is asked.",
        BROWSER: "No cookies are read out of the browser that gemini.browser names.",
    }
)


def _process(block: WebAI) -> Finding:
    return _answering(f"http://127.0.0.1:{block.port}", "make up; the log: scripts/logs.sh webai", block.port)


def _answering(base: str, start: str, port: int | None = None) -> Finding:
    """What the service says at an address. start: how it is started. port: where it should listen here."""
    identity = _said(f"{base}/healthz")
    holder = port_holder(port) if port is not None else None
    if identity is None and holder is None:
        return Finding("error", ABOUT, f"nothing answers at {base}", NO_MODELS, start)
    if not isinstance(identity, dict) or identity.get("name") != ABOUT:
        what = f"something else answers at {base}" + (f": {holder}" if holder else "")
        fix = "Stop it, or choose another address (providers.webai.port or endpoint); then: make up"
        return Finding("error", ABOUT, what, f"The service cannot be reached. {NO_MODELS}", fix)
    word, why = services.health(f"{base}/readyz", ABOUT)
    if word == "ready":
        return Finding("ok", ABOUT, f"the service is ready at {base}" + (f"; {why}" if why else ""))
    return Finding("warning", ABOUT, f"not ready: {why}", NO_MODELS, f"{LOGIN}, or what the reason says")


def _said(address: str) -> Any:
    """The decoded answer, the status where it is no JSON, None where nothing answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=3) as answer:
            return json.loads(answer.read(1024 * 1024))
    except urllib.error.HTTPError as error:
        return error.code
    except ValueError:
        return ""
    except OSError:
        return None
