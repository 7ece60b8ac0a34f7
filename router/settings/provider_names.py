"""Every name that a user may write for a provider, and the one id that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct

from router.settings.presets import Preset


class SignInNames(Struct, frozen=True):
    """A provider that a person signs in to. login: how it is called in ``switchyard login`` and in paths, the shortest
    first; these mean a sign-in there, and something else in routes where another provider has the name. names: what
    users write for it everywhere. blocks: dotted places under `providers` that configure it."""

    login: tuple[str, ...]
    names: tuple[str, ...]
    blocks: tuple[str, ...]


SIGN_INS: Mapping[str, SignInNames] = MappingProxyType(
    {
        "claude-oauth": SignInNames(
            ("claude",), ("llmux-claude", "llmux.claude-pro", "claude-pro"), ("claude_oauth", "llmux.claude_pro")
        ),
        "chatgpt-oauth": SignInNames(
            ("chatgpt", "codex"),
            ("llmux-chatgpt", "llmux.chatgpt-plus", "codex", "chatgpt-plus", "chatgpt"),
            ("chatgpt_oauth", "llmux.chatgpt_plus"),
        ),
        "gemini-cli": SignInNames(("gemini-cli", "gemini"), ("code-assist",), ("gemini_cli",)),
        "antigravity": SignInNames(("antigravity",), (), ("antigravity",)),
        "qwen-oauth": SignInNames(("qwen",), ("qwen-code",), ("qwen_oauth",)),
        "kimi-oauth": SignInNames(("kimi",), ("kimi-code", "kimi-for-coding"), ("kimi_oauth",)),
        "xai-oauth": SignInNames(("xai", "grok"), ("supergrok",), ("xai_oauth",)),
        "iflow": SignInNames(("iflow",), (), ("iflow",)),
        "copilot": SignInNames(("copilot",), ("github-copilot",), ("copilot",)),
        "ctonew": SignInNames(("ctonew",), ("cto-new", "cto.new"), ("ctonew",)),
    }
)


BY_KEY = ("openai", "anthropic", "gemini")
"""Built-in providers that take an API key."""
BUILT_IN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "openai": (),
        "anthropic": (),
        "gemini": ("google",),
        "vertex": ("vertex-ai", "vertexai"),
        "aistudio": ("ai-studio",),
        "webai": ("gemini-web",),
        "demo": (),
    }
)
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "claude": ("anthropic", "claude-oauth"),
        "qwen": ("qwen", "qwen-oauth"),
        "kimi": ("kimi", "kimi-oauth"),
        "xai": ("xai", "xai-oauth"),
        "grok": ("xai", "xai-oauth"),
    }
)
"""Names that mean several providers of one rank: the maker's API keys, and the sign-in of its plan."""


def sign_in_of(name: str) -> str | None:
    """The sign-in that `name` means in a login, None where it is unknown."""
    written = plain(name)
    for sign_in, known in SIGN_INS.items():
        if written == sign_in or written in known.login or written in map(plain, known.names):
            return sign_in
    return None


def by_key(presets: Mapping[str, Preset]) -> tuple[str, ...]:
    """The providers whose API keys can be kept in the account store; servers of the user's own stay in the settings."""
    return (*BY_KEY, *(name for name, preset in presets.items() if not preset.keyless))


def plain(name: str) -> str:
    """`name` as it is compared: lower case, ``-`` for ``_``."""
    return name.strip().lower().replace("_", "-")


class ProviderNames(Struct, frozen=True):
    """ids: plain name -> id. `resolve` is the one way from what a user wrote to providers."""

    ids: Mapping[str, str]

    def resolve(self, name: str) -> tuple[str, ...]:
        """The ids that `name` means: one, several for a group such as ``claude``, or none where it is unknown."""
        written = plain(name)
        group, single = GROUPS.get(written, ()), self.single(name)
        return group if single is None or single in group else (single,)

    def single(self, name: str) -> str | None:
        """The one provider that is called so, whatever else is meant by the name: whose block has it, for one."""
        return self.ids.get(plain(name))

    @property
    def known(self) -> tuple[str, ...]:
        """Every name that can be written, for suggestions."""
        return (*self.ids, *GROUPS)


def provider_names(presets: Mapping[str, Preset], configured: Iterable[str] = ()) -> ProviderNames:
    """The table for these presets and the names of compatible servers, which win over further names of others."""
    ids = {plain(other): name for name, others in BUILT_IN.items() for other in (name, *others)}
    ids |= {plain(other): name for name, entry in SIGN_INS.items() for other in (name, *entry.names)}
    ids |= {plain(other): name for name, preset in presets.items() for other in (name, *preset.names)}
    ids |= {plain(name): name for name in configured}
    return ProviderNames(MappingProxyType(ids))
