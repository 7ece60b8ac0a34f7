"""What each vendor's authorisation server is like. Written from what is known of the vendors and not from
`config/sign-ins`, so that a mistake there is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Auth = Literal["none", "body", "basic"]
SECRET = "the-secret-of-the-client"
GOOGLE_SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """paths: of the endpoints by name (``authorize``, ``token``, ``device``, ``poll``, ``discovery``, and sides).

    body, auth: what the token endpoint takes. pkce: whether a challenge must be there. redirects: registered addresses.
    required: query parameters that the authorize endpoint wants. scopes: the least it wants to be asked for.
    rotates: whether a refresh gives a new refresh token and ends the old one. life: seconds, None where it is not said.
    style: of errors of the token endpoint. prefixes: of access and refresh tokens.
    """

    client_id: str
    paths: Mapping[str, str]
    body: Literal["form", "json"] = "form"
    auth: Auth = "none"
    state: bool = False
    pkce: bool = True
    redirects: tuple[str, ...] = ()
    redirect_parameter: str = "redirect_uri"
    response_type: bool = True
    required: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    refresh_scope: str | None = None
    rotates: bool = True
    refreshes: bool = True
    life: int | None = 3600
    style: Literal["rfc", "openai", "github"] = "rfc"
    prefixes: tuple[str, str] = ("at-", "rt-")


def _google(client_id: str, redirect: str) -> Vendor:
    return Vendor(
        client_id=client_id,
        paths={
            "authorize": "/o/oauth2/v2/auth",
            "token": "/token",
            "user_info": "/oauth2/v2/userinfo",
            "load_code_assist": "/v1internal:loadCodeAssist",
            "onboard_user": "/v1internal:onboardUser",
        },
        auth="body",
        pkce=False,
        redirects=(redirect,),
        scopes=GOOGLE_SCOPES,
        rotates=False,
        life=3599,
        prefixes=("ya29.", "1//"),
    )


VENDORS: Mapping[str, Vendor] = {
    "claude-oauth": Vendor(
        client_id="9d1c250a-e61b-44d9-88ed-5944d1962f5e",
        paths={"authorize": "/oauth/authorize", "token": "/v1/oauth/token", "profile": "/api/oauth/profile"},
        body="json",
        state=True,
        redirects=("http://localhost:54545/callback", "https://console.anthropic.com/oauth/code/callback"),
        required={"code": "true"},
        scopes=("user:profile", "user:inference"),
        life=28_800,
        prefixes=("sk-ant-oat01-", "sk-ant-ort01-"),
    ),
    "chatgpt-oauth": Vendor(
        client_id="app_EMoamEEZ73f0CkXaXp7hrann",
        paths={
            "authorize": "/oauth/authorize",
            "token": "/oauth/token",
            "device": "/api/accounts/deviceauth/usercode",
            "poll": "/api/accounts/deviceauth/token",
            "verify": "/codex/device",
        },
        redirects=("http://localhost:1455/auth/callback", "https://auth.openai.com/deviceauth/callback"),
        required={"id_token_add_organizations": "true", "codex_cli_simplified_flow": "true"},
        scopes=("openid", "profile", "email", "offline_access"),
        refresh_scope="openid profile email",
        life=864_000,
        style="openai",
    ),
    "gemini-cli": _google(
        "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com",
        "http://localhost:8085/oauth2callback",
    ),
    "antigravity": _google(
        "1071006060591-tmhssin2h21lcre235vtolojh4g403ep.apps.googleusercontent.com",
        "http://localhost:51121/oauth-callback",
    ),
    "qwen-oauth": Vendor(
        client_id="f0304373b74a44d2b584a3fb70ca9e56",
        paths={"device": "/api/v1/oauth2/device/code", "token": "/api/v1/oauth2/token", "verify": "/authorize"},
        scopes=("openid", "profile", "email", "model.completion"),
        life=21_600,
    ),
    "kimi-oauth": Vendor(
        client_id="17e5f671-d194-4dfb-9706-5516cb48c098",
        paths={"device": "/api/oauth/device_authorization", "token": "/api/oauth/token", "verify": "/device"},
        pkce=False,
        life=900,
    ),
    "xai-oauth": Vendor(
        client_id="b1a00492-073a-47ea-816f-4c329264a828",
        paths={
            "discovery": "/.well-known/openid-configuration",
            "device": "/oauth2/device/code",
            "token": "/oauth2/token",
            "verify": "/device",
        },
        pkce=False,
        scopes=("openid", "profile", "email", "offline_access", "grok-cli:access", "api:access"),
        life=21_600,
    ),
    "copilot": Vendor(
        client_id="Iv1.b507a08c87ecfe98",
        paths={
            "device": "/login/device/code",
            "token": "/login/oauth/access_token",
            "verify": "/login/device",
            "user_info": "/user",
            "copilot_token": "/copilot_internal/v2/token",
        },
        pkce=False,
        scopes=("read:user",),
        rotates=False,
        refreshes=False,
        life=None,
        style="github",
        prefixes=("ghu_", "ghr_"),
    ),
    "iflow": Vendor(
        client_id="10009311001",
        paths={"authorize": "/oauth", "token": "/oauth/token", "user_info": "/api/oauth/getUserInfo"},
        auth="basic",
        pkce=False,
        redirects=("http://localhost:11451/oauth2callback",),
        redirect_parameter="redirect",
        response_type=False,
        required={"loginMethod": "phone", "type": "phone"},
        life=172_800,
    ),
}
"""By the ids of the sign-ins. cto.new has no authorisation server of this kind."""
