"""No answer of a vendor can send a credential to somebody else."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.providers.origin import bound

BASE = "https://api.vendor.example/v1"
DOMAINS = ("vendor.example", "other.example")


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ("eu.vendor.example", "https://eu.vendor.example"),
        ("https://eu.vendor.example/v2/", "https://eu.vendor.example/v2"),
        ("HTTPS://EU.Vendor.Example", "HTTPS://EU.Vendor.Example"),
        ("https://vendor.example:443", "https://vendor.example:443"),
        ("other.example", "https://other.example"),
        ("https://api.vendor.example/elsewhere", "https://api.vendor.example/elsewhere"),
    ],
)
def test_an_address_of_the_vendor_is_taken(wanted: str, taken: str) -> None:
    assert bound(wanted, BASE, DOMAINS) == taken


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        "",
        "http://eu.vendor.example",
        "https://vendor.example.evil.example",
        "https://evilvendor.example",
        "https://eu.vendor.example:8443",
        "https://vendor.example@evil.example",
        "https://evil.example/@vendor.example",
        "https://evil.example\\.vendor.example",
        "https://evil.example%2e.vendor.example",
        "https://evil.example#.vendor.example",
        "https://evil.example?.vendor.example",
        "https://vendor.example/?x=1",
        "https://[vendor.example",
        "https://vendor.example:port",
        "ftp://vendor.example",
        "//evil.example",
        "https://\u2025vendor.example",
        "https://evil.example/\r\nhost: vendor.example",
    ],
)
def test_every_other_one_is_not(wanted: str | None) -> None:
    assert bound(wanted, BASE, DOMAINS) == BASE


def test_the_configured_origin_is_trusted_whatever_it_is() -> None:
    assert bound("http://127.0.0.1:9/x", "http://127.0.0.1:9/v1", ()) == "http://127.0.0.1:9/x"
    assert bound("http://127.0.0.1:8/x", "http://127.0.0.1:9/v1", ()) == "http://127.0.0.1:9/v1"


@given(st.text(alphabet="htps:/@.#?%\\ []vendor.example-evil0123456789"))
def test_whatever_is_told_the_host_is_the_vendors(wanted: str) -> None:
    host = urlsplit(bound(wanted, BASE, DOMAINS)).hostname or ""
    assert any(host.rstrip(".") == domain or host.rstrip(".").endswith(f".{domain}") for domain in DOMAINS)
