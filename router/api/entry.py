"""Who calls a model, and from where: the rules of addresses, then the key, then the key's own rules."""

from __future__ import annotations

from collections.abc import Iterator

from router.access.keys import ClientKey
from router.api.exchange import Exchange
from router.api.understand import authenticate, caller_of
from router.call import Caller
from router.gateway import Gateway

_FORWARDED = b"x-forwarded-for"


def enter(exchange: Exchange, gateway: Gateway) -> tuple[ClientKey, Caller]:
    """The key that is presented, and its caller for the record. Raises `Fault` unauthenticated or forbidden. From an
    address that may not call, no key is looked at. Take the snapshot of the call afterwards: a key that was just
    read from the database has brought its rights into it."""
    access = gateway.current.access
    address = access.address(exchange.peer, lambda: _forwarded(exchange))
    access.addresses.refuse(address)
    key = authenticate(exchange, gateway.keys)
    gateway.current.access.of(key.id).addresses.refuse(address)
    return key, caller_of(exchange, key, address)


def _forwarded(exchange: Exchange) -> Iterator[str]:
    """Every such header, in order: proxies may add a line of their own."""
    for name, value in exchange.scope["headers"]:
        if name == _FORWARDED:
            yield value.decode("latin-1")
