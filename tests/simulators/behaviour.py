"""The simulated model's mind: the last user text directs it, so that every test can foretell the answer.

Words anywhere in the last user text (upper case): `TOOLS a,b` or `TOOLS 2` calls tools, `TOOLS a THEN b` in two steps;
`THINK` thinks where thinking is allowed, with `REDACTED` unreadably (Anthropic); `JSON` and the like are not needed: a
schema in the request is obeyed; `LONG n` gives n words, `GAP ms` between them; `REFUSE` refuses, `BLOCKED` without a
word; `LENGTH` cuts (with TOOLS: in the middle of the call); `STOPAT x` writes text that runs into `x`; `SYSTEM`,
`MEDIA`, `TURNS`, `WHO` report what arrived; `HALVES` cuts surrogate pairs; `BREAK n` sends an error after n events of a
stream. Everything else is echoed.
"""

from __future__ import annotations

import json
import re

from tests.simulators import values
from tests.simulators.prompt import Answer, Call, Prompt, Usage

PREFACE = "Let me look that up. 👩‍🚀 "
THOUGHT = "The user wants: "
REFUSAL = "I can't help with that."


def tokens(text: str) -> int:
    """Deterministic tokens of a text: one for every four bytes, at least one."""
    return max(1, -(-len(text.encode("utf-8", "replace")) // 4))


def answer(prompt: Prompt) -> Answer:
    """What the model answers."""
    thought = _thinks(prompt)
    thinking = f"{THOUGHT}{prompt.said[:80]} — weigh it carefully. 🤔" if thought else ""
    calls = _calls(prompt)
    text, finish, stop = _text(prompt, calls), "tools" if calls else "end", None
    if _word(prompt, "REFUSE"):
        text, calls, finish = REFUSAL, (), "refusal"
    elif _word(prompt, "BLOCKED"):
        text, calls, finish = "", (), "refusal"
    elif _word(prompt, "LENGTH"):
        finish = "length"
        if calls:
            calls = (*calls[:-1], _halved(calls[-1]))
        else:
            text = text[: max(1, len(text) // 2)]
    elif prompt.limit is not None and tokens(text) > prompt.limit:
        text, calls, finish = text[: prompt.limit * 4], (), "length"
    text = text.removeprefix(prompt.begun)
    text, met = _stopped(text, prompt.stops)
    if met is not None:
        calls, finish, stop = (), "stop", met
    gap = float(_argument(prompt, "GAP", r"(\d+)") or 0) / 1000
    usage = _usage(prompt, thinking, text, calls)
    words = tuple(_fragments(text, 7))
    broken = _argument(prompt, "BREAK", r"(\d+)")
    breaks = None if broken is None else int(broken)
    return Answer(thinking, thought, words, calls, finish, usage, stop, gap, _word(prompt, "HALVES"), breaks)


def counted(prompt: Prompt) -> int:
    """The tokens of a request, by which usage and the counting endpoints agree."""
    declared = json.dumps(dict(prompt.tools), sort_keys=True, ensure_ascii=False) if prompt.tools else ""
    return tokens(prompt.everything) + (tokens(declared) if declared else 0) + 258 * len(prompt.media)


def _usage(prompt: Prompt, thinking: str, text: str, calls: tuple[Call, ...]) -> Usage:
    total = counted(prompt)
    cached = total // 4 if prompt.answered else 0
    written = total // 8 if prompt.marked else 0
    reasoning = tokens(thinking) if thinking else 0
    output = reasoning + (tokens(text) if text else 0) + sum(tokens(call.name + call.arguments) for call in calls)
    return Usage(total, max(1, output), cached, written, reasoning)


def _thinks(prompt: Prompt) -> bool:
    return prompt.thinks and (prompt.always_thinks or _word(prompt, "THINK"))


def _word(prompt: Prompt, word: str) -> bool:
    return re.search(rf"\b{word}\b", prompt.said) is not None


def _argument(prompt: Prompt, word: str, pattern: str) -> str | None:
    found = re.search(rf"\b{word} {pattern}", prompt.said)
    return found.group(1) if found else None


def _calls(prompt: Prompt) -> tuple[Call, ...]:
    if prompt.forced == "-" or not prompt.tools:
        return ()
    wanted = _wanted(prompt)
    if not wanted and prompt.forced:
        wanted = [next(iter(prompt.tools)) if prompt.forced == "*" else prompt.forced]
    if prompt.forced not in ("", "*"):
        wanted = [name for name in wanted if name == prompt.forced] or [prompt.forced]
    if not prompt.parallel:
        wanted = wanted[:1]
    return tuple(_call(prompt, name, number) for number, name in enumerate(wanted))


def _wanted(prompt: Prompt) -> list[str]:
    asked = _argument(prompt, "TOOLS", r"([\w,.:-]+(?: THEN [\w,.:-]+)*)")
    if asked is None:
        return []
    steps = asked.split(" THEN ")
    if prompt.steps >= len(steps):
        return []
    step = steps[prompt.steps]
    if step.isdigit():
        return list(prompt.tools)[: int(step)]
    return [name for name in step.rstrip(".,:").split(",") if name in prompt.tools]


def _call(prompt: Prompt, name: str, number: int) -> Call:
    if name in prompt.free_text:
        return Call(name, f"free text for {name} 😀\nsecond line")
    arguments = values.example(prompt.tools[name] or {"type": "object"}, name)
    if isinstance(arguments, dict) and "number" in arguments:
        arguments["number"] = number
    return Call(name, json.dumps(arguments if isinstance(arguments, dict) else {}, ensure_ascii=False))


def _halved(call: Call) -> Call:
    return Call(call.name, call.arguments[: len(call.arguments) // 2], whole=False)


def _text(prompt: Prompt, calls: tuple[Call, ...]) -> str:
    if calls:
        return PREFACE
    if prompt.results:
        return "Results: " + "; ".join(
            f"{one.name or one.call_id} {'failed with' if one.failed else 'gave'} {one.text}" for one in prompt.results
        )
    if prompt.schema is not None:
        return json.dumps(values.example(prompt.schema), ensure_ascii=False)
    if prompt.wants_json:
        return json.dumps({"said": prompt.said}, ensure_ascii=False)
    return _report(prompt)


def _report(prompt: Prompt) -> str:
    if (count := _argument(prompt, "LONG", r"(\d+)")) is not None:
        return "".join(f"word-{number:06d} " for number in range(int(count)))
    if (sequence := _argument(prompt, "STOPAT", r"(\S+)")) is not None:
        return f"Before the end {sequence} after the end"
    reports = {
        "SYSTEM": f"System: {prompt.system}",
        "MEDIA": "Media: " + ", ".join(prompt.media),
        "TURNS": f"Turns: {prompt.turns}",
        "WHO": f"Model: {prompt.model}",
        "LENGTH": "This sentence will be cut off somewhere before it reaches its end.",
    }
    for word, text in reports.items():
        if _word(prompt, word):
            return text
    return f"You said: {prompt.said} (naïve café, 日本語, 👩‍🚀🎉)"


def _stopped(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    places = [(text.find(stop), stop) for stop in stops if stop in text]
    if not places:
        return text, None
    place, stop = min(places)
    return text[:place], stop


def _fragments(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def fragments(text: str, count: int = 3) -> list[str]:
    """A text in `count` pieces or fewer: how arguments and thinking arrive."""
    return _fragments(text, max(1, -(-len(text) // count)))
