"""The facts of every sign-in: data of ``config/sign-ins/<id>.yaml``, each of which a setting can override.

Nothing here does anything: `router.accounts.oauth` builds requests from these facts, `router.accounts.login` runs the
flows, `router.providers.resolve` makes providers of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from router import plain_yaml
from router.wire.conversation import Dialect

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "sign-ins"
Flow: TypeAlias = Literal["code", "device", "paste"]


class TokenEndpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where codes and refresh tokens are exchanged (RFC 6749, 4.1.3 and 6).

    body: the encoding that this vendor takes; the RFC says form. auth: ``none`` sends the client id in the body,
    ``body`` the secret too, ``basic`` both as a header. refresh_scope: sent with a refresh; "" leaves it out. state:
    whether the exchange of a code repeats the state (one vendor wants it).
    """

    url: str
    body: Literal["form", "json"] = "form"
    auth: Literal["none", "body", "basic"] = "none"
    refresh_scope: str = ""
    state: bool = False


class CodeFlow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Authorisation code in the system browser (RFC 8252), with PKCE unless the vendor has none.

    redirect_uri: registered with the vendor, so host, port and path are fixed. paste_redirect_uri: a page of the
    vendor's own that shows the code to copy, where there is one. extra: further query parameters. redirect_parameter:
    how the vendor calls ``redirect_uri`` in the address. issuer: what ``iss`` of an answer must say (RFC 9207); ""
    means the origin of `authorize_url`.
    """

    authorize_url: str
    redirect_uri: str
    paste_redirect_uri: str | None = None
    scopes: tuple[str, ...] = ()
    pkce: bool = True
    extra: Mapping[str, str] = {}
    redirect_parameter: str = "redirect_uri"
    issuer: str = ""


class DeviceFlow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code that the person types at another device.

    style: ``rfc8628``; ``openai`` is that vendor's own (its poll gives an authorisation code and a verifier).
    device_url: None where discovery_url tells it (OIDC discovery; endpoints must be https below `discovery_domain`).
    redirect_uri: for the exchange that follows in the style ``openai``. longest: seconds, a cap on
    what the server says.
    """

    style: Literal["rfc8628", "openai"] = "rfc8628"
    device_url: str | None = None
    poll_url: str | None = None
    verification_uri: str | None = None
    discovery_url: str | None = None
    discovery_domain: str | None = None
    redirect_uri: str | None = None
    scopes: tuple[str, ...] = ()
    pkce: bool = False
    longest: float = 900.0
    interval: float = 5.0


class PasteFlow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that the person copies out of a browser. field: its name in a request's body and in an account file."""

    field: str
    instructions: str
    page: str = ""


class Upstream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the provider is called. base_urls: tried in order. models: shown in lists, and the only ones that routes
    and prefixes lead to where `closed`. suffix: a model name with this ending means this provider (``-oauth``).
    usage_url: tells the windows of the plan; models_url: lists models. extra: facts of the protocol; ``domains``:
    hosts, separated by spaces, at or below which an address may lie that the vendor names for one account.
    """

    base_urls: tuple[str, ...]
    dialects: tuple[Dialect, ...]
    models: tuple[str, ...] = ()
    closed: bool = False
    usage_url: str | None = None
    models_url: str | None = None
    extra: Mapping[str, str] = {}


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider that a person signs in to.

    title: for people. caveat: what the provider's terms say of such use, shown before it is turned on. file_types: what
    ``type`` or ``provider`` say in account files, ours first. flows: how one may sign in, the preferred first.
    client_id, client_secret: of the OAuth client; a secret is the operator's setting where `needs_secret`.
    refresh_lead: seconds before the end at which a token is renewed, None for the general formula. on_demand: renewed
    only when a call needs it (tokens that live for a minute, or that are made of a longer-lived one).
    urls: further endpoints by name that a provider's hooks need (project discovery, user information).
    """

    title: str
    caveat: str
    file_types: tuple[str, ...]
    flows: tuple[Flow, ...]
    upstream: Upstream
    client_id: str = ""
    client_secret: str = ""
    needs_secret: bool = False
    token: TokenEndpoint | None = None
    code: CodeFlow | None = None
    device: DeviceFlow | None = None
    paste: PasteFlow | None = None
    refresh_lead: float | None = None
    on_demand: bool = False
    urls: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"SignIn({self.title})"  # the client may have a secret


def read_sign_in(text: str) -> SignIn:
    """One file. Raises `msgspec.ValidationError` on a mistake in the data."""
    return msgspec.convert(plain_yaml.load(text), SignIn)


@cache
def shipped_sign_ins() -> Mapping[str, SignIn]:
    """The sign-ins of this version by id; constants, read once."""
    found = {path.stem: read_sign_in(path.read_text(encoding="utf-8")) for path in sorted(SHIPPED.glob("*.yaml"))}
    return MappingProxyType(found)


def overridden(sign_in: SignIn, changes: Mapping[str, Any]) -> SignIn:
    """The facts with a setting's changes, merged deeply. Raises `msgspec.ValidationError` on a change that is none."""
    return msgspec.convert(_merged(msgspec.to_builtins(sign_in), changes), SignIn)


def _merged(base: Any, changes: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(changes, Mapping):
        return changes
    return {**base, **{name: _merged(base.get(name), value) for name, value in changes.items()}}
