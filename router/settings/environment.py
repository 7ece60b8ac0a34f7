"""What the environment says: nested overrides, ``${NAME}`` in the file, and keys that are picked up by themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from router.secret import Secret
from router.settings.block import address_problem
from router.settings.document import Document
from router.settings.mistakes import Mistake, Path, dotted, nearest
from router.settings.presets import Preset
from router.settings.secrets import unsendable
from router.variables import filled

PREFIX = "SWITCHYARD__"
CLIENT_KEY_PREFIX = "sk-sy-"
PASSWORD = "MANAGEMENT_PASSWORD"  # noqa: S105  the name of a variable
MANAGEMENT_KEY = "SWITCHYARD__AUTH__MANAGEMENT__KEY"
SHORTEST_PASSWORD = 16
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  compared, never bound

BUILT_IN_VARIABLES: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "openai": (("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
    "anthropic": (("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"),
    "gemini": (("GEMINI_API_KEY", "GOOGLE_API_KEY"), "GOOGLE_GEMINI_BASE_URL"),
}
"""Provider -> variables of its key, the first that is set counts, and of its address (used only with that key)."""


def with_password(document: Document, environ: Mapping[str, str]) -> Mapping[str, str]:
    """``MANAGEMENT_PASSWORD``, as platforms for containers have it, as the management key; our own variable wins."""
    password = environ.get(PASSWORD, "").strip()
    if not password or environ.get(MANAGEMENT_KEY):
        return environ
    if len(password) < SHORTEST_PASSWORD:
        document.mistakes.append(
            Mistake(
                path=PASSWORD,
                problem=f"is shorter than {SHORTEST_PASSWORD} characters; whoever guesses it manages this gateway",
                line=None,
                remedy="Take a longer one, or leave it out: `make up` makes a key.",
            )
        )
        return environ
    return {**environ, MANAGEMENT_KEY: password}


def overlay(document: Document, environ: Mapping[str, str]) -> dict[Path, str]:
    """Put ``SWITCHYARD__SERVER__PORT=…`` over the file's values. Returns which path each variable has set."""
    origins: dict[Path, str] = {}
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX):
            continue
        steps = [step.lower() for step in name[len(PREFIX) :].split("__")]
        if not all(steps):
            document.mistakes.append(
                Mistake(path="", problem="has an empty part", source=name, remedy=f"Write {PREFIX}SERVER__PORT.")
            )
            continue
        path = _put(document.values, steps, _value(environ[name]))
        if path is None:
            problem = "cannot be set there: a part of the path is not a mapping or no entry of the list"
            document.mistakes.append(Mistake(path=".".join(steps), problem=problem, source=name))
        else:
            origins[path] = name
    return origins


def _value(text: str) -> Any:
    """Lists and mappings are JSON; everything else stays a text, which the schema converts."""
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _put(values: Any, steps: list[str], value: Any) -> Path | None:
    path: Path = ()
    for at, step in enumerate(steps):
        last = at == len(steps) - 1
        if isinstance(values, list):
            if not step.isdigit() or int(step) > len(values):
                return None
            index = int(step)
            if index == len(values):
                values.append({})
            path = (*path, index)
            if last:
                values[index] = value
            values = values[index]
        elif isinstance(values, dict):
            key = next((key for key in values if key.replace("-", "_") == step), step)
            path = (*path, key)
            if last:
                values[key] = value
            elif values.get(key) is None:
                values[key] = [] if steps[at + 1].isdigit() else {}
            values = values[key]
        else:
            return None
    return path


def interpolate(document: Document, environ: Mapping[str, str]) -> None:
    """Replace ``${NAME}`` and ``${NAME:-default}`` in every text of the file; ``$${`` stands for ``${``."""

    def missing(path: Path, name: str) -> None:
        document.mistakes.append(
            Mistake(
                path=dotted(path),
                problem=f"refers to the environment variable {name}, which is not set",
                line=document.line(path),
                nearest=nearest(name, environ) if name.isupper() else None,
                remedy=f"Set it, or write ${{{name}:-default}}.",
            )
        )

    document.values = filled(document.values, environ, missing)


class PickedUp(Struct, frozen=True):
    """A provider's key from the environment. variable: where the key stands. base_url: only where given beside it."""

    variable: str
    key: Secret
    base_url: str | None = None


def pick_up(
    environ: Mapping[str, str], presets: Mapping[str, Preset], port: int
) -> tuple[Mapping[str, PickedUp], tuple[str, ...]]:
    """Provider id -> key found in its usual variable, and remarks on what was passed over.

    A client key of this gateway, and an address that is this gateway (its port on loopback), are passed over: people
    set ``ANTHROPIC_API_KEY`` and ``ANTHROPIC_BASE_URL`` for their clients, and the router must not call itself.
    """
    found: dict[str, PickedUp] = {}
    remarks: list[str] = []
    variables = dict(BUILT_IN_VARIABLES) | {name: (preset.env, None) for name, preset in presets.items() if preset.env}
    for provider, (keys, address) in variables.items():
        variable = next((name for name in keys if environ.get(name, "").strip()), None)
        if variable is None:
            continue
        key = environ[variable].strip()
        if key.startswith(CLIENT_KEY_PREFIX):
            remarks.append(f"{variable} holds a client key of this gateway and is not used as a key for {provider}.")
            continue
        wrong = unsendable(key)
        if wrong is not None:
            remarks.append(f"{variable} {wrong} and is not used as a key for {provider}.")
            continue
        base = environ.get(address, "").strip().rstrip("/") if address is not None else ""
        if base and _is_this_gateway(base, port):
            remarks.append(f"{address} points at this gateway and is not used as the address of {provider}.")
            base = ""
        problem = address_problem(base) if base else None
        if problem is not None:
            remarks.append(f"{address} is not used as the address of {provider}: it {problem}.")
            base = ""
        found[provider] = PickedUp(variable, Secret(key), base or None)
    return found, tuple(remarks)


def _is_this_gateway(url: str, port: int) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.port
    except ValueError:
        return False
    return parts.hostname in _LOOPBACK and (named or (443 if parts.scheme == "https" else 80)) == port
