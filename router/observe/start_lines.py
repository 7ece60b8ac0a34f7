"""What the router says of itself once it serves: a few short lines, without anything secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from router.access.keys import ClientKey, Scope
from router.providers.config import ProviderConfig
from router.version import NAME, VERSION

_SHORT = 12  # hexadecimal digits of the settings' digest, enough to tell two versions of a file apart


def start_lines(
    *,
    source: str,
    digest: str | None,
    providers: Iterable[ProviderConfig],
    keys: Iterable[ClientKey],
    remote_management: bool,
    now: float,
) -> Iterator[str]:
    """Version and settings, who may call, which providers can serve.

    source: path of the settings file. digest: its SHA-256 in hexadecimal, None where there is no file. now: Unix time;
    keys that have expired or were revoked are not counted.
    """
    settings = f"{source} (sha256 {digest[:_SHORT]})" if digest is not None else f"defaults, there is no {source}"
    yield f"{NAME} {VERSION}, settings: {settings}"
    usable = [key for key in keys if key.usable(now)]
    where = "from anywhere" if remote_management else "from this machine only"
    yield f"access: {_keys(usable, 'client')}; {_keys(usable, 'management')}, {where}"
    yield f"providers: {_providers(tuple(providers))}"


def _keys(keys: Iterable[ClientKey], scope: Scope) -> str:
    """``3 client keys (settings 2, file 1)``. One key given twice is one."""
    found = {key.digest: key for key in keys if scope in key.scopes}
    if not found:
        return f"no {scope} key, so that every such request is refused"
    sources = Counter(key.source for key in found.values())
    told = ", ".join(f"{source} {count}" for source, count in sources.items())
    return f"{len(found)} {scope} key{'s' if len(found) != 1 else ''} ({told})"


def _providers(providers: tuple[ProviderConfig, ...]) -> str:
    able = [f"{provider.id} {len(provider.accounts)}" for provider in providers if provider.accounts]
    other = [provider.id for provider in providers if not provider.accounts]
    return f"{_counted(able, 'with accounts')}; {_counted(other, 'without')}"


def _counted(names: list[str], what: str) -> str:
    return f"{len(names)} {what} ({', '.join(names)})" if names else f"none {what}"
