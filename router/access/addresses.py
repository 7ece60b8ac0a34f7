"""Where a call comes from, and whether it may come from there. Pure.

The peer of the connection is the client, unless it is a proxy that the settings trust: then the client is the last
address of ``X-Forwarded-For`` that is no such proxy. What stands before it was written by the client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from router.faults import Fault

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Networks(Struct, frozen=True):
    """A set of addresses."""

    members: tuple[Network, ...] = ()

    def __contains__(self, address: object) -> bool:
        return isinstance(address, (ipaddress.IPv4Address, ipaddress.IPv6Address)) and any(
            address.version == network.version and address in network for network in self.members
        )

    def __bool__(self) -> bool:
        return bool(self.members)


class AddressRules(Struct, frozen=True, kw_only=True):
    """Who may call from where. allow: nobody else may; empty: everybody. allowed_by, denied_by: whose rule it is."""

    allowed_by: str = "setting policies.ips.allow"
    denied_by: str = "setting policies.ips.deny"
    allow: Networks = Networks()
    deny: Networks = Networks()

    def refuse(self, address: str) -> None:
        """Raises `Fault` forbidden where a call may not come from `address`. One that cannot be read is in no
        network: it is refused wherever there is a list of those that may."""
        if not self.allow and not self.deny:
            return
        parsed = parse(address)
        if parsed in self.deny:
            raise _refusal(address, self.denied_by)
        if self.allow and parsed not in self.allow:
            raise _refusal(address, self.allowed_by)


def _refusal(address: str, rule: str) -> Fault:
    text = f"Calls from {address[:60] or 'an unknown address'} are not allowed here ({rule})."
    return Fault("forbidden", text, code="address_not_allowed")


def networks(texts: Iterable[str]) -> Networks:
    """Read what the settings have checked. Raises `ValueError` for what is no network."""
    return Networks(tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts))


def parse(text: str) -> Address | None:
    """An address as peers and proxies write it: with a zone, a port or brackets. IPv4 within IPv6 is IPv4."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def client_address(peer: str, forwarded: Iterable[str], trusted: Networks) -> str:
    """The address that a call counts as from. forwarded: every ``X-Forwarded-For`` of the request, in order."""
    if not trusted or parse(peer) not in trusted:
        return peer
    address = peer
    hops = [hop.strip() for line in forwarded for hop in line.split(",") if hop.strip()]
    for hop in reversed(hops):
        address = hop
        if parse(hop) not in trusted:
            break
    read = parse(address)
    return str(read) if read is not None else address
