"""Blocks of the operator's policies that keys, routes and the whole gateway have in common."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator

from router.settings.block import Block, Texts, setting


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        try:
            ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            raise ValueError(
                f"has {text!r}, which is no address and no network; write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32"
            ) from None
    return value


Networks = Annotated[Texts, AfterValidator(_networks)]
"""Addresses and networks, IPv4 or IPv6; a single text counts as a list of one."""


class Ips(Block):
    """Where calls of models may come from. Management has rules of its own (`auth.management`)."""

    allow: Networks = setting((), "Addresses and networks that calls may come from; empty: from anywhere.")
    deny: Networks = setting((), "Addresses and networks that calls may not come from, whatever `allow` says.")
    trusted_proxies: Networks = setting(
        (),
        "Proxies whose `X-Forwarded-For` is believed: a call through one counts as from the last address in it that is "
        "no such proxy. From anybody else the header means nothing.",
    )
