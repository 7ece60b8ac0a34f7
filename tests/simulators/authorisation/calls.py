"""The requests that the authorisation server has had, and the rules by which it misbehaves."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from urllib.parse import parse_qsl

from tests.simulators.authorisation.faulty import Misbehaviour
from tests.simulators.connection import Request


@dataclass(slots=True)
class Call:
    """One request that arrived. grant: of the token endpoint. status: of the answer, None while or when there was none.
    gone: the client left before it had the answer."""

    sign_in: str
    endpoint: str
    request: Request
    grant: str = ""
    status: int | None = None
    gone: bool = False

    @property
    def fields(self) -> dict[str, str]:
        """The body's fields, whatever the encoding."""
        text = self.request.body.decode()
        return dict(json.loads(text)) if text.startswith("{") else dict(parse_qsl(text, keep_blank_values=True))

    def text(self, name: str) -> str:
        """One field, "" where there is none or the body cannot be read."""
        try:
            return str(self.fields.get(name, ""))
        except ValueError:
            return ""


@dataclass(slots=True)
class Rule:
    """What fitting requests meet: one line of a script, or all of them for ever."""

    remaining: deque[Misbehaviour | None]
    forever: bool
    sign_in: str | None
    endpoint: str | None
    grant: str | None

    def fits(self, call: Call) -> bool:
        """Whether the rule is about this request."""
        wanted = ((self.sign_in, call.sign_in), (self.endpoint, call.endpoint), (self.grant, call.grant))
        return bool(self.remaining) and all(want in (None, have) for want, have in wanted)
