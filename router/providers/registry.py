"""What this version knows of each provider before anything is configured: one row for each id.

The names that users write for these ids are in `router.settings.provider_names`: settings are checked with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

from router import plain_yaml
from router.providers.config import Kind
from router.providers.demo.models import model_names
from router.settings.provider_names import BUILT_IN, GROUPS, ProviderNames, plain, provider_names
from router.wire.conversation import Dialect

__all__ = ["BUILT_IN", "GROUPS", "KNOWN", "Known", "ProviderNames", "catalogue", "plain", "provider_names"]

CATALOGUE = Path(__file__).resolve().parents[2] / "config" / "catalogue.yaml"


class Known(Struct, frozen=True, kw_only=True):
    """A built-in provider. base_urls: as `ProviderConfig.base_urls`. elsewhere: dialects at an address of the
    user's own, where the order of preference differs. keys: how a key is given, for messages."""

    kind: Kind
    dialects: tuple[Dialect, ...]
    base_urls: tuple[str, ...] = ()
    elsewhere: tuple[Dialect, ...] = ()
    keys: str = ""


KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "openai": Known(
            kind="openai",
            dialects=("responses", "chat"),
            elsewhere=("chat", "responses"),
            base_urls=("https://api.openai.com/v1",),
            keys="providers.openai.api_keys or OPENAI_API_KEY",
        ),
        "anthropic": Known(
            kind="anthropic",
            dialects=("messages",),
            base_urls=("https://api.anthropic.com",),
            keys="providers.anthropic.api_keys or ANTHROPIC_API_KEY",
        ),
        "gemini": Known(
            kind="gemini",
            dialects=("gemini",),
            base_urls=("https://generativelanguage.googleapis.com",),
            keys="providers.gemini.api_keys, GEMINI_API_KEY or GOOGLE_API_KEY",
        ),
        "vertex": Known(kind="vertex", dialects=("gemini",), keys="providers.vertex.service_account_file"),
        "aistudio": Known(
            kind="aistudio",
            dialects=("gemini",),
            base_urls=("https://generativelanguage.googleapis.com",),
            keys="none: a service or a browser that connects to `/v1/ws`",
        ),
        "webai": Known(
            kind="webai",
            dialects=("chat",),
            base_urls=("http://127.0.0.1:8406",),
            keys="none: a WebAI service that is at providers.webai.endpoint, or tells of itself",
        ),
        "demo": Known(kind="demo", dialects=("chat", "responses", "messages", "gemini")),
    }
)


def vertex_address(location: str) -> str:
    """The host of a location (https://cloud.google.com/vertex-ai/docs/general/locations); ``global`` has no prefix."""
    return f"https://{'' if location == 'global' else location + '-'}aiplatform.googleapis.com"


def demo_models() -> tuple[str, ...]:
    """Upstream names of the demo provider."""
    return model_names()


@cache
def catalogue() -> Mapping[str, tuple[str, ...]]:
    """Provider id -> models that lists show where the settings name none; a constant of this version."""
    text = CATALOGUE.read_text(encoding="utf-8")
    return MappingProxyType(msgspec.convert(plain_yaml.load(text), dict[str, tuple[str, ...]]))
