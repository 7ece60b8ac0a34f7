"""The document of one account: a JSON object in a file. Pure; the files are the matter of `accounts.stores`.

Ours is told by ``"switchyard": 1``. The public part can be read and edited by a person:

    provider, label        whose account it is; together its id
    email                  the address, where there is one
    created_at, issued_at, expires_at    RFC 3339; the last two are of `access`
    disabled, priority, weight, models, excluded, aliases, thinking    the operator's choices
    facts                  what is known besides and no secret, texts by name

and a secret part, which lies beside it where nothing is encrypted, and else in ``sealed``: base64 of a JSON object that
is encrypted for this account's id, so that it cannot be put into another's file.

    access, refresh        what is sent upstream (a token, or an API key), and what a new one is made with
    secrets                further secrets by name
    proxy                  the address of the account's proxy, which may hold a password
    other                  unknown fields that have one of the names above
    ...                    every other unknown field, as it was

There is no ``type``, so that the programs whose folder this may be do not take the file for theirs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct
from pydantic import ValidationError

from router.accounts import foreign_documents
from router.accounts.credential import Credential
from router.accounts.labels import label_problem, named_by_us, named_for
from router.accounts.moments import read_moment, write_moment
from router.accounts.unusable import Kind, Unusable
from router.secret import Secret
from router.settings.policy_blocks import Thinking
from router.settings.presets import shipped_presets
from router.settings.provider_names import SIGN_INS, by_key
from router.settings.validation import describe
from router.vault.cipher import Locked
from router.wire import codec

MARKER = "switchyard"
VERSION = 1
_MARKED = re.compile(rb'"switchyard"\s*:')
Crypt: TypeAlias = Callable[[bytes, str], bytes]
"""Seals or opens bytes for a name. Opening raises `router.vault.cipher.Locked`."""
_Moment: TypeAlias = str | int | float | None
_SECRET = ("access", "refresh", "secrets")


class _File(Struct, frozen=True, kw_only=True):
    provider: str
    label: str
    email: str | None = None
    created_at: _Moment = None
    issued_at: _Moment = None
    expires_at: _Moment = None
    disabled: bool = False
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    weight: Annotated[int, Meta(ge=1, le=1000)] = 1
    proxy: str | None = None
    models: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    thinking: dict[str, Any] | None = None
    facts: dict[str, str] = {}
    access: str = ""
    refresh: str = ""
    secrets: dict[str, str] = {}
    other: dict[str, Any] = {}


_FIELDS = frozenset(_File.__struct_fields__)


def read_document(name: str, text: bytes | str, open_sealed: Crypt | None) -> Credential:
    """What the file `name` says. open_sealed: None where there is no key. Raises `Unusable`."""
    if isinstance(text, bytes):
        text = text.removeprefix(b"\xef\xbb\xbf")
    ours = is_ours(text)
    try:
        document = codec.loads(text)
    except codec.Malformed as error:
        known = ours or named_for(name) is not None
        kind: Kind = "corrupt" if known else "nothing"
        raise Unusable(kind, f"is not JSON: {error}", ours=ours, named=named_by_us(name)) from None
    if not isinstance(document, dict):
        raise Unusable("nothing", "is JSON, but no object", ours=False)
    if MARKER in document:
        return _read_ours(document, open_sealed)
    return foreign_documents.read_foreign(name, document)


def is_ours(text: bytes | str) -> bool:
    """Whether a text that may be damaged has our marker near its beginning."""
    start = text[:400]
    return _MARKED.search(start if isinstance(start, bytes) else start.encode("utf-8", "replace")) is not None


def is_sealed(text: bytes | str) -> bool:
    """Whether a document of ours has an encrypted part. Raises `codec.Malformed`."""
    document = codec.loads(text)
    return isinstance(document, dict) and MARKER in document and "sealed" in document


def write_document(credential: Credential, seal: Crypt | None) -> bytes:
    """The document of one of ours. seal: None writes the secret part in plain text."""
    public = {
        MARKER: VERSION,
        "provider": credential.provider,
        "label": credential.label,
        "email": credential.email,
        "created_at": write_moment(credential.created_at),
        "issued_at": write_moment(credential.issued_at),
        "expires_at": write_moment(credential.expires_at),
        "disabled": credential.disabled,
        "priority": credential.priority,
        "weight": credential.weight,
        "models": list(credential.models),
        "excluded": list(credential.excluded),
        "aliases": dict(credential.aliases),
        "thinking": credential.thinking.model_dump(exclude_none=True) if credential.thinking is not None else None,
        "facts": dict(credential.facts),
    }
    document = {name: value for name, value in public.items() if value is not None and value != [] and value != {}}
    secret = _secret_part(credential)
    if seal is None:
        document |= secret
    else:
        sealed = seal(codec.dumps(secret), _place(credential.provider, credential.label))
        document["sealed"] = base64.b64encode(sealed).decode()
    return msgspec.json.format(codec.dumps(document), indent=2) + b"\n"


def _secret_part(credential: Credential) -> dict[str, Any]:
    reserved = _FIELDS | {MARKER, "sealed"}
    unknown = credential.unknown
    known = {
        "access": credential.access.reveal() or None,
        "refresh": credential.refresh.reveal() or None,
        "secrets": {name: secret.reveal() for name, secret in credential.secrets.items()} or None,
        "proxy": credential.proxy,
        "other": {name: value for name, value in unknown.items() if name in reserved} or None,
    }
    secret = {name: value for name, value in known.items() if value is not None}
    return secret | {name: value for name, value in unknown.items() if name not in reserved}


def _read_ours(document: dict[str, Any], open_sealed: Crypt | None) -> Credential:
    version = document[MARKER]
    if isinstance(version, int) and version > VERSION:
        raise Unusable("newer", "was written by a newer version of Switchyard", ours=True)
    if version != VERSION or isinstance(version, bool):
        raise Unusable("corrupt", f'has a wrong format: "{MARKER}" must be {VERSION}', ours=True)
    provider, label = document.get("provider"), document.get("label")
    if not isinstance(provider, str) or not isinstance(label, str):
        raise Unusable("corrupt", "names no provider or no label", ours=True)
    if provider not in SIGN_INS and provider not in by_key(shipped_presets()):
        raise Unusable("newer", "is of a provider that this version does not know", ours=True)
    if (problem := label_problem(label)) is not None:
        raise Unusable("corrupt", f"has a wrong label: {problem}", ours=True)
    account = f"{provider}/{label}"
    secret = _open(document, account, _place(provider, label), open_sealed)
    merged = {name: value for name, value in {**secret, **document}.items() if name not in (MARKER, "sealed")}
    merged |= {name: secret[name] for name in _SECRET if name in secret}
    try:
        return _credential(merged)
    except (msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise Unusable("corrupt", f"has a wrong format: {_told(error)}", account=account, ours=True) from None


def _open(document: Mapping[str, Any], account: str, place: str, open_sealed: Crypt | None) -> dict[str, Any]:
    """The secret part where it is encrypted, else nothing."""
    if "sealed" not in document:
        return {}
    if open_sealed is None:
        reason = "is encrypted, and encryption is switched off here"
        raise Unusable("locked", reason, account=account, ours=True)
    try:
        sealed = base64.b64decode(document["sealed"], validate=True)
        secret = codec.loads(open_sealed(sealed, place))
    except Locked as error:
        raise Unusable("locked", f"cannot be decrypted: {error}", account=account, ours=True) from None
    except (binascii.Error, ValueError, TypeError):
        raise Unusable("corrupt", 'has a damaged "sealed" part', account=account, ours=True) from None
    if not isinstance(secret, dict):
        raise Unusable("corrupt", 'has a "sealed" part that is no object', account=account, ours=True)
    return secret


def _credential(document: Mapping[str, Any]) -> Credential:
    """Raises `msgspec.ValidationError`."""
    file = msgspec.convert({name: value for name, value in document.items() if name in _FIELDS}, _File)
    leftover = {name: value for name, value in document.items() if name not in _FIELDS}
    return Credential(
        provider=file.provider,
        label=file.label,
        access=Secret(file.access),
        refresh=Secret(file.refresh),
        created_at=_moment(file.created_at, "created_at"),
        issued_at=_moment(file.issued_at, "issued_at"),
        expires_at=_moment(file.expires_at, "expires_at"),
        email=file.email,
        facts=file.facts,
        secrets={name: Secret(value) for name, value in file.secrets.items()},
        disabled=file.disabled,
        priority=file.priority,
        weight=file.weight,
        proxy=file.proxy,
        models=file.models,
        excluded=file.excluded,
        aliases=file.aliases,
        thinking=_thinking(file.thinking),
        unknown=file.other | leftover,
    )


def _thinking(written: dict[str, Any] | None) -> Thinking | None:
    try:
        return None if written is None else Thinking.model_validate(written)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        problem, _ = describe(found, ("thinking", *found["loc"]), {})
        raise msgspec.ValidationError(f"thinking {problem}") from None


def _moment(written: _Moment, name: str) -> float | None:
    moment = read_moment(written)
    if moment is None and written not in (None, ""):
        raise msgspec.ValidationError(f"Expected a time like 2027-01-31T12:00:00Z - at `$.{name}`")
    return moment


def _told(error: Exception) -> str:
    """msgspec names types and places, and the values of nothing that this schema has."""
    return (
        str(error) if isinstance(error, msgspec.ValidationError) else "a text that is no Unicode, or too deep nesting"
    )


def _place(provider: str, label: str) -> str:
    return f"account {provider}/{label}"
