"""``thoughtSignature`` on its way to and from the neutral form.

Google's own bytes pass as they are. Those of other dialects' thinking travel in the same field of a thought part: our
prefixed text (`router.wire.opaque`) in base64, because the SDKs decode the field. Sources: ai.google.dev "Thought
signatures" (which also documents the two dummy values).
"""

from __future__ import annotations

import base64
import binascii

from msgspec import structs

from router.wire import opaque as opaques
from router.wire.conversation import Opaque

DUMMY = "skip_thought_signature_validator"
"""Google's documented stand-in for a signature that was lost."""
_PLAIN_DUMMIES = (DUMMY, "context_engineering_is_the_way_to_go")
_DUMMIES = frozenset(_PLAIN_DUMMIES) | {base64.b64encode(each.encode()).decode().rstrip("=") for each in _PLAIN_DUMMIES}
"""Also as SDKs write them that hold the field as bytes."""
_WRAPPED = base64.b64encode(opaques.PREFIX.encode())[:5].decode()
_REDACTED = "redacted"


def read(signature: str) -> Opaque | None:
    """What a client sent. None for the dummies, nothing, and damaged bytes of ours."""
    if signature == "" or signature.rstrip("=") in _DUMMIES:
        return None
    if not signature.startswith(_WRAPPED):
        return opaques.unwrap(signature, "gemini")
    try:
        padded = signature.replace("-", "+").replace("_", "/").rstrip("=")
        text = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return _dummyless(opaques.unwrap(text, "gemini")) if text.startswith(opaques.PREFIX) else None


def shown(opaque: Opaque, *, redacted: bool = False) -> str:
    """The field's value for a client."""
    if opaque.dialect == "gemini":
        return opaque.data
    marked = structs.replace(opaque, id=_REDACTED) if redacted else opaque
    return base64.b64encode(opaques.wrap(marked).encode("ascii")).decode("ascii")


def is_redacted(opaque: Opaque | None) -> bool:
    """Whether these are the bytes of an Anthropic ``redacted_thinking``."""
    return opaque is not None and opaque.dialect == "messages" and opaque.id == _REDACTED


def unmarked(opaque: Opaque) -> Opaque:
    """Without the mark that `shown` put on redacted bytes."""
    return structs.replace(opaque, id=None) if is_redacted(opaque) else opaque


def sent(opaque: Opaque | None, family: str) -> str | None:
    """The field's value for Google: only bytes that Google made, for this model family."""
    return opaque.data if opaque is not None and opaques.fits(opaque, "gemini", family) else None


def _dummyless(opaque: Opaque | None) -> Opaque | None:
    return None if opaque is not None and opaque.dialect == "gemini" and opaque.data in _DUMMIES else opaque
