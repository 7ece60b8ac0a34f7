"""What every block of the settings has in common: strict keys, frozen values, a description and an effect per field."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from router.net.proxies import exception_problem, proxy_problem

Effect = Literal["reload", "restart"]
"""When a changed setting applies: as soon as the file is read again, or with the next start of the process."""


class Block(BaseModel):
    """A mapping in the file. Unknown keys are mistakes; values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, regex_engine="python-re")


def setting(default: Any, description: str, *, effect: Effect = "reload", **rules: Any) -> Any:
    """A field with what the generated reference needs. `default` is ``...`` for a setting that must be given."""
    return Field(default, description=description, json_schema_extra={"effect": effect}, **rules)


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_URL = re.compile(r"https?://[^\s/?#]+[^\s?#]*")


def address_problem(value: str) -> str | None:
    """Why `value` cannot be the address of an API, None where it can. Never quotes it: it may hold a password."""
    if not value.isprintable():
        return "has a line break or another control character in it"
    if not _URL.fullmatch(value):
        return "must be an http:// or https:// address without a query, like https://host.example/v1"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return "has a host or a port that cannot be one"
    if "@" in parts.netloc:
        return (
            "has a user name or password in front of the host; "
            "put a key into api_keys, or `authorization: Basic …` into headers, and keep the address without it"
        )
    return None if parts.hostname and port != 0 else "has a host or a port that cannot be one"


def _base_url(value: str) -> str:
    problem = address_problem(value.strip())
    if problem is not None:
        raise ValueError(problem)
    return value.strip().rstrip("/")


def _proxy(value: str) -> str:
    problem = proxy_problem(value)
    if problem is not None:
        raise ValueError(problem)
    return value


def _exceptions(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        problem = exception_problem(entry)
        if problem is not None:
            raise ValueError(problem)
    return value


_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be a short lower-case name of letters, digits, '.', '_' and '-'")
    return value


_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not _HEADER.fullmatch(name):
            raise ValueError(f"has a name that is no header name: {name!r}")
        if not text.replace("\t", " ").isprintable():
            raise ValueError(f"has a line break or another control character in the value of {name}")
    return value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        scheme, separator, host = origin.partition("://")
        if origin != "*" and (scheme not in ("http", "https") or not separator or not host or "/" in host):
            raise ValueError(f"has {origin!r}, which is no origin; write scheme and host only: https://chat.example")
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
"""A list of texts; a single text counts as a list of one."""
Origins = Annotated[Texts, AfterValidator(_origins)]
"""Where web pages come from; ``*`` is any of them."""
BaseUrl = Annotated[str, AfterValidator(_base_url)]
BaseUrls = Annotated[tuple[BaseUrl, ...], BeforeValidator(_one_or_many)]
Proxy = Annotated[str, AfterValidator(_proxy)]
Exceptions = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), AfterValidator(_exceptions)]
"""Targets that no proxy stands before."""
Name = Annotated[str, AfterValidator(_name)]
Headers = Annotated[dict[str, str], AfterValidator(_headers)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
