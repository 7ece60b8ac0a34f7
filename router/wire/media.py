"""Pictures, documents and sound: data URLs, media types, and what a target takes."""

from __future__ import annotations

from router.wire.conversation import Inline, Source


def parse_url(text: str, where: str) -> Source:
    """A ``data:`` URL as `Inline` (base64 checked, type from the URL or else sniffed), http(s) as `Url`.

    Raises `Fault` bad_request naming `where` for anything else."""
    raise NotImplementedError


def parse_base64(data: str, media_type: str | None, where: str) -> Inline:
    """Raw base64 or a data URL, as compatible clients send either. The declared type wins where it is plausible, else the
    sniffed one. Raises `Fault` bad_request naming `where`."""
    raise NotImplementedError


def data_url(inline: Inline) -> str:
    """``data:<type>;base64,<data>``."""
    return f"data:{inline.media_type};base64,{inline.data}"


def sniff(head: bytes) -> str | None:
    """Media type by magic bytes: png, jpeg, gif, webp, heic, pdf, wav, mp3, mp4; None where unknown."""
    raise NotImplementedError


def decode_text(inline: Inline, where: str) -> str:
    """A text file's content. Raises `Fault` bad_request where it is not UTF-8 text."""
    raise NotImplementedError
