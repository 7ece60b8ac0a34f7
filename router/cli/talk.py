"""Talking to the running gateway from the command line: where it is, with which key, and what it answers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router import places
from router.cli.connection import connection_to, is_here
from router.server.product import CannotPrepare, read_settings
from router.settings.schema import Settings

_UNKNOWN: Mapping[str, Any] = {"parent": None, "started": None, "scheme": "http", "addresses": []}
"""What stands for facts that a serving process of another version did not write."""


class Unreachable(Exception):
    """No gateway answers; the message says where and what to do."""


class Refused(Exception):
    """The gateway answered with an error; the message is its own, and `facts` what else it says (``code``)."""

    def __init__(self, message: str, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.facts = facts or {}


@dataclass(frozen=True)
class Place:
    """One installation as the command line sees it. `problem` says why the settings cannot be read, if they cannot."""

    settings: Settings
    config: Path
    state_dir: Path
    problem: str | None = None

    @property
    def process(self) -> dict[str, Any] | None:
        """What the serving process wrote about itself, if that process is alive. Raises `PermissionError` where it may
        not be read: then nobody knows whether it runs."""
        try:
            facts: dict[str, Any] = json.loads((places.run_dir(self.state_dir) / "router.json").read_text())
            with contextlib.suppress(PermissionError):  # it is alive, and another user's
                os.kill(facts["pid"], 0)
        except PermissionError:
            raise
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return {**_UNKNOWN, **facts}

    def address(self) -> tuple[str, str, int]:
        """Scheme, host and port to call: those of the running process, else those of the settings."""
        facts, server = self.process, self.settings.server
        if facts is not None and facts["addresses"]:
            host, port = facts["addresses"][0]
            return facts["scheme"], callable_host(host), port
        return ("https" if server.tls.cert else "http"), callable_host(server.host), server.port

    def key(self, name: str) -> str | None:
        """A generated key, or the management key of the settings."""
        if name == "management" and self.settings.auth.management.key is not None:
            return self.settings.auth.management.key.reveal()
        with contextlib.suppress(OSError):
            return places.key_file(self.state_dir, name).read_text().strip()
        return None


def find_place(config: str | None = None, environ: Mapping[str, str] | None = None) -> Place:
    """The installation of this checkout. Broken settings give the defaults and a `problem`."""
    environ = os.environ if environ is None else environ
    path = places.config_path(config, environ)
    try:
        settings = read_settings(path, environ, named=config is not None).settings
    except CannotPrepare as error:
        state = places.in_checkout(environ.get(places.STATE_VARIABLE, "state"))
        return Place(Settings(), path, state, str(error))
    return Place(settings, path, places.in_checkout(settings.server.state_dir))


def callable_host(host: str) -> str:
    """The address to call where `host` is the one to listen on."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host.strip("[]"))  # noqa: S104  compared only


def url(scheme: str, host: str, port: int) -> str:
    """A base URL; IPv6 addresses get their brackets."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def key_stays(place: Place, address: str) -> str | None:
    """Why no key of this installation is sent to `address` unasked: it is of another machine. None where it may be."""
    own = url(*place.address())
    if address == own or is_here(address):
        return None
    return f"{address} is not the gateway of this installation ({own}): name the file of its key with --key-file"


def fetch(
    place: Place,
    path: str,
    *,
    key: str | None = None,
    timeout: float = 5.0,
    method: str = "GET",
    body: Mapping[str, Any] | None = None,
) -> tuple[int, Any]:
    """Status and decoded answer. body: sent as JSON. Raises `Unreachable`."""
    scheme, host, port = place.address()
    connection = connection_to(url(scheme, host, port), timeout, ours=True)  # found by its own file
    try:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            headers["content-type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"no gateway answers at {url(scheme, host, port)} ({error}). Start it with `make up` or `switchyard serve`."
        ) from error
    finally:
        connection.close()
    try:
        return answer.status, json.loads(data)
    except ValueError:
        return answer.status, data.decode("utf-8", "replace")


def manage(place: Place, path: str) -> Any:
    """The answer of a management route. Raises `Unreachable` and `Refused`."""
    return request(place, "GET", path)


def request(
    place: Place, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout: float = 15.0
) -> Any:
    """The answer of a management route to any method. body: sent as JSON. Raises `Unreachable` and `Refused`."""
    status, answer = fetch(place, path, key=place.key("management"), timeout=timeout, method=method, body=body)
    if status == 200:
        return answer
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    facts = error if isinstance(error, dict) else {}
    raise Refused(f"the gateway answered {status}: {facts.get('message', error)}", facts)
