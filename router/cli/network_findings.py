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
from router.net.proxies import General, variables, way
from router.providers.resolve import resolve

WITHIN = 5.0
AT_ONCE = 8
SKEW, BAD_SKEW = 60.0, 300.0
"""Seconds by which a clock may differ: signed tokens of Google and others are refused a few minutes off."""
Look = Callable[[str], float | None]
"""Connects to an origin; gives by how many seconds its clock is ahead of ours, None where it does not say. Raises
`OSError` and `http.client.HTTPException`."""


def network(place: Place, environ: Mapping[str, str], look: Look | None = None) -> Iterator[Finding]:
    """Each provider with an account, once per origin; those behind a proxy are not looked at from here."""
    origins: dict[str, list[str]] = {}
    general = General(place.settings.network.proxy, tuple(place.settings.network.no_proxy), variables(environ))
    for name, combo in place.settings.models.combos.items():
        if combo.proxy is not None:
            text = f"calls for the combo {name} leave through its own proxy, which is not looked at"
            yield Finding("ok", "network", text)
    for provider in resolve(place.settings, environ):
        if provider.kind == "demo" or not provider.accounts or not provider.base_urls:
            continue
        if provider.proxy is not None or any(account.proxy is not None for account in provider.accounts):
            yield Finding("ok", "network", f"{provider.id} is reached through a proxy, which is not looked at")
            continue
        taken = way(provider.base_urls[0], None, general)
        if taken.proxy is not None:
            text = f"{provider.id} is reached through the proxy of {taken.source}, which is not looked at"
            yield Finding("ok", "network", text)
            continue
        parts = urlsplit(provider.base_urls[0])
        origins.setdefault(f"{parts.scheme}://{parts.netloc}", []).append(provider.id)
    with ThreadPoolExecutor(AT_ONCE) as pool:
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
