"""A Gemini request as what has to be done on the page. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from router.faults import bad_request
from router.wire.gemini.fields import message
from services.aistudio.panel import Panel, panel_of, under
from services.aistudio.turns import Upload, flat, turns

_PREFIX, _SUFFIX = "ai-studio-", "-aistudio"
_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,99}$")


class Job(Struct, frozen=True, kw_only=True):
    """One request. prompt: everything that was said, for a fresh chat; last: the last turn alone.

    before: a digest of the turns before the last, None where the page could not continue from them.
    notes: what cannot be applied, by its name in the request."""

    model: str
    prompt: str
    last: str
    panel: Panel
    uploads: tuple[Upload, ...] = ()
    thoughts: bool = False
    before: str | None = None
    digest: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)


def model_name(name: str) -> str:
    """AI Studio's own name. Raises `Fault` bad_request for what cannot be one."""
    bare = name.removeprefix("models/").removeprefix(_PREFIX)
    bare = bare[: -len(_SUFFIX)] if bare.endswith(_SUFFIX) else bare
    if not _NAME.match(bare):
        raise bad_request(f'model: "{name[:100]}" is no name of a model of AI Studio.', "model")
    return bare


def read(model: str, body: Mapping[str, Any]) -> Job:
    """Raises `Fault` bad_request that names the JSON path."""
    asked = message(dict(body), "")
    said = turns(asked.get("contents"))
    notes: list[str] = []
    config = under(asked, "generationConfig", "generationConfig")
    settings = panel_of(asked, config, notes)
    thinking = under(config, "thinkingConfig", "generationConfig.thinkingConfig")
    plain = all(not turn.called and not turn.uploads for turn in said)
    return Job(
        model=model_name(model),
        prompt=flat(said),
        last=said[-1].text,
        panel=settings,
        uploads=tuple(each for turn in said for each in turn.uploads),
        thoughts=thinking.get("includeThoughts") is True,
        before=digest([(turn.role, turn.text) for turn in said[:-1]], settings) if plain and len(said) > 1 else None,
        digest=digest([(turn.role, turn.text) for turn in said], settings),
        notes=tuple(dict.fromkeys(notes)),
    )


def digest(turns: list[tuple[str, str]], panel: Panel) -> str:
    """Of a conversation and the system instruction over it: by this a page knows whether it can go on with it."""
    return hashlib.sha256(json.dumps([panel.system, turns]).encode("utf-8", "surrogatepass")).hexdigest()


def extended(before: list[tuple[str, str]], text: str, panel: Panel) -> str:
    """The digest once the model has answered `text`."""
    return digest([*before, ("model", text)], panel)


def turns_of(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Role and text of every turn, as `digest` takes them."""
    return [(turn.role, turn.text) for turn in turns(body.get("contents"))]
