"""Account files of other programs: CLIProxyAPI, LLMux, Codex, Claude Code, and the hand-written ones of this project's
first sketches. Pure.

They differ in the names of a dozen fields and in which of them are nested, so this is tables: which names mean a thing,
in the order in which they are looked for. Whatever is not read stays in `Credential.unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from router.accounts.credential import NOTHING, Credential
from router.accounts.labels import DEFAULT, file_types, named_for, tidy_label
from router.accounts.login.cookies import value_of
from router.accounts.moments import read_moment
from router.accounts.oauth import claims
from router.accounts.renewals import clerk
from router.accounts.unusable import Unusable
from router.secret import Secret
from router.settings.provider_names import plain
from router.settings.secrets import unsendable

T = TypeVar("T")
_NESTED = ("token", "tokens", "claudeAiOauth", "metadata")
"""Objects whose fields are looked at as if they stood outside: gemini's token, Codex's and LLMux's tokens, the sign-in
of Claude Code, the sketches' metadata."""
_ACCESS = ("access_token", "accessToken")
_REFRESH = ("refresh_token", "refreshToken")
_EXPIRES = ("expired", "expires_at", "expiresAt", "expiry", "expire")
_ISSUED = ("last_refresh", "issued_at", "saved_at", "timestamp")
_CREATED = ("created_at",)
_EMAIL = ("email",)
_NAMES = ("label", "alias")
_PROXY = ("proxy_url",)
_COOKIE = ("clerk_jwt_cookie",)
_GITHUB = ("github_token", "oauth_token")
_SECRETS: Mapping[str, tuple[str, ...]] = {
    "id_token": ("id_token", "idToken"),
    "api_key": ("api_key",),
    "cookie": ("cookie",),
}
_FACTS: Mapping[str, tuple[str, ...]] = {
    "account_id": ("account_id", "chatgpt_account_id"),
    "account_uuid": ("account_uuid",),
    "organization_uuid": ("organization_uuid", "organization"),
    "organization_name": ("organization_name",),
    "plan": ("plan", "plan_type", "subscriptionType"),
    "project_id": ("project_id",),
    "resource_url": ("resource_url",),
    "device_id": ("device_id",),
    "token_endpoint": ("token_endpoint",),
    "sub": ("sub",),
    "user_id": ("user_id",),
    "scope": ("scope",),
}
_OPENAI_CLAIM = "https://api.openai.com/auth"
_CLAIMED: Mapping[str, str] = {
    "account_id": "chatgpt_account_id",
    "plan": "chatgpt_plan_type",
    "user_id": "chatgpt_user_id",
}
_OTHER_SERVICES = ("mcpOAuth",)
"""Sign-ins of Claude Code to third parties, which are none of our business."""
_TOKEN_TYPES = ("oauth_flow", "long_term")
"""What LLMux calls a Claude sign-in."""
_GITHUB_PREFIXES = ("gho_", "ghu_", "ghp_")
_LONGEST_FACT = 2000


def read_foreign(name: str, document: Mapping[str, Any]) -> Credential:
    """The account in a document without our marker, to be used and not renewed. Raises `Unusable`."""
    provider = sign_in_of(name, document)
    if provider is None:
        raise Unusable("nothing", "is no account file that this program knows", ours=False)
    fields = _Fields({key: value for key, value in document.items() if key not in _OTHER_SERVICES})
    found = _READERS.get(provider, _plainly)(fields)
    if not found.access and not found.refresh:
        hint = ""
        if isinstance(document.get("OPENAI_API_KEY"), str):
            hint = ", but an API key, which belongs into the settings under providers.openai.api_keys"
        raise Unusable("corrupt", f"has neither an access token nor a refresh token{hint}", ours=False)
    for secret in (found.access, found.refresh):
        if (problem := unsendable(secret.reveal())) is not None:
            raise Unusable("corrupt", f"has a token that {problem}", ours=False)
    return _credential(provider, name, fields, found)


def sign_in_of(name: str, document: Mapping[str, Any]) -> str | None:
    """Whose account a document is: by what it says of itself, by its shape, by its name. None for anything else."""
    for field in ("type", "provider"):
        said = document.get(field)
        if isinstance(said, str) and said:
            return file_types().get(said.lower()) or file_types().get(plain(said))
    if isinstance(document.get("claudeAiOauth"), dict) or document.get("token_type") in _TOKEN_TYPES:
        return "claude-oauth"
    if isinstance(document.get("clerk_jwt_cookie"), str):
        return "ctonew"
    if isinstance(document.get("tokens"), dict) and "last_refresh" in document:
        return "chatgpt-oauth"
    named = named_for(name)
    if named is not None and any(isinstance(document.get(field), str) for field in (*_ACCESS, *_REFRESH)):
        return named[0]
    return None


class _Fields:
    """The fields of a document, and which of them were read."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._layers = [(None, document)] + [
            (name, document[name]) for name in _NESTED if isinstance(document.get(name), dict)
        ]
        self._read: set[tuple[str | None, str]] = {(None, "type"), (None, "provider")}

    def first(self, names: tuple[str, ...], accept: Callable[[Any], T | None]) -> T | None:
        """The first of `names` with a value that is accepted, in the document itself, then in what is nested."""
        for layer, fields in self._layers:
            for name in names:
                value = accept(fields.get(name))
                if value is not None:
                    self._read.add((layer, name))
                    return value
        return None

    def secret(self, names: tuple[str, ...]) -> Secret:
        text = self.first(names, _text)
        return Secret(text) if text is not None else NOTHING

    def unknown(self) -> dict[str, Any]:
        """What was not read; a nested object is left without what was."""
        kept = {name: value for name, value in self._document.items() if (None, name) not in self._read}
        for layer, fields in self._layers[1:]:
            left = {name: value for name, value in fields.items() if (layer, name) not in self._read}
            if layer is not None and len(left) < len(fields):
                kept[layer] = left
                if not left:
                    del kept[layer]
        return kept


class _Found:
    """What a reader found: the two secrets, further ones, and facts that follow from the form."""

    def __init__(self, access: Secret, refresh: Secret, **more: Secret) -> None:
        self.access = access
        self.refresh = refresh
        self.more = more
        self.facts: dict[str, str] = {}


def _plainly(fields: _Fields) -> _Found:
    return _Found(fields.secret(_ACCESS), fields.secret(_REFRESH))


def _ctonew(fields: _Fields) -> _Found:
    """Clerk's cookie, alone or as it stands in a header; or the vendor's own tokens, or both."""
    cookie = fields.secret(_COOKIE)
    if not cookie:
        found = _plainly(fields)
        found.facts["way"] = clerk.OAUTH
        return found
    value = value_of(cookie.reveal()) or ""
    beside = fields.secret(_REFRESH)
    return _Found(NOTHING, Secret(value), **({clerk.VENDOR_TOKEN: beside} if beside else {}))


def _copilot(fields: _Fields) -> _Found:
    """GitHub's token is what Copilot's short one is made with."""
    found = _plainly(fields)
    github = fields.secret(_GITHUB)
    if not github and found.access.reveal().startswith(_GITHUB_PREFIXES):
        return _Found(NOTHING, found.access)
    return _Found(found.access, github or found.refresh)


def _iflow(fields: _Fields) -> _Found:
    """The API key is what is sent upstream; the access token only asks for one."""
    found = _plainly(fields)
    key = fields.secret(("api_key",))
    return _Found(
        key or found.access, found.refresh, **({"access_token": found.access} if key and found.access else {})
    )


_READERS: Mapping[str, Callable[[_Fields], _Found]] = {"ctonew": _ctonew, "copilot": _copilot, "iflow": _iflow}


def _credential(provider: str, name: str, fields: _Fields, found: _Found) -> Credential:
    facts = {fact: text for fact, names in _FACTS.items() if (text := fields.first(names, _fact)) is not None}
    facts |= found.facts
    secrets = {which: secret for which, names in _SECRETS.items() if (secret := fields.secret(names))} | found.more
    said = claims(secrets["id_token"].reveal()) if "id_token" in secrets else {}
    if provider == "chatgpt-oauth":
        told = said.get(_OPENAI_CLAIM)
        for fact, claim in _CLAIMED.items():
            text = _fact(told.get(claim)) if isinstance(told, dict) else None
            if text is not None:
                facts.setdefault(fact, text)
    email = fields.first(_EMAIL, _fact) or _fact(said.get("email"))
    called = fields.first(_NAMES, _fact)
    named = named_for(name)
    label = email or called or (named[1] if named is not None else DEFAULT)
    return Credential(
        provider=provider,
        label=tidy_label(label),
        access=found.access,
        refresh=found.refresh,
        expires_at=_expiry(fields, found.access),
        issued_at=fields.first(_ISSUED, read_moment),
        created_at=fields.first(_CREATED, read_moment),
        email=email,
        facts=facts,
        secrets=secrets,
        disabled=fields.first(("disabled",), _flag) or False,
        proxy=fields.first(_PROXY, _fact),
        owner="found",
        unknown=fields.unknown(),
    )


def _expiry(fields: _Fields, access: Secret) -> float | None:
    """As said; else from the lifetime and the time of issue; else as the token itself claims."""
    said = fields.first(_EXPIRES, read_moment)
    if said is not None or not access:
        return said
    life = fields.first(("expires_in",), read_moment)
    issued = fields.first(_ISSUED, read_moment)
    if life is not None and issued is not None:
        return issued + life
    return read_moment(claims(access.reveal()).get("exp"))


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _fact(value: Any) -> str | None:
    text = _text(value)
    return text if text is not None and len(text) <= _LONGEST_FACT and text.isprintable() else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
