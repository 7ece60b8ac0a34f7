"""The cookie that a person copies out of a browser where there is no other way in: its forms, and whether it can be
good. Pure."""

from __future__ import annotations

import re

from router.accounts import oauth
from router.secret import Secret

COOKIE = "__client"
LONGEST = 8192
_DOTS = "....."
"""How one proxy writes the ``; `` between cookies, where a header must not have it."""
_PART = re.compile(r"[A-Za-z0-9_-]+={0,2}")


class BadCookie(ValueError):
    """What was pasted is no cookie that can work; the message says why, and quotes nothing."""


def clerk_cookie(text: str, now: float) -> Secret:
    """The value of Clerk's ``__client`` cookie: alone, as ``__client=…``, or in a Cookie header. Raises `BadCookie`.

    now: Unix seconds; one whose own claims say that it has ended is refused before anybody is asked.
    """
    if len(text) > LONGEST:
        raise BadCookie("That is longer than any cookie.")
    value = value_of(text)
    if value is None:
        raise BadCookie(f"There is no cookie named {COOKIE} in it.")
    parts = value.split(".")
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise BadCookie(
            f"That is not the value of {COOKIE}: it has three parts of letters and digits with dots between."
        )
    claims = oauth.claims(value)
    if not claims:
        raise BadCookie(f"That is not the value of {COOKIE}: its middle part cannot be read. Copy it whole.")
    end = claims.get("exp")
    if isinstance(end, int | float) and not isinstance(end, bool) and end <= now:
        raise BadCookie("That cookie has ended. Sign in at the provider's page again and copy the new one.")
    return Secret(value)


def value_of(text: str) -> str | None:
    """What stands for the cookie in a text of any of these forms, unchecked; None where the others are there alone."""
    pasted = text.strip().strip("\"'").strip()
    pasted = pasted.replace(_DOTS, "; ").removeprefix("Cookie:").removeprefix("cookie:").strip()
    if "=" in pasted.rstrip("=") or ";" in pasted:
        named = dict(_pair(part) for part in pasted.split(";")).get(COOKIE)
        if named is None:
            return None
        pasted = named
    return "".join(pasted.split())


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name.strip(), value.strip()
