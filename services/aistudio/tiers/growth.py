"""What may be passed on of a text that the page shows, grows and sometimes rewrites. Pure.

While Markdown streams in, the last block is drawn anew again and again: ``**bo`` becomes a bold "bo". What stands
before the first mark of the last block does not change any more and is passed on at once; the rest when the block is
over.
"""

from __future__ import annotations

import re

_MARKS = re.compile(r"[*_`\[\]#|~<>$&\\!+=-]|^\s*\d+[.)]", re.MULTILINE)


class Growth:
    """One text of the page: `blocks` are its elements in order, as seen at one moment."""

    def __init__(self) -> None:
        self._sent = ""
        self.rewritten = False

    def see(self, blocks: list[str], *, over: bool = False) -> str:
        """What is new and settled. over: nothing will change any more.

        `rewritten` is set while the page shows something else than what has been passed on."""
        text = joined(blocks)
        settled = len(text)
        if not over and blocks:
            mark = _MARKS.search(blocks[-1])
            settled = len(text) - len(blocks[-1]) + mark.start() if mark else len(text)
        self.rewritten = not text.startswith(self._sent) and not self._sent.startswith(text)
        if self.rewritten or settled <= len(self._sent):
            return ""
        more = text[len(self._sent) : settled]
        self._sent = text[:settled]
        return more


def joined(blocks: list[str]) -> str:
    """Blocks as one text, a blank line between two."""
    return "\n\n".join(block for block in blocks if block)
