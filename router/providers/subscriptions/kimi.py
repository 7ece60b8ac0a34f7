"""``kimi-oauth``: the coding plan of Kimi, in Chat and in Messages.

Its sign-in and its API ask for headers that tell the device. They are told honestly: the platform is this gateway, the
device is the one that signed in.
"""

from __future__ import annotations

from router.providers.config import ProviderConfig
from router.providers.protocol import Outgoing, ProtocolRules, refused
from router.providers.subscriptions.bearer import ANTHROPIC_PATHS, ANTHROPIC_VERSION, OPENAI_GENERATES, bearer
from router.version import VERSION

PLATFORM = "switchyard"


def execute(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """See `Executor`."""
    headers = bearer(outgoing)
    headers["x-msh-platform"] = PLATFORM
    headers["x-msh-version"] = VERSION
    device = outgoing.facts.get("device_id", "")
    if device and device.isascii() and device.isprintable():
        headers["x-msh-device-id"] = device
    if outgoing.dialect == "messages":
        headers.setdefault("anthropic-version", ANTHROPIC_VERSION)
        path = ANTHROPIC_PATHS[outgoing.operation]
    else:
        path = OPENAI_GENERATES[outgoing.dialect]
    return f"{outgoing.base_url.removesuffix('/v1')}/v1{path}", headers


RULES = ProtocolRules(
    rulings=(
        refused("kimi for coding is (currently )?only available for"),
        refused("(this|your) account has been (disabled|suspended|banned)"),
    )
)
