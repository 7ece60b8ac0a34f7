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


RULES: tuple[Rule, ...] = (Rule(r".", r"\[none\] None => ''$(?<=\bnever\b)", "placeholder that matches nothing"),)


def reason_for(mutant: Mutant) -> str | None:
    """Why this mutant cannot be told from the original, None where it can."""
    text = f"{mutant.scope} [{mutant.kind}] {mutant.before} => {mutant.after}"
    for rule in RULES:
        if re.search(rule.path, mutant.path) and re.search(rule.text, text):
            return rule.reason
    return None
