"""How users and data files name sets of models: exactly, by glob, or by regular expression."""

from __future__ import annotations

import re

from msgspec import Struct

_REGEX_SIGNS = frozenset("^$\\(|[{")
_GLOB_SIGNS = frozenset("*?")


class Pattern(Struct, frozen=True):
    """A compiled pattern. `exact` is set where the text is a plain name. `matches` ignores case: vendors do."""

    text: str
    exact: str | None
    regex: re.Pattern[str]

    def matches(self, name: str) -> bool:
        return self.regex.search(name) is not None


def compile_pattern(text: str, *, plain_is_regex: bool = False) -> Pattern:
    """Read one pattern. Raises `ValueError` with a sentence where it is no valid regular expression.

    A text with one of ``^ $ \\ ( | [ {`` or with ``.*`` is a regular expression that is searched; one with ``* ?``
    is a glob for the whole name; anything else is one exact name, or, where `plain_is_regex`, searched too.
    """
    if not text:
        raise ValueError("a pattern must not be empty")
    glob = bool(_GLOB_SIGNS & set(text))
    if _REGEX_SIGNS & set(text) or ".*" in text or (plain_is_regex and not glob):
        try:
            return Pattern(text, None, re.compile(text, re.IGNORECASE))
        except re.error as error:
            raise ValueError(f"{text!r} is not a valid regular expression: {error}") from error
    if glob:
        return Pattern(text, None, re.compile(_glob(text), re.IGNORECASE))
    return Pattern(text, text.lower(), re.compile(rf"\A{re.escape(text)}\Z", re.IGNORECASE))


def _glob(text: str) -> str:
    """Like a shell's, but ``*`` and ``?`` alone are special and a slash is a character like any other; each
    of them is a group."""
    body = "".join({"*": "(.*)", "?": "(.)"}.get(char, re.escape(char)) for char in text)
    return rf"\A(?s:{body})\Z"
