"""Whose accounts they are, and what the vendors say about them: tokens with claims, profiles, keys made of a token."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from tests.simulators.authorisation.vendors import Vendor


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who consents."""

    email: str = "ada@example.org"
    name: str = "Ada"
    account_id: str = "acc-1843"
    organization_id: str = "org-analytical"
    plan: str = "plus"
    project_id: str = "ada-project"
    login: str = "ada"


def jwt(claims: dict[str, Any]) -> str:
    """A JWT whose signature nobody can check."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "sim"}
    return ".".join((_part(head), _part(claims), base64.urlsafe_b64encode(b"not a signature").decode().rstrip("=")))


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def openai_claims(person: Person, client_id: str, now: float, life: float) -> dict[str, Any]:
    """The claims of ChatGPT's tokens."""
    return {
        "iss": "https://auth.openai.com",
        "sub": f"auth0|{person.account_id}",
        "aud": [client_id],
        "iat": int(now),
        "exp": int(now + life),
        "jti": secrets.token_hex(8),
        "email": person.email,
        "email_verified": True,
        "name": person.name,
        "https://api.openai.com/auth": {
            "chatgpt_account_id": person.account_id,
            "chatgpt_plan_type": person.plan,
            "chatgpt_user_id": f"user-{person.account_id}",
            "user_id": f"user-{person.account_id}",
            "organizations": [{"id": person.organization_id, "is_default": True, "role": "owner", "title": "Personal"}],
        },
    }


def plain_claims(person: Person, issuer: str, client_id: str, now: float, life: float) -> dict[str, Any]:
    """The claims of an OpenID Connect id_token."""
    return {
        "iss": issuer,
        "sub": person.account_id,
        "aud": client_id,
        "iat": int(now),
        "exp": int(now + life),
        "email": person.email,
        "email_verified": True,
        "name": person.name,
    }


def access_token(sign_in: str, vendor: Vendor, person: Person, now: float) -> str:
    """A new access token: opaque, or a JWT where the vendor gives one."""
    if sign_in == "chatgpt-oauth":
        return jwt(openai_claims(person, vendor.client_id, now, vendor.life or 0))
    return vendor.prefixes[0] + secrets.token_urlsafe(24)


def besides(sign_in: str, vendor: Vendor, person: Person, now: float) -> dict[str, Any]:
    """What the token endpoint says besides the tokens."""
    if sign_in == "claude-oauth":
        return {
            "organization": {"uuid": person.organization_id, "name": f"{person.name}'s organization"},
            "account": {"uuid": person.account_id, "email_address": person.email},
        }
    if sign_in == "chatgpt-oauth":
        return {"id_token": jwt(openai_claims(person, vendor.client_id, now, 3600))}
    if sign_in in ("gemini-cli", "antigravity"):
        claims = plain_claims(person, "https://accounts.google.com", vendor.client_id, now, 3600)
        return {"id_token": jwt(claims)}
    if sign_in == "xai-oauth":
        return {"id_token": jwt(plain_claims(person, "https://auth.x.ai", vendor.client_id, now, 3600))}
    if sign_in == "qwen-oauth":
        return {"resource_url": "portal.qwen.ai", "status": "success"}
    return {}


def profile(sign_in: str, person: Person) -> dict[str, Any]:
    """What the profile or user-info endpoint says."""
    if sign_in == "claude-oauth":
        return {
            "account": {
                "uuid": person.account_id,
                "full_name": person.name,
                "display_name": person.name,
                "email": person.email,
                "has_claude_max": False,
                "has_claude_pro": True,
            },
            "organization": {
                "uuid": person.organization_id,
                "name": f"{person.name}'s organization",
                "organization_type": "claude_pro",
                "rate_limit_tier": "default_claude_ai",
            },
        }
    if sign_in == "copilot":
        return {"login": person.login, "id": 1843, "name": person.name, "email": person.email}
    if sign_in == "iflow":
        data = {"apiKey": iflow_key(person), "email": person.email, "phone": "", "userName": person.name}
        return {"success": True, "data": data}
    return {"id": "1843", "email": person.email, "verified_email": True, "name": person.name}


def iflow_key(person: Person) -> str:
    """The API key that iFlow gives for a token, always the same for one person."""
    return "sk-" + hashlib.sha256(person.email.encode()).hexdigest()[:32]


def copilot_token(person: Person, now: float, address: str) -> dict[str, Any]:
    """The short token that GitHub makes of a person's, with the address that it is for."""
    text = f"tid={secrets.token_hex(8)};exp={int(now) + 1800};sku=free_limited;proxy-ep=proxy.individual"
    return {
        "token": text,
        "expires_at": int(now) + 1800,
        "refresh_in": 1500,
        "sku": "monthly_subscriber",
        "chat_enabled": True,
        "endpoints": {"api": address, "proxy": f"{address}/proxy", "telemetry": f"{address}/telemetry"},
    }
