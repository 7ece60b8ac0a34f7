"""``copilot``: GitHub Copilot's Chat and Responses, at the host that the short-lived token named.

Its API wants to know the editor (``Editor-Version``) and whether pictures are sent. The editor is this gateway; no
integration of another program is named, so that some models may be refused.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from router.providers.config import ProviderConfig
from router.providers.origin import bound
from router.providers.protocol import Outgoing, ProtocolRules, Ruling, refused
from router.providers.subscriptions.bearer import domains, openai
from router.version import VERSION

EDITOR = f"Switchyard/{VERSION}"
_PICTURE = re.compile(rb'"type"\s*:\s*"(?:image_url|input_image)"')


def execute(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """See `Executor`."""
    base = bound(outgoing.facts.get("base_url"), outgoing.base_url, domains(provider))
    url, headers = openai(provider, replace(outgoing, base_url=base))
    headers["editor-version"] = EDITOR
    if _PICTURE.search(outgoing.body):
        headers["copilot-vision-request"] = "true"
    return url, headers


RULES = ProtocolRules(
    rulings=(
        Ruling(kind="not_found", codes=frozenset({"model_not_supported"})),
        refused("(access denied|unauthorized): not authorized to use this copilot feature"),
        refused("your (account|access to copilot|copilot access) has been (disabled|suspended|restricted)"),
    )
)
