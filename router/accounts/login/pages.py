"""The few pages that a sign-in shows in a browser: self-contained, never stored, nothing of them runs. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape

from msgspec import Struct

from router.version import NAME

_STYLE = (
    "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:40rem;margin:12vh auto;padding:0 1rem;color:#222;"
    "background:#fff}h1{font-size:1.4rem}code{font-size:1.3rem;letter-spacing:.06em}"
    "input,button{font:inherit;padding:.3rem .6rem;margin:.2rem 0}input{width:100%;box-sizing:border-box}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}a{color:#8bf}}"
)
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()


class Page(Struct, frozen=True):
    """One page."""

    status: int
    html: str

    @property
    def headers(self) -> Mapping[str, str]:
        """What goes with it: nothing is stored, framed, loaded or told to other sites."""
        return {
            "content-type": "text/html; charset=utf-8",
            "cache-control": "no-store",
            "content-security-policy": (
                f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'; "
                "form-action 'self'"
            ),
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def page(status: int, title: str, parts: Iterable[str], goes_to: str | None = None) -> Page:
    """A page of paragraphs. Plain texts are escaped. goes_to: where it leads by itself at once: after a form, a browser
    holds redirects to `form-action`, which cannot know where a provider leads on to."""
    body = "".join(part if isinstance(part, Html) else f"<p>{escape(part)}</p>" for part in parts)
    onward = f'<meta http-equiv="refresh" content="0;url={escape(goes_to)}">' if goes_to is not None else ""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} - {NAME}</title>'
        f'<meta name="viewport" content="width=device-width">{onward}<style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return Page(status, html)


def link(address: str, words: str) -> Html:
    """A link that opens beside this page. address: checked by the caller to be one of the web."""
    return Html(f'<p><a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{escape(words)}</a></p>')


def code(text: str) -> Html:
    """A code that the person types elsewhere, exactly."""
    return Html(f"<p><code>{escape(text)}</code></p>")


def form(action: str, fields: Iterable[tuple[str, str, str]], button: str, hidden: Mapping[str, str]) -> Html:
    """A form. fields: name, words and type (``password``, ``text``) of each input."""
    inputs = "".join(
        f'<p><label>{escape(words)}<input name="{escape(name)}" type="{kind}" autocomplete="off" required></label></p>'
        for name, words, kind in fields
    )
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    return Html(f'<form method="post" action="{escape(action)}">{inputs}{kept}<button>{escape(button)}</button></form>')
