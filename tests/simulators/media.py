"""Files inside requests: what they are by their first bytes, and whether they are base64 at all."""

from __future__ import annotations

import base64
import binascii

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


def decode(data: str) -> bytes | None:
    """The bytes of standard base64, None when it is not."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None


def kind(raw: bytes) -> str | None:
    """The media type by magic bytes, None when unknown."""
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "image/webp"
    return next((name for magic, name in _MAGIC if raw.startswith(magic)), None)


def data_url(url: str) -> tuple[str, bytes | None] | None:
    """Media type and bytes of a base64 data URL, None when it is none."""
    if not url.startswith("data:") or ";base64," not in url:
        return None
    declared, _, data = url[5:].partition(";base64,")
    return declared, decode(data)
