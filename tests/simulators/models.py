"""What the simulated models are: the name chooses the generation, the generation the rules."""

from __future__ import annotations

import re
from dataclasses import dataclass

MODERN_EFFORTS = ("none", "low", "medium", "high", "xhigh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Facts of one model.

    family: who may read its signatures. reasoning: thinks at all. sampling: takes temperature and the like.
    efforts: the levels it knows. enabled / adaptive / off: the forms of Anthropic thinking it takes. prefill: may
    continue an assistant turn. system_turns: takes role system in the middle. forced: takes a forced tool.
    structured: knows output formats. levels: Gemini thinking by level instead of budget. must_sign: refuses calls
    without thought signature. exposes: thinking text appears in Chat (`reasoning_content`, as DeepSeek does).
    """

    family: str
    output: int = 64000
    reasoning: bool = False
    sampling: bool = True
    efforts: tuple[str, ...] = ()
    enabled: bool = False
    adaptive: bool = False
    off: bool = True
    prefill: bool = False
    system_turns: bool = False
    forced: bool = True
    structured: bool = True
    levels: bool = False
    must_sign: bool = False
    exposes: bool = False
    ids: int = 64


CLAUDE_EFFORTS = ("low", "medium", "high", "max")
_TABLES: dict[str, list[tuple[str, Model]]] = {
    "openai": [
        (
            r"gpt-5-(mini|nano)$|gpt-5$",
            Model(
                family="gpt-5",
                output=128000,
                reasoning=True,
                sampling=False,
                efforts=("minimal", "low", "medium", "high"),
            ),
        ),
        (
            r"gpt-[5-9]\.\d",
            Model(family="gpt-5", output=128000, reasoning=True, sampling=False, efforts=MODERN_EFFORTS),
        ),
        (
            r"o[34](-mini)?$",
            Model(family="o", output=100000, reasoning=True, sampling=False, efforts=("low", "medium", "high")),
        ),
        (r"gpt-4\.1|gpt-4o", Model(family="gpt-4", output=32768, ids=40)),
        (r"deepseek-reasoner$", Model(family="deepseek", exposes=True, reasoning=True)),
    ],
    "anthropic": [
        (
            r"claude-(haiku|sonnet|opus)-4-5",
            Model(family="claude-4-5", reasoning=True, enabled=True, prefill=True, efforts=()),
        ),
        (
            r"claude-opus-4-6",
            Model(
                family="claude-4-6",
                output=128000,
                reasoning=True,
                enabled=True,
                adaptive=True,
                efforts=CLAUDE_EFFORTS,
            ),
        ),
        (
            r"claude-sonnet-4-6",
            Model(family="claude-4-6", reasoning=True, enabled=True, adaptive=True, efforts=CLAUDE_EFFORTS),
        ),
        (
            r"claude-opus-4-[78]",
            Model(
                family="claude-4-8",
                output=128000,
                reasoning=True,
                adaptive=True,
                sampling=False,
                efforts=(*CLAUDE_EFFORTS, "xhigh"),
                system_turns=True,
            ),
        ),
        (
            r"claude-sonnet-5$|claude-opus-5$",
            Model(
                family="claude-5",
                output=128000,
                reasoning=True,
                adaptive=True,
                sampling=False,
                efforts=(*CLAUDE_EFFORTS, "xhigh"),
                system_turns=True,
            ),
        ),
        (
            r"claude-(opus|sonnet|haiku)-5-5|claude-fable-5",
            Model(
                family="claude-5-5",
                output=128000,
                reasoning=True,
                adaptive=True,
                sampling=False,
                efforts=(*CLAUDE_EFFORTS, "xhigh"),
                off=False,
                system_turns=True,
                forced=False,
            ),
        ),
    ],
    "gemini": [
        (r"gemini-2\.5-flash", Model(family="gemini-2.5", output=65536, reasoning=True)),
        (r"gemini-2\.5-pro", Model(family="gemini-2.5", output=65536, reasoning=True, off=False)),
        (
            r"gemini-3(\.\d)?-pro",
            Model(
                family="gemini-3",
                output=65536,
                reasoning=True,
                levels=True,
                must_sign=True,
                efforts=("low", "medium", "high"),
                off=False,
            ),
        ),
        (
            r"gemini-3(\.\d)?-flash",
            Model(
                family="gemini-3",
                output=65536,
                reasoning=True,
                levels=True,
                must_sign=True,
                efforts=("minimal", "low", "medium", "high"),
                off=False,
            ),
        ),
    ],
}

LISTED = {
    "openai": ["gpt-4.1", "gpt-5-mini", "gpt-5.2", "text-embedding-3-small", "gpt-image-1", "deepseek-reasoner"],
    "anthropic": ["claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-opus-5", "claude-opus-5-5"],
    "gemini": ["gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-pro", "gemini-3-flash", "gemini-embedding-001"],
}


def find(host: str, name: str) -> Model | None:
    """The facts of a model of `host` (openai, anthropic or gemini), None when there is no such model."""
    for pattern, model in _TABLES[host]:
        if re.match(pattern, name):
            return model
    return None
