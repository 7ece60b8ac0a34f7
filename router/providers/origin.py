"""Credentials are bound to their origin: an address that an account's own data names is taken only where it is the
vendor's. Whoever answers a token request could otherwise send every later credential wherever they like."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit


def bound(wanted: str | None, base_url: str, domains: Collection[str]) -> str:
    """`wanted` (a URL, or a host alone) where it has the origin of `base_url`, or is https at one of `domains` or below
    one on the usual port; else `base_url`. Without a trailing slash, query or fragment."""
    if not wanted:
        return base_url
    text = wanted.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        url, configured = urlsplit(text), urlsplit(base_url)
        host, port = (url.hostname or "").rstrip("."), url.port
        same = (url.scheme, host, port) == (configured.scheme, configured.hostname, configured.port)
    except ValueError:
        return base_url
    if url.username is not None or url.password is not None or url.query or url.fragment or not _plain(text):
        return base_url
    at_vendor = url.scheme == "https" and port in (None, 443) and any(_below(host, domain) for domain in domains)
    return text.rstrip("/") if same or at_vendor else base_url


def _below(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _plain(text: str) -> bool:
    """Nothing that one reader of URLs takes for a host and another for something else."""
    return text.isascii() and text.isprintable() and not any(sign in text for sign in " \\@%")
