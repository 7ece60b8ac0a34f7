"""Blocks of the operator's policies that keys, routes and the whole gateway have in common."""

from __future__ import annotations

import ipaddress
import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, PlainValidator, model_validator

from router.settings.block import Block, Texts, setting
from router.wire import json_paths
from router.wire.conversation import EFFORTS, Effort


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        try:
            ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            raise ValueError(
                f"has {text!r}, which is no address and no network; write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32"
            ) from None
    return value


Networks = Annotated[Texts, AfterValidator(_networks)]
"""Addresses and networks, IPv4 or IPv6; a single text counts as a list of one."""


class Ips(Block):
    """Where calls of models may come from. Management has rules of its own (`auth.management`)."""

    allow: Networks = setting((), "Addresses and networks that calls may come from; empty: from anywhere.")
    deny: Networks = setting((), "Addresses and networks that calls may not come from, whatever `allow` says.")
    trusted_proxies: Networks = setting(
        (),
        "Proxies whose `X-Forwarded-For` is believed: a call through one counts as from the last address in it that is "
        "no such proxy. From anybody else the header means nothing.",
    )


class SystemPrompt(Block):
    """Words of the operator around the caller's own system prompt."""

    prepend: str = setting("", "Text before the caller's own system prompt.", max_length=65_536)
    append: str = setting("", "Text behind the caller's own system prompt.", max_length=65_536)


def _amount(value: Any) -> Any:
    """An effort or tokens. From the environment, numbers come as texts."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if value is None or value in EFFORTS or (type(value) is int and 0 <= value <= _MOST_TOKENS):
        return value
    raise ValueError(f"must be an effort ({', '.join(EFFORTS)}) or a number of tokens from 0 to {_MOST_TOKENS}")


_MOST_TOKENS = 1_000_000
ThinkingAmount = Annotated[Effort | int | None, PlainValidator(_amount)]
"""A named effort, or a number of tokens."""
ThinkingMode = Annotated[
    Literal["passthrough", "off", "fixed", "adaptive"],
    BeforeValidator(lambda value: "off" if value is False else value),  # as YAML reads a bare off
]


class Thinking(Block):
    """How much models may think."""

    mode: ThinkingMode = setting(
        "passthrough",
        "Whose word counts: the caller's (with `default` and `max`), nobody's (no thinking), always `default`, or the "
        "model's own.",
    )
    default: ThinkingAmount = setting(
        None,
        "An effort such as `low`, or tokens: what is asked for where the caller says nothing, or always (`fixed`).",
    )
    max: ThinkingAmount = setting(
        None, "An effort or tokens: the most that a caller may ask for. One who says nothing is not touched by it."
    )

    @model_validator(mode="after")
    def _fits(self) -> Thinking:
        if self.mode == "fixed" and self.default is None:
            raise ValueError("with mode fixed needs default: how much to think")
        if self.mode in ("off", "adaptive") and (self.default is not None or self.max is not None):
            raise ValueError(f"with mode {self.mode} takes neither default nor max, which would mean nothing")
        if self.mode == "fixed" and self.max is not None:
            raise ValueError("with mode fixed takes no max, which would mean nothing")
        return self


_OUT_OF_REACH = frozenset({"model", "stream", "stream_options", "streamOptions"})
_MOST_BYTES = 65_536
_DIALECTS = ("chat", "responses", "messages", "gemini")


def _path(text: str) -> None:
    first = json_paths.parse(text)[0]
    if first in _OUT_OF_REACH:
        raise ValueError(f"names {first}, which routing and accounting rest on; models.aliases can rename models")


def _paths(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        _path(text)
    return value


def _values(value: dict[str, Any]) -> dict[str, Any]:
    for text, each in value.items():
        _path(text)
        try:
            size = len(json.dumps(each, allow_nan=False))
        except (TypeError, ValueError):
            raise ValueError(f"has a value at {text} that is no JSON; put dates and times in quotes") from None
        if size > _MOST_BYTES:
            raise ValueError(f"has a value at {text} of {size} bytes; {_MOST_BYTES} is the most")
    return value


def _dialects(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        if text not in _DIALECTS:
            raise ValueError(f"has {text!r}, which is no dialect; there are {', '.join(_DIALECTS)}")
    return value


Dialects = Annotated[Texts, AfterValidator(_dialects)]
Payload = Annotated[dict[str, Any], AfterValidator(_values)]
PayloadPaths = Annotated[Texts, AfterValidator(_paths)]


class Housekeeping(Block):
    """Calls that clients make for themselves, and that this gateway can answer without a model."""

    titles: bool = setting(
        False, "Whether Claude Code's calls for a session's title get its first words, instead of a model's answer."
    )
    topics: bool = setting(
        False, "Whether its calls that ask if a message begins a new topic get a yes, and the message's first words."
    )
    quota_probes: bool = setting(
        False, "Whether its calls that only see whether there is an answer (`quota`, one token) are answered."
    )
    count_probes: bool = setting(
        False, "Whether its calls that only read their tokens off an answer (`count`, one token) get an estimate."
    )
    warmups: bool = setting(False, "Whether its calls that only warm up a helper (`Warmup`) are answered.")


class PayloadWhen(Block):
    """Which attempts a rule for payloads is for, beside its models. What is empty is no condition."""

    providers: Texts = setting((), "Providers that are asked.")
    dialects: Dialects = setting((), "What the provider is spoken to in: `chat`, `responses`, `messages`, `gemini`.")
    keys: Texts = setting((), "Names of client keys.")
    stream: bool | None = setting(None, "Whether the caller wants a stream; not given: both.")


class PayloadRule(Block):
    """Values at places of the bodies that providers get."""

    models: Texts = setting((), "Models as patterns, by the name that was asked for or the provider's. Empty: all.")
    when: PayloadWhen = setting(PayloadWhen(), "Further conditions.")
    default: Payload = setting(
        {}, "Path to value: set where the body has none. `generationConfig.topK`, `tools[0].name`."
    )
    override: Payload = setting({}, "Path to value: set whatever the body has.")
    remove: PayloadPaths = setting((), "Paths that are taken out, before anything is set.")

    @model_validator(mode="after")
    def _does_something(self) -> PayloadRule:
        if not (self.default or self.override or self.remove):
            raise ValueError("changes nothing; give default, override or remove")
        return self
