"""Labels of accounts, and the names of their files. Pure."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from urllib.parse import quote

from router.settings.sign_ins import shipped_sign_ins

DEFAULT = "default"
RESERVED = "login"
"""What stands behind a provider's name in ``/v1/auth/{provider}/login``."""
LONGEST = 127
SUFFIX = ".json"
_ODD = re.compile(r"[\s/\\\"]")
_SAFE = "@+-_.~!=,"
_LONGEST_NAME = 160  # file systems take 255 bytes, and suffixes are added


def label_problem(label: str) -> str | None:
    """Why `label` is none, None where it is fine: it becomes part of an id, a path of the API and a file name."""
    if not label:
        return "a label must not be empty"
    if len(label) > LONGEST:
        return f"a label has at most {LONGEST} characters"
    if not label.isprintable() or _ODD.search(label):
        return "a label has no spaces, slashes, quotes or control characters"
    if not label.strip(".") or label == RESERVED:
        return f"a label is more than dots, and not {RESERVED!r}: the account could not be named in a path of the API"
    return None


def tidy_label(text: str) -> str:
    """A label made of any text."""
    kept = "".join(c if c.isprintable() and not _ODD.match(c) else "-" for c in text.strip()[:LONGEST])
    tidy = kept.strip("-") or DEFAULT
    return tidy if label_problem(tidy) is None else f"{tidy[: LONGEST - 2]}-1"


def file_name(provider: str, label: str, more: str = "") -> str:
    """The name of an account's file: ``{provider}-{label}.json`` with odd characters percent-encoded, so that it never
    leaves the folder. more: tells it from one that is taken."""
    written = quote(label, safe=_SAFE, errors="replace")
    if len(written) > _LONGEST_NAME:
        written = f"{written[:_LONGEST_NAME]}~{short_digest(label)}"
    return f"{quote(provider, safe='')}-{written}{more}{SUFFIX}"


def short_digest(text: str) -> str:
    """Eight hexadecimal digits that stand for a name."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


@cache
def file_types() -> dict[str, str]:
    """What ``type`` or ``provider`` say in account files, and file names begin with -> id of the sign-in."""
    return {kind: sign_in for sign_in, facts in shipped_sign_ins().items() for kind in (sign_in, *facts.file_types)}


def named_for(name: str) -> tuple[str, str] | None:
    """Sign-in and label that a file's name tells: ``kimi-1730000000000.json`` is of kimi-oauth. None for others."""
    stem = name.removesuffix(SUFFIX)
    for kind in sorted(file_types(), key=len, reverse=True):
        if stem.lower().startswith(f"{kind}-"):
            return file_types()[kind], tidy_label(stem[len(kind) + 1 :])
    return None


def named_by_us(name: str) -> bool:
    """Whether no other known program would call a file so: it begins with an id of ours that is nobody else's type."""
    ours = [sign_in for sign_in in shipped_sign_ins() if sign_in not in _SHARED]
    return any(name.startswith(f"{sign_in}-") for sign_in in ours)


_SHARED = frozenset({"antigravity", "gemini-cli", "iflow", "copilot", "ctonew"})
"""Ids that other programs put before their own files too."""
