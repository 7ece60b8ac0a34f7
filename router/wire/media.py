"""Pictures, documents and sound: data URLs, media types, and what a target takes."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote, unquote_to_bytes

from router.faults import bad_request
from router.wire.conversation import Inline, Source, Url

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_DATA_URL = re.compile(r"data:([^,]*),", re.IGNORECASE)
_WEB_URL = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_WHITESPACE = re.compile(r"\s+")
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
}
_SAYS_NOTHING = frozenset({"application/octet-stream", "binary/octet-stream"})
_HEAD = 64
"""Characters of base64 that `sniff` needs to see."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
_BRANDS: dict[bytes, str] = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
    b"M4A ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
_RIFF: dict[bytes, str] = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}


def parse_url(text: str, where: str) -> Source:
    """A ``data:`` URL as `Inline` (base64 checked, type from the URL or else sniffed), http(s) as `Url`.

    Raises `Fault` bad_request naming `where` for anything else."""
    if _WEB_URL.match(text):
        return Url(url=text)
    if found := _DATA_URL.match(text):
        return _from_data_url(found, where)
    raise bad_request(f"{where} must be an http(s) URL or a data URL such as data:image/png;base64,…", where)


def parse_base64(data: str, media_type: str | None, where: str) -> Inline:
    """Raw base64 or a data URL, as compatible clients send either.

    The declared type wins where it is plausible, else the sniffed one (as where the bytes are another kind of picture:
    Anthropic refuses a wrong type). Raises `Fault` bad_request naming `where`."""
    if found := _DATA_URL.match(data):
        return _from_data_url(found, where, fallback=media_type)
    return _inline(data, media_type, where)


def data_url(inline: Inline) -> str:
    """``data:<type>;base64,<data>``."""
    return f"data:{inline.media_type};base64,{inline.data}"


def sniff(head: bytes) -> str | None:
    """Media type by magic bytes: png, jpeg, gif, webp, heic, pdf, wav, mp3, mp4; None where unknown.

    Rules of the WHATWG MIME Sniffing standard, section 6, plus ISO base media brands."""
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 == 0x02:
        return "audio/mpeg"  # a frame header: eleven sync bits, layer III
    return None


def decode_text(inline: Inline, where: str) -> str:
    """A text file's content. Raises `Fault` bad_request where it is not UTF-8 text."""
    try:
        text = base64.b64decode(inline.data, validate=True).decode("utf-8-sig")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise bad_request(f"{where} is declared {inline.media_type} but is not UTF-8 text", where) from error
    if "\0" in text:
        raise bad_request(f"{where} is declared {inline.media_type} but holds binary data", where)
    return text


def _from_data_url(found: re.Match[str], where: str, fallback: str | None = None) -> Inline:
    """RFC 2397. Without ``;base64`` the data is percent-encoded."""
    media_type, *parameters = (field.strip() for field in found[1].split(";"))
    payload = found.string[found.end() :]
    declared = media_type or fallback
    if "base64" in (parameter.lower() for parameter in parameters):
        return _inline(payload, declared, where)
    raw = unquote_to_bytes(payload)
    return _inline(base64.b64encode(raw).decode("ascii"), declared or "text/plain", where)


def _inline(data: str, declared: str | None, where: str) -> Inline:
    data = _canonical(data, where)
    head = binascii.a2b_base64(data[:_HEAD])
    return Inline(media_type=_media_type(declared, head, data, where), data=data)


def _canonical(data: str, where: str) -> str:
    """Standard padded base64 of what may be URL-safe, unpadded or wrapped in lines."""
    if not data.strip():
        raise bad_request(f"{where} is empty: send the file's bytes as base64", where)
    if _is_base64(data):
        return data
    cleaned = unquote(data) if "%" in data else data
    cleaned = _WHITESPACE.sub("", cleaned).translate(_URL_SAFE).rstrip("=")
    cleaned += "=" * (-len(cleaned) % 4)
    if _is_base64(cleaned):
        return cleaned
    raise bad_request(f"{where} is not valid base64", where)


def _is_base64(data: str) -> bool:
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except ValueError:  # binascii.Error, and text that is not ASCII
        return False
    return len(data) % 4 == 0


def _media_type(declared: str | None, head: bytes, data: str, where: str) -> str:
    said = (declared or "").partition(";")[0].strip().lower()
    said = _ALIASES.get(said, said)
    seen = sniff(head)
    plausible = bool(_TYPE.fullmatch(said)) and said not in _SAYS_NOTHING
    if plausible and seen is not None and said.startswith("image/") and seen.startswith("image/"):
        return seen if not {said, seen} <= {"image/heic", "image/heif"} else said
    if plausible:
        return said
    if seen is not None:
        return seen
    if _is_text(data):
        return "text/plain"
    raise bad_request(f"{where} has no usable media type and its bytes do not tell: declare one", where)


def _is_text(data: str) -> bool:
    try:
        return "\0" not in binascii.a2b_base64(data).decode("utf-8")
    except UnicodeDecodeError:
        return False
