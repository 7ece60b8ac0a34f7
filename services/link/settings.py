"""The settings of a service: its block in the router's file, its own file over it, variables over both.

Either file may be missing, and ``${NAME}`` in them is a variable's value. A variable such as
``SWITCHYARD__PROVIDERS__AISTUDIO__RELAY__URLS`` is a value of the block; lists and mappings are JSON there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import Struct

from router import variables
from router.wire import codec

T = TypeVar("T", bound=Struct)
DEFAULT_URL = "ws://127.0.0.1:8317/v1/ws"


class SettingsMistake(Exception):
    """The settings allow no start; the message says where and what."""


class RelaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a service finds its routers. urls: their addresses. key_file: of the service key. ca: PEM file for ``wss://``.
    name: of this service, lower case, the same after each start; empty: the host's."""

    urls: tuple[str, ...] = (DEFAULT_URL,)
    key_file: str = "state/keys/service.key"
    ca: str | None = None
    name: str = ""


def load_block(
    place: tuple[str, ...], environ: Mapping[str, str], *, router_file: Path | None, own_file: Path | None
) -> dict[str, Any]:
    """The values of a service's block, not checked yet. place: of the block in the router's file, such as
    ``("providers", "aistudio")``. Raises `SettingsMistake` for a file that cannot be read, and for a variable that a
    file refers to and that is not set."""
    block: Any = _read(router_file)
    for name in place:
        block = _under(block, name)
    held = merged(_plain(block), _plain(_read(own_file)))  # first, so that nobody misses a variable of what is replaced
    return merged(variables.filled(held, environ, partial(_missing, place)), _from_environ(place, environ))


def _missing(place: tuple[str, ...], path: variables.Path, name: str) -> None:
    at = ".".join(str(step) for step in (*place, *path))
    raise SettingsMistake(f"{at} refers to the environment variable {name}, which is not set")


def checked(values: Mapping[str, Any], kind: type[T], where: str) -> T:
    """Values as `kind`. Raises `SettingsMistake` that names the place."""
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsMistake(f"{where}: {str(error).replace('`$.', '`').replace(' - at `$`', '')}") from None


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`, mapping by mapping; everything else is replaced."""
    result = dict(base)
    for name, value in over.items():
        known = result.get(name)
        both = isinstance(value, Mapping) and isinstance(known, Mapping)
        result[name] = merged(known, value) if both else value  # type: ignore[arg-type]
    return result


def _read(path: Path | None) -> Any:
    if path is None:
        return {}
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsMistake(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise SettingsMistake(f"{path}{line} is no valid YAML") from None


def _plain(value: Any) -> dict[str, Any]:
    return {str(name): item for name, item in value.items()} if isinstance(value, Mapping) else {}


def _under(value: Any, name: str) -> Any:
    """What a mapping has under a name, in which ``-`` and ``_`` are one."""
    found = [item for key, item in _plain(value).items() if key.replace("-", "_") == name]
    return found[0] if found else {}


def _from_environ(place: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, Any]:
    prefix = "__".join(("SWITCHYARD", *place, "")).upper()
    found: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.upper().startswith(prefix):
            continue
        *parents, last = variable[len(prefix) :].lower().split("__")
        at = found
        for name in parents:
            at = at.setdefault(name, {})
        at[last] = _value(text)
    return found


def _value(text: str) -> Any:
    """Lists and mappings as JSON, everything else as it stands."""
    if text[:1] in ("[", "{"):
        try:
            return codec.loads(text)
        except codec.Malformed:
            return text
    return text


class ServiceKey:
    """The service key, read anew whenever it is needed: from a variable, or from a file."""

    VARIABLE = "SWITCHYARD_SERVICE_KEY"

    def __init__(self, file: Path, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ

    def __call__(self) -> str:
        """The key; empty where there is none, which the router will say."""
        given = self._environ.get(self.VARIABLE, "").strip()
        if given:
            return given
        try:
            return self._file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def missing(self) -> str | None:
        """What to do where there is no key, None where there is one."""
        if self():
            return None
        return f"there is no service key: set {self.VARIABLE}, or put it into {self._file}"
