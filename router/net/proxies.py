"""Which outbound proxy a request takes, and why. Pure: the settings and the environment are passed in.

Precedence: the proxy of the account, of the combo or of the provider, which counts for every target; then
`network.proxy`; then the environment. The last two are left out for targets on this machine and for those of
`network.no_proxy` and NO_PROXY.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import Struct

SCHEMES = ("http", "https", "socks5", "socks5h")
"""``socks5h`` lets the proxy resolve the names of targets, ``socks5`` resolves them here."""
SHAPE = "http://user:password@host:3128, https://…, socks5://host:1080 or socks5h://… (which resolves names itself)"
OWN = "account, combo or provider"
_PROXY = re.compile(r"([a-z0-9]+)://[^\s/]+/?", re.IGNORECASE)
_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
_SECURE = frozenset({"https", "wss"})
DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "ws": 80, "https": 443, "wss": 443, "socks5": 1080, "socks5h": 1080}


def proxy_problem(address: str) -> str | None:
    """Why `address` cannot be an outbound proxy, None where it can. Never quotes it: it may hold a password."""
    found = _PROXY.fullmatch(address)
    if not address.isprintable() or found is None:
        return f"must be an outbound proxy like {SHAPE}"
    scheme = found[1].lower()
    if scheme in ("socks", "socks4", "socks4a"):
        return "must be an HTTP or a SOCKS5 proxy (SOCKS4 is not supported): write socks5:// or socks5h://"
    if scheme not in SCHEMES:
        return f"must be an outbound proxy like {SHAPE}"
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    return None if usable else "has a host or a port that cannot be one"


def is_socks(proxy: str | None) -> bool:
    """Whether it speaks SOCKS and not HTTP."""
    return proxy is not None and proxy.lower().startswith("socks5")


def exception_problem(entry: str) -> str | None:
    """Why `entry` cannot stand in `network.no_proxy`, None where it can."""
    if not entry.strip() or not entry.isprintable() or "://" in entry or "," in entry or " " in entry.strip():
        return "must hold hosts like internal.example, .example (all below it), 10.0.0.0/8, host:8443, or *"
    return None


class General(Struct, frozen=True):
    """What counts for requests whose account, combo and provider name no proxy. proxy, no_proxy: of the settings.
    environ: of the process."""

    proxy: str | None = None
    no_proxy: tuple[str, ...] = ()
    environ: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return "General()"  # proxies hold passwords, the environment holds more


class Way(Struct, frozen=True):
    """How one request leaves. proxy: None for straight on. source: where that was said, for people."""

    proxy: str | None
    source: str

    def __repr__(self) -> str:
        return f"Way({self.source})"


def way(url: str, own: str | None, general: General) -> Way:
    """The way to `url`. own: the proxy of the account, the combo or the provider."""
    if own is not None:
        return Way(own, OWN)
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS.get(parts.scheme.lower(), 0)
    except ValueError:  # no address: whoever sends says so
        return Way(None, "the address cannot be read")
    named = _environment(parts.scheme.lower(), general.environ) if general.proxy is None else None
    proxy, source = (general.proxy, "network.proxy") if named is None else named
    if proxy is None:
        return Way(None, "no proxy is set")
    if _is_here(host):
        return Way(None, "the target is on this machine")
    if matches(host, port, general.no_proxy):
        return Way(None, "network.no_proxy")
    if matches(host, port, _words(_first(general.environ, "no_proxy")[0])):
        return Way(None, "NO_PROXY")
    return Way(proxy, source)


def matches(host: str, port: int, entries: Iterable[str]) -> bool:
    """Whether a target is one of `entries`: a name means itself and all below it, a network its addresses."""
    return any(_matches(host.lower(), port, entry.strip().lower()) for entry in entries)


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    name, separator, number = entry.rpartition(":")
    if separator and number.isdigit() and (":" not in name or name.startswith("[")):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    try:
        address = ip_address(host)
    except ValueError:
        suffix = entry.lstrip("*").lstrip(".").rstrip(".")
        return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _environment(scheme: str, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """The proxy for a scheme, and the variable that names it."""
    for name in ("https_proxy" if scheme in _SECURE else "http_proxy", "all_proxy"):
        value, variable = _first(environ, name)
        if value:
            return (value if "://" in value else f"http://{value}"), variable
    return None, ""


def _first(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """The value of a variable in lower or upper case, and how it is written. Others know both, the lower case first."""
    for variable in (name, name.upper()):
        value = environ.get(variable, "").strip()
        if value:
            return value, variable
    return "", ""


def _words(text: str) -> Iterator[str]:
    return (word for word in re.split(r"[\s,]+", text) if word)


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What of an environment is about proxies."""
    return {name: value for name, value in environ.items() if name.lower() in _VARIABLES}


def of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Every proxy that the environment names: their passwords are secrets."""
    for scheme in ("http", "https"):
        proxy, _ = _environment(scheme, environ)
        if proxy is not None:
            yield proxy
