"""Media: every form in which clients send bytes becomes one canonical form, and nonsense is named."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire import media
from router.wire.conversation import Inline, Url

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 16


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_data_url_becomes_inline_bytes_with_its_type():
    assert media.parse_url(f"data:image/png;base64,{b64(PNG)}", "image_url") == Inline("image/png", b64(PNG))


def test_scheme_and_base64_marker_are_case_insensitive_and_parameters_are_skipped():
    assert media.parse_url(f"DATA:text/plain;charset=utf-8;BASE64,{b64(b'hi')}", "x") == Inline(
        "text/plain", b64(b"hi")
    )


def test_a_data_url_without_base64_is_percent_decoded():
    assert media.parse_url("data:,hello%20w%C3%B6rld", "x") == Inline("text/plain", b64("hello wörld".encode()))


@pytest.mark.parametrize("url", ["https://example.com/a.png", "HTTP://example.com", "http://[::1]/x"])
def test_web_urls_stay_urls(url):
    assert media.parse_url(url, "x") == Url(url)


@pytest.mark.parametrize("url", ["", "ftp://example.com/a", "file:///etc/passwd", "https://", "image.png", "gs://b/o"])
def test_other_urls_are_refused_naming_the_place(url):
    with pytest.raises(Fault) as caught:
        media.parse_url(url, "messages[0].content[1].image_url.url")
    assert (caught.value.kind, caught.value.param) == ("bad_request", "messages[0].content[1].image_url.url")
    assert "messages[0].content[1].image_url.url" in caught.value.message


@pytest.mark.parametrize(
    ("declared", "data", "media_type"),
    [
        ("image/png", PNG, "image/png"),
        (None, PNG, "image/png"),
        ("application/octet-stream", PNG, "image/png"),
        ("png", PNG, "image/png"),
        ("image/jpg", JPEG, "image/jpeg"),
        ("image/png", JPEG, "image/jpeg"),  # a wrong type is a 400 at Anthropic
        ("IMAGE/PNG", b"not a picture", "image/png"),
        ("text/x-python", b"%PDF-1.7", "text/x-python"),
        (None, b"plain words", "text/plain"),
        ("image/heif", b"\0\0\0\x18ftypheic", "image/heif"),
    ],
)
def test_the_declared_type_wins_where_plausible_else_the_sniffed_one(declared, data, media_type):
    assert media.parse_base64(b64(data), declared, "x").media_type == media_type


def test_bytes_of_no_known_kind_need_a_declared_type():
    with pytest.raises(Fault, match="declare one"):
        media.parse_base64(b64(b"\0\x01\x02"), None, "file.file_data")


def test_file_data_may_be_a_data_url_whose_type_wins():
    assert media.parse_base64(f"data:application/pdf;base64,{b64(b'%PDF-1')}", "text/plain", "x") == Inline(
        "application/pdf", b64(b"%PDF-1")
    )
    assert media.parse_base64(f"data:;base64,{b64(b'abc')}", "text/csv", "x").media_type == "text/csv"


def test_url_safe_unpadded_wrapped_and_escaped_base64_is_made_canonical():
    raw = bytes(range(248, 256)) + JPEG
    plain = b64(raw)
    assert "+" in plain or "/" in plain
    variants = (
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        plain[:10] + "\r\n" + plain[10:],
        plain.replace("+", "%2B"),
    )
    for variant in variants:
        assert media.parse_base64(variant, "image/jpeg", "x").data == plain


@pytest.mark.parametrize("data", ["", "  \n", "!!!!", "abcde", "äöü", "QUJD=QUJD"])
def test_what_is_not_base64_is_refused(data):
    with pytest.raises(Fault) as caught:
        media.parse_base64(data, "image/png", "source.data")
    assert caught.value.param == "source.data"


@given(st.binary(min_size=1, max_size=300))
def test_canonical_base64_is_kept_as_it_is(raw):
    inline = media.parse_base64(b64(raw), "application/x-any", "x")
    assert inline == Inline("application/x-any", b64(raw))
    assert media.parse_url(media.data_url(inline), "x") == inline


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF87a...", "image/gif"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\x10\0\0\0AVI LIST", None),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypmif1", "image/heif"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x18ftypM4A ", "audio/mp4"),
        (b"%PDF-1.4", "application/pdf"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x44", "audio/mpeg"),
        (b"\xff\xfe\x41\x00", None),  # a UTF-16 byte order mark is not an MP3
        (b"hello", None),
        (b"", None),
    ],
)
def test_magic_bytes(head, media_type):
    assert media.sniff(head) == media_type


def test_text_files_are_decoded_and_their_byte_order_mark_dropped():
    assert media.decode_text(Inline("text/plain", b64(b"\xef\xbb\xbfgr\xc3\xbc\xc3\x9fe")), "x") == "grüße"


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"a\0b"])
def test_binary_data_declared_as_text_is_refused(raw):
    with pytest.raises(Fault) as caught:
        media.decode_text(Inline("text/csv", b64(raw)), "file")
    assert "text/csv" in caught.value.message
    assert caught.value.param == "file"
