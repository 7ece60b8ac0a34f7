"""What a router learns from the frames of one session. Values only."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from router.faults import Fault
from router.relay.protocol.frames import Frame
from router.relay.protocol.messages import AuthStatus, Head, Status


class Headed(Struct, frozen=True):
    """The answer of a call begins."""

    id: str
    head: Head


class Arrived(Struct, frozen=True):
    """A piece of a body. size: what `RouterSide.taken` is told when the piece has been read."""

    id: str
    data: bytes
    size: int


class Ended(Struct, frozen=True):
    """The answer is complete."""

    id: str


class Failed(Struct, frozen=True):
    """The call failed: the service said so, or broke the rules. stop: tell the service to stop working on it."""

    id: str
    fault: Fault
    stop: bool = False


class Told(Struct, frozen=True):
    """The service says how it is."""

    status: Status


class Authenticating(Struct, frozen=True):
    """A sign-in goes on. id: of its request."""

    id: str
    status: AuthStatus


class Leaving(Struct, frozen=True):
    """The service takes no new calls and will close the session when it has finished the open ones."""


class Answer(Struct, frozen=True):
    """A frame to send back."""

    frame: Frame


News: TypeAlias = Headed | Arrived | Ended | Failed | Told | Authenticating | Leaving | Answer
