"""From cumulative snapshots of a text to what is new of it. Pure.

The page sends its whole answer again and again. Its end is not settled while it grows: an open code block is closed
for show, a marker of Markdown is escaped until its partner comes. Sometimes earlier text is rewritten; what was sent
cannot be taken back then, so the rest goes on after it and the rewrite is told.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"\n`{1,3}$")
_ESCAPED = re.compile(r"\\+[`*_~][^\n]*$")
_TAIL = 4
"""Characters at the end that wait for the next snapshot: a fence that is only half there, half of a marker."""
_ANCHOR = 24
"""Characters before the end of what was sent, by which the place to go on is found in a rewritten text."""


class Growing:
    """One text of one answer."""

    def __init__(self) -> None:
        self.sent = ""
        self.rewritten = False
        """Whether what was sent differs from the text as it stands now."""
        self._whole = ""
        self._behind = 0

    @property
    def whole(self) -> str:
        """The newest snapshot."""
        return self._whole

    def take(self, snapshot: str) -> str:
        """What of this snapshot can be sent now and was not sent yet."""
        if snapshot == self._whole:
            return ""
        self._whole = snapshot
        return self._advance(_settled(snapshot))

    def finish(self) -> str:
        """What is left when the answer is complete."""
        found = self._advance(self._whole)
        self.rewritten = self.sent != self._whole
        return found

    def _advance(self, text: str) -> str:
        """Send on from where `text` corresponds to the end of what was sent."""
        if not self.rewritten and text.startswith(self.sent):
            found = text[len(self.sent) :]
            self._behind = len(text)
        elif not self.rewritten and self.sent.startswith(text):
            return ""  # shorter for now, with nothing in it that contradicts what was sent
        else:
            self.rewritten = True
            start = _resume(self.sent, text, self._behind)
            found = text[start:]
            self._behind = max(start, len(text))
        self.sent += found
        return found


def _settled(text: str) -> str:
    """`text` without the end that may still change."""
    text = _FENCE.sub("", text)
    text = _ESCAPED.sub("", text)
    return text[:-_TAIL]


def _resume(sent: str, text: str, behind: int) -> int:
    """Where in a rewritten `text` to go on: after the last words that were sent, else at the same length.

    behind: how much of the snapshot before had been used."""
    anchor = sent[-_ANCHOR:]
    if len(anchor) == _ANCHOR:
        found = text.rfind(anchor, 0, behind + _ANCHOR)  # repeated words: the place nearest to the old one
        found = found if found >= 0 else text.find(anchor)
        if found >= 0:
            return found + _ANCHOR
    return min(behind, len(text))
