"""The pages that a browser is shown when it has brought an answer. Pure."""

from __future__ import annotations

from router.accounts.login.flows import LoginView
from router.accounts.login.pages import Page, page

_CLOSE = "You may close this page."


def outcome_page(shown: LoginView) -> Page:
    """How a sign-in ended, or that it has not yet."""
    if shown.state == "done":
        return page(200, "It worked", [shown.message, _CLOSE])
    if shown.state in ("exchanging", "waiting", "pending"):
        return page(202, "Not finished yet", ["The sign-in goes on behind this page. Look where you began it."])
    return page(400, "The sign-in failed", [shown.message, "Begin again where you began this one."])


def problem_page(status: int, words: str) -> Page:
    """Something else than an answer of an open sign-in."""
    return page(status, "Not this way", [words])
