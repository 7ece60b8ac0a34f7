"""What is asked of a source, and what it answers: the values between the surfaces and Gemini or gpt4free."""

from __future__ import annotations

from msgspec import Struct, field


class Attachment(Struct, frozen=True):
    """A file or picture that came with a request. name: safe as the name of a file, and its ending fits the type."""

    data: bytes
    mime: str
    name: str


class Turn(Struct, frozen=True):
    """One message of the conversation in words. role: system, user or assistant."""

    role: str
    text: str


class Conversation(Struct, frozen=True):
    """A chat in somebody's account that can go on. metadata: the page's own ids for it."""

    account: str
    model: str
    metadata: tuple[str | None, ...]


class Ask(Struct, frozen=True, kw_only=True):
    """One call. turns: all of them, the last is the newest. files: of the turns that are sent.

    keep: leave the chat in the history, so that it can go on. going: the chat that goes on; only what came after the
    last answer is sent then."""

    model: str
    turns: tuple[Turn, ...]
    files: tuple[Attachment, ...] = ()
    keep: bool = False
    going: Conversation | None = None
    thinking: bool = False
    gem: str | None = None

    @property
    def new(self) -> tuple[Turn, ...]:
        """The turns after the last answer."""
        last = max((place for place, turn in enumerate(self.turns) if turn.role == "assistant"), default=-1)
        return self.turns[last + 1 :]

    @property
    def prompt(self) -> str:
        """What the page is told: it has one box for everything."""
        if self.going is not None:
            return "\n\n".join(turn.text for turn in self.new if turn.text)
        if len(self.turns) == 1:
            return self.turns[0].text
        return _told(self.turns)


class Picture(Struct, frozen=True):
    """A picture of an answer. data: empty where only its address is known."""

    data: bytes
    mime: str
    url: str = ""
    alt: str = ""


class Piece(Struct, frozen=True, kw_only=True):
    """What is new in an answer."""

    text: str = ""
    thinking: str = ""
    picture: Picture | None = None

    @property
    def empty(self) -> bool:
        return not (self.text or self.thinking or self.picture)


class Told(Struct):
    """What a source says of an answer besides its pieces; filled in while it comes.

    served_by: `gemini-web/<account>` or `gpt4free/<provider>`. model: the name that the source has for it."""

    served_by: str = ""
    model: str = ""
    notes: list[str] = field(default_factory=list)
    conversation: Conversation | None = None
    exact: str | None = None
    """The whole text, where the pieces together are not: the source rewrote what it had given."""

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)


_NAMES = {"system": "Instructions", "user": "User", "assistant": "Assistant"}


def _told(turns: tuple[Turn, ...]) -> str:
    """A conversation as one text: instructions first, then who said what."""
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system" and turn.text)
    others = [turn for turn in turns if turn.role != "system" and turn.text]
    if len(others) == 1:
        return f"{system}\n\n{others[0].text}" if system else others[0].text
    parts = [f"[{_NAMES['system']}]\n{system}"] if system else []
    parts += [f"[{_NAMES[turn.role]}]\n{turn.text}" for turn in others]
    if others and others[-1].role == "user":
        parts.append("Answer the last message of the user.")
    return "\n\n".join(parts)
