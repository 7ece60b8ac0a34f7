"""The pages of a sign-in that begins in a browser. Pure: they know what is shown, not who may ask for it.

The first page is harmless: it holds a caveat and a field for the management key, and does nothing before the key is
sent by its form. Keys are never part of an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response

from router.accounts.login.device import web_address
from router.accounts.login.flows import LoginView
from router.accounts.login.pages import Page, code, form, link, page
from router.settings.sign_ins import SignIn

_KEY = ("key", "The management key of this gateway", "password")


def response(shown: Page) -> Response:
    """A page as an answer."""
    return Response(shown.html, shown.status, headers=dict(shown.headers))


def key_page(provider: str, sign_in: SignIn, options: Mapping[str, str], problem: str = "") -> Page:
    """The first page: what the provider's terms say, and who asks. options: kept for the form."""
    parts = [problem] if problem else []
    parts += [sign_in.caveat, "Go on only if you accept that."]
    fields = form(f"/v1/auth/{quote(provider)}/login", [_KEY], "Accept and continue", {**options, "accept": "true"})
    return page(401, f"Sign in to {sign_in.title}", [*parts, fields])


def begun_page(shown: LoginView, sign_in: SignIn, *, leaves: bool) -> Page:
    """What the person has to do now. leaves: whether the browser may go to the provider by itself."""
    title = f"Sign in to {sign_in.title}"
    if shown.user_code is not None and shown.verification_uri is not None:
        where = shown.verification_uri_complete or shown.verification_uri
        told = "When you have confirmed there, the account appears here by itself."
        return page(200, title, ["Enter this code:", code(shown.user_code), link(where, shown.verification_uri), told])
    parts = [shown.message] if shown.message else []
    address = web_address(shown.url)
    if address is not None:
        parts.append(link(address, "Continue at the provider's page"))
    if address is not None and leaves:
        return page(200, title, parts, goes_to=address)
    return page(200, title, [*parts, *_answer(shown)])


def answer_page(shown: LoginView, problem: str) -> Page:
    """The field for the answer once more, after one that could not be used."""
    return page(400, "Not yet", [problem, *_answer(shown)])


def told_page(status: int, words: str) -> Page:
    """A refusal."""
    return page(status, "Not this way", [words])


def _answer(shown: LoginView) -> list[str]:
    if shown.paste is None:
        return []
    action = f"/v1/auth/{quote(shown.provider)}/login/{quote(shown.login_id)}/callback"
    return [f"Then paste {shown.paste}:", form(action, [("pasted", "The answer", "password"), _KEY], "Finish", {})]
