"""The blocks `supervision` and `services`: who looks whether the programs work, and which programs run besides."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from router.settings.block import Block, Name, Seconds, setting

TAKEN = frozenset({"router", "aistudio", "webai", "healthwatch"})


def _words(value: Any) -> Any:
    """A command as one text is split as a shell would, and no shell ever sees it."""
    return shlex.split(value) if isinstance(value, str) else value


def _one_line(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        if not word.isprintable():
            raise ValueError("must not contain line breaks or control characters")
    return words


Command = Annotated[tuple[str, ...], BeforeValidator(_words), Field(min_length=1), AfterValidator(_one_line)]


class OwnService(Block):
    """A program of your own that runs beside the router."""

    name: Name = setting(
        ..., "Its name: of the program, of its log and, with `relay`, of its session.", effect="restart"
    )
    command: Command = setting(
        ...,
        "What to start: a list of words, or one text that is split as a shell would. No shell runs it.",
        effect="restart",
    )
    url: str | None = setting(None, "Its address; `/readyz` there says how it is.", effect="restart")
    relay: bool = setting(
        False, "Whether it connects to the relay under its name: without its session it is not ready.", effect="restart"
    )
    readyz: str | None = setting(
        None, "Where it says whether it is ready. Default: `/readyz` of `url`.", effect="restart"
    )
    stop_seconds: float = setting(
        60.0, "Seconds it gets to stop before it is killed.", effect="restart", ge=0, le=100
    )  # no more than the router may take: `make down` waits for 120 s

    @model_validator(mode="after")
    def _check(self) -> OwnService:
        if self.name in TAKEN:
            raise ValueError(f"{self.name} is the name of a program of ours")
        for address in (self.url, self.readyz):
            if address is not None and not address.startswith(
                ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")
            ):
                raise ValueError("url and readyz must be on this machine, like http://127.0.0.1:9000")
        return self

    @property
    def asked(self) -> str:
        """Where it says how it is, "" where it says nothing."""
        return self.readyz or (f"{self.url.rstrip('/')}/readyz" if self.url is not None else "")


class Supervision(Block):
    """Who asks the programs whether they work, and starts anew what does not."""

    enabled: bool = setting(True, "Whether `healthwatch` runs.", effect="restart")
    port: int = setting(8319, "Port of its health and metrics on loopback.", effect="restart", ge=1, le=65535)
    every: Seconds = setting(20.0, "Seconds between two looks at a program that works.", effect="restart", gt=0)
    again: Seconds = setting(5.0, "Seconds until the next look at one that does not.", effect="restart", gt=0)
    failures: int = setting(
        2, "Looks in a row that must fail before something is done.", effect="restart", ge=1, le=100
    )
    grace: Seconds = setting(20.0, "Seconds after its start for which a program is left alone.", effect="restart")
    most_per_hour: int = setting(6, "Restarts of one program in an hour; then it is only told.", effect="restart", ge=0)
    disk_free: int = setting(
        200,
        "MiB below which the disk of logs and state is told to be full, and old logs are removed. 0: neither.",
        effect="restart",
        ge=0,
    )
