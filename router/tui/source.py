"""Where the terminal's screens get their data: the management API of a running gateway. Standard library only."""

from __future__ import annotations

import http.client
import json
from typing import Any, Protocol

from router.cli.connection import connection_to
from router.secret import Secret

WITHIN = 5.0
PREFIX = "/v0/management"


class Unavailable(Exception):
    """No data; the message says why, and what to do."""


class Source(Protocol):
    """Gives the decoded answer of a management path."""

    def get(self, path: str) -> Any: ...


class HttpSource:
    """A gateway at `address`. key: with the scope viewer or more; the log wants operator."""

    def __init__(self, address: str, key: Secret) -> None:
        self._address = address
        self._key = key

    def get(self, path: str) -> Any:
        """Blocks for at most `WITHIN` seconds per step of the connection. Raises `Unavailable`."""
        connection = connection_to(self._address, WITHIN)
        try:
            connection.request("GET", PREFIX + path, headers={"authorization": f"Bearer {self._key.reveal()}"})
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"no gateway answers at {self._address} ({error}); start it with: make up") from None
        finally:
            connection.close()
        try:
            decoded = json.loads(data)
        except ValueError:
            raise Unavailable(f"{self._address} answers {answer.status} and no JSON") from None
        if answer.status != 200:
            told = decoded.get("error") if isinstance(decoded, dict) else None
            why = told.get("message", "") if isinstance(told, dict) else told or ""
            raise Unavailable(f"the gateway answered {answer.status}: {why}")
        return decoded
