"""What `doctor` finds on the way to providers: names, connections, certificates, and the clock."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from router.cli.finding import Finding, Level
from router.cli.talk import Place
from router.net.proxies import DEFAULT_PORTS, General, variables, way
from router.providers.resolve import resolve

WITHIN = 5.0
AT_ONCE = 8
SKEW, BAD_SKEW = 60.0, 300.0
"""Seconds by which a clock may differ: signed tokens of Google and others are refused a few minutes off."""
Look = Callable[[str], float | None]
"""Connects to an origin; gives by how many seconds its clock is ahead of ours, None where it does not say. Raises
`OSError` and `http.client.HTTPException`."""


Knock = Callable[[str, int], None]
"""Connects to a host and a port. Raises `OSError`."""


def network(
    place: Place, environ: Mapping[str, str], look: Look | None = None, knock: Knock | None = None
) -> Iterator[Finding]:
    """Each provider with an account, once per origin, and each proxy on the way to one. Of what stands behind a proxy
    only the proxy is looked at: whether it lets calls through, those of `credentials` tell."""
    origins: dict[str, list[str]] = {}
    proxies: dict[str, list[str]] = {}
    general = General(place.settings.network.proxy, tuple(place.settings.network.no_proxy), variables(environ))
    for name, combo in place.settings.models.combos.items():
        if combo.proxy is not None:
            proxies.setdefault(combo.proxy, []).append(f"calls for the combo {name} leave through its own proxy")
    for provider in resolve(place.settings, environ):
        if provider.kind == "demo" or not provider.accounts or not provider.base_urls:
            continue
        for own in dict.fromkeys(account.proxy or provider.proxy for account in provider.accounts):
            taken = way(provider.base_urls[0], own, general)
            if taken.proxy is not None:
                which = "a proxy of its own" if own is not None else f"the proxy of {taken.source}"
                proxies.setdefault(taken.proxy, []).append(f"{provider.id} is reached through {which}")
                continue
            parts = urlsplit(provider.base_urls[0])
            origins.setdefault(f"{parts.scheme}://{parts.netloc}", []).append(provider.id)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda proxy: _proxied(proxy, proxies[proxy], knock or knocked), proxies)
        skews: list[float] = []
        seen = zip(origins.items(), pool.map(lambda origin: _seen(origin, look or looked), origins), strict=True)
        for (origin, names), found in seen:
            if isinstance(found, Finding):
                yield Finding(found.level, "network", f"{', '.join(names)}: {found.what}", found.why, found.fix)
                continue
            yield Finding("ok", "network", f"{', '.join(names)}: {origin} answers")
            skews += [] if found is None else [found]
    yield from _clock(skews)


def _clock(skews: list[float]) -> Iterator[Finding]:
    if not skews:
        return
    skew = sorted(skews)[len(skews) // 2]  # one server may be wrong, most are not
    if abs(skew) <= SKEW:
        yield Finding("ok", "clock", f"agrees with the providers' to {abs(skew):.0f} s")
        return
    way = "behind" if skew > 0 else "ahead"
    why = "Sign-ins and signed tokens are refused, and limits reset at the wrong time."
    level: Level = "error" if abs(skew) > BAD_SKEW else "warning"
    yield Finding(level, "clock", f"this machine is {abs(skew):.0f} s {way}", why, "sudo timedatectl set-ntp true")


def _proxied(proxy: str, told: list[str], knock: Knock) -> Finding:
    """One proxy, which is never quoted: it may hold a password."""
    parts = urlsplit(proxy)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme.lower()]
    where = f"{'; '.join(told)}: {host}:{port}"
    try:
        knock(host, port)
    except OSError as error:
        why = "Nothing that goes that way is answered."
        fix = "Start the proxy, or correct its address in the settings."
        said = "its name is not known" if isinstance(error, socket.gaierror) else str(error) or type(error).__name__
        return Finding("error", "network", f"{where} cannot be reached ({said})", why, fix)
    return Finding("ok", "network", f"{where} takes connections")


def knocked(host: str, port: int) -> None:
    """See `Knock`."""
    socket.create_connection((host, port), WITHIN).close()


def _seen(origin: str, look: Look) -> float | Finding | None:
    why = "Its models do not answer."
    try:
        return look(origin)
    except ssl.SSLError as error:
        fix = "Correct base_url, the clock, or the CA certificates of this machine (apt-get install ca-certificates)."
        return Finding(
            "error", "", f"{origin} has no certificate that counts ({getattr(error, 'reason', '') or error})", why, fix
        )
    except socket.gaierror:
        fix = "Correct base_url, or this machine's DNS (resolvectl status)."
        return Finding("error", "", f"the name of {origin} is not known", why, fix)
    except TimeoutError:
        fix = "Look at firewalls; where a proxy is needed, set network.proxy."
        return Finding("error", "", f"{origin} does not answer within {WITHIN:g} s", why, fix)
    except (OSError, http.client.HTTPException) as error:
        fix = "Look at firewalls and base_url; where a proxy is needed, set network.proxy."
        return Finding("error", "", f"{origin} cannot be reached ({error})", why, fix)


def looked(origin: str) -> float | None:
    """See `Look`. Any status will do: the way is what counts."""
    parts = urlsplit(origin)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=WITHIN)
    try:
        connection.request("HEAD", "/")
        date = connection.getresponse().getheader("date")
    finally:
        connection.close()
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except ValueError:
        return None
