"""What a model drew or said, for clients whose dialect has no block for it: said in words, never silently lost."""

from __future__ import annotations

from router.wire.conversation import Inline, Source, Url
from router.wire.events import MediaProduced


def described(event: MediaProduced) -> str:
    return describe(event.kind, event.source)


def describe(kind: str, source: Source) -> str:
    """A Markdown link, or a remark where there is nothing to link to."""
    if isinstance(source, Url):
        return f"![{kind}]({source.url})"
    what = source.media_type if isinstance(source, Inline) else kind
    return f"[{what or kind}: this API cannot carry it]"
