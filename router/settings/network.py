"""The `network` block: how requests leave this machine."""

from __future__ import annotations

from router.settings.block import Block, Exceptions, Proxy, setting


class Network(Block):
    """How requests to providers leave this machine."""

    proxy: Proxy | None = setting(
        None,
        "Outbound proxy of every account and provider that names none: `http://`, `https://`, `socks5://` or "
        "`socks5h://`. Default: HTTPS_PROXY, HTTP_PROXY and ALL_PROXY of the environment.",
        repr=False,
    )
    no_proxy: Exceptions = setting(
        (),
        "Targets that `network.proxy` and the environment's proxy do not count for, beside NO_PROXY: hosts with all "
        "below them, networks like `10.0.0.0/8`, `host:8443`, `*`. Loopback is never sent to them.",
    )
