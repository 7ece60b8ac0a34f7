"""The routes of accounts and sign-ins below ``/v1/auth`` as the OpenAPI document describes them.

They are older than the table of operations and read their own bodies (forms of browsers too), so that only what they
take and give is said here; tests hold both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from router.accounts.importing import Imported
from router.accounts.login.flows import LoginView
from router.api import service_sign_in, web_cookies
from router.api.manage.account_shapes import AccountChanges, ShownAccount, UnusableFile
from router.api.manage.operation import Described, Link
from router.settings.provider_names import SIGN_INS
from router.settings.sign_ins import Flow

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
PROVIDERS = tuple(sign_in.login[0] for sign_in in SIGN_INS.values())


class SignInProvider(Struct, frozen=True):
    """One that a person can sign in to. names: by which it can be called. on: whether it serves. caveat: what must be
    accepted once, with the first sign-in."""

    provider: str
    title: str
    names: list[str]
    flows: list[Flow]
    on: bool
    caveat: str


class SignedInAccounts(Struct, frozen=True, forbid_unknown_fields=True):
    """accounts: those that are kept here. logins: the sign-ins in progress."""

    accounts: list[ShownAccount]
    files: list[UnusableFile]
    providers: list[SignInProvider]
    logins: list[LoginView]


class Beginning(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """flow: of those that the provider has, its first without. label: of the account; `profile` is another word for it.
    accept: the provider's caveat has been read."""

    flow: Flow | None = None
    label: str | None = None
    profile: str | None = None
    accept: bool = False


class Brought(Struct, frozen=True, forbid_unknown_fields=True):
    """url: the address that the browser showed at the end, or code: what was in it; one of both."""

    url: str | None = None
    code: str | None = None


class FileName(Struct, frozen=True):
    """name: what the file was called, which may tell whose it is."""

    name: str = "imported.json"


class Deleted(Struct, frozen=True):
    """deleted: the account's id."""

    deleted: str


class Cookie(Struct, frozen=True, forbid_unknown_fields=True):
    """clerk_jwt_cookie: as a browser that is signed in to cto.new has it."""

    clerk_jwt_cookie: Text
    label: str | None = None
    accept: bool = False


class WebCookies(Struct, frozen=True, forbid_unknown_fields=True):
    """account: its name, `label` is another word for it. secure_1psid, secure_1psidts: cookies; or browser: the one of
    the service's machine that they are read from. service: which, where there are several."""

    account: Name | None = None
    label: Name | None = None
    secure_1psid: str | None = None
    secure_1psidts: str | None = None
    browser: str | None = None
    service: str | None = None


class StudioBeginning(Struct, frozen=True, forbid_unknown_fields=True):
    """profile: of the browser, `label` is another word for it. headed: with a window. service: which one is asked."""

    profile: Name | None = None
    label: Name | None = None
    headed: bool = False
    service: str | None = None


class StudioLogin(Struct, frozen=True, omit_defaults=True):
    """vnc_url: where the window is seen, only on a server."""

    login_id: str
    profile: str
    state: str
    message: str
    vnc_url: str = ""


_LOGIN = "/v1/auth/{provider:path}/login"
_FOLLOWS = [
    Link(name, {"provider": "path.provider", "login_id": "/login_id"})
    for name in ("login_shown", "login_brought", "login_ended")
]
_OF = {"provider": PROVIDERS}
_STUDIO = f"/v1/auth/{service_sign_in.NAMES[0]}/login"
AUTH: Sequence[Described] = (
    Described(
        method="GET", path="/v1/auth", need="viewer", name="signed_in", answer=SignedInAccounts,
        summary="Accounts that are kept here, files that cannot be used, providers to sign in to, open sign-ins.",
    ),
    Described(
        method="POST", path="/v1/auth/import", need="admin", name="account_import", query=FileName, body=bytes,
        answer=Imported, summary="Take over the file of another program: the body is that file.",
    ),
    Described(
        method="GET", path="/v1/auth/{account:path}", need="viewer", name="account_shown", answer=ShownAccount,
        summary="One account that is kept here.",
    ),
    Described(
        method="PATCH", path="/v1/auth/{account:path}", need="admin", name="account_changed", body=AccountChanges,
        answer=ShownAccount, summary="Change what the operator may choose of an account.",
    ),
    Described(
        method="DELETE", path="/v1/auth/{account:path}", need="admin", name="account_forgotten", answer=Deleted,
        summary="Forget an account.",
    ),
    Described(
        method="POST", path="/v1/auth/ctonew", need="admin", name="cookie_pasted", body=Cookie, answer=LoginView,
        asks=True, summary="A new account of cto.new by the cookie of a browser that is signed in.",
    ),
    Described(
        method="POST", path=f"/v1/auth/{web_cookies.NAMES[0]}", need="admin", name="web_cookies", body=WebCookies,
        answer=dict[str, Any], summary="Hand cookies of Gemini's web page on to the WebAI service, which proves them.",
    ),
    Described(
        method="POST", path=_LOGIN, need="admin", name="login_begin", body=Beginning, answer=LoginView, choices=_OF,
        next=_FOLLOWS, asks=True, summary="Begin a sign-in.",
    ),
    Described(
        method="GET", path=_LOGIN, need="admin", name="login_begin_in_browser", query=Beginning, answer=LoginView,
        choices=_OF, next=_FOLLOWS,
        asks=True,
        summary="The same with parameters; a browser (Accept: text/html) gets pages and is led to the provider.",
    ),
    Described(
        method="GET", path=f"{_LOGIN}/{{login_id}}", need="viewer", name="login_shown", answer=LoginView, choices=_OF,
        asks=True, summary="How a sign-in is.",
    ),
    Described(
        method="DELETE", path=f"{_LOGIN}/{{login_id}}", need="admin", name="login_ended", answer=LoginView, choices=_OF,
        asks=True, summary="Give a sign-in up.",
    ),
    Described(
        method="POST", path=f"{_LOGIN}/{{login_id}}/callback", need="admin", name="login_brought", body=Brought,
        answer=LoginView, choices=_OF, asks=True, summary="The answer of a sign-in, brought by hand.",
    ),
    Described(
        method="POST", path=_STUDIO, need="admin", name="studio_login_begin", body=StudioBeginning, answer=StudioLogin,
        next=[Link(name, {"login_id": "/login_id"}) for name in ("studio_login_shown", "studio_login_ended")],
        summary="Ask the AI Studio service to open a browser for a person.",
    ),
    Described(
        method="GET", path=f"{_STUDIO}/{{login_id}}", need="viewer", name="studio_login_shown", answer=StudioLogin,
        summary="How that sign-in is.",
    ),
    Described(
        method="DELETE", path=f"{_STUDIO}/{{login_id}}", need="admin", name="studio_login_ended", answer=StudioLogin,
        summary="Give that sign-in up.",
    ),
)  # fmt: skip
"""Whole paths. Two have another name besides: `router.api.service_sign_in.NAMES`, `router.api.web_cookies.NAMES`."""
