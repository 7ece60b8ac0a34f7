"""Mutants that no test can or should notice, each with its reason. They are left out of the score.

A rule is a path (a regular expression), a regular expression for ``scope [kind] before => after``, and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scripts.mutation.mutants import Mutant


@dataclass(frozen=True)
class Rule:
    path: str
    text: str
    reason: str


RULES: tuple[Rule, ...] = (
    Rule(r"/sse\.py", r"^(_whole_frames|Splitter\.feed) .*(self\._first and|_first => |b'\\r' not in chunk|whole is)",
         "guards of the short way: the long way gives the same frames, only slower"),
    Rule(r"/sse\.py", r"^parse .*(raw\.count|raw\.startswith|raw\.endswith|b'\\r' not in raw)",
         "guards of the short way: the long way gives the same frames, only slower"),
    Rule(r"/sse\.py", r"self\._scanned = |\[number\] .*(64 => 65|1024 => 1025)",
         "where a search begins again, and a bound of 64 MiB: nothing depends on the byte"),
    Rule(r"stream_reader\.py", r"_(fast_text|quick) \[string\] '(text_delta|role)'",
         "the short way declines, the long way gives the same events"),
    Rule(r"/names\.py", r"made_up_call_id \[string\] '/'", "inside a hash: any separator will do"),
    Rule(r"/codec\.py", r"without ensure_ascii", "True is json's own default"),
    Rule(r"/openai_errors\.py|/gemini/faults\.py", r"4102444800\.0", "a point in the far future: the second is free"),
)  # fmt: skip


def reason_for(mutant: Mutant) -> str | None:
    """Why this mutant cannot be told from the original, None where it can."""
    text = f"{mutant.scope} [{mutant.kind}] {mutant.before} => {mutant.after}"
    for rule in RULES:
        if re.search(rule.path, mutant.path) and re.search(rule.text, text):
            return rule.reason
    return None
