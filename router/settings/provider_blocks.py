"""The blocks under `providers`: credentials, addresses and models of each provider."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from router.secret import Secret
from router.settings.aistudio_blocks import (
    AIStudioService,
    Browser,
    PageDefaults,
    PageTimeouts,
    Queue,
    RelayLink,
    SignInWindow,
    Tier,
)
from router.settings.block import BaseUrls, Block, Headers, Name, Proxy, Texts, setting
from router.settings.policy_blocks import Thinking
from router.settings.webai_blocks import FreeFallback, GeminiWeb, Tools, WebAIFiles, WebAIService, WebAITimeouts

ApiDialect = Literal["chat", "responses"]


ModelName = Annotated[str, Field(min_length=1, max_length=256)]


def _shorthand(field: str) -> Any:
    """A bare text in place of a mapping stands for its most important field."""

    def expand(data: Any) -> Any:
        return {field: data} if isinstance(data, (str, Secret)) else data

    return expand


class ApiKey(Block):
    """One credential. Exactly one of `key`, `key_file` and `env`."""

    key: Secret | None = setting(None, "The key itself, best as `${VARIABLE}`.")
    key_file: str | None = setting(None, "File that holds the key, such as a mounted secret.")
    env: str | None = setting(None, "Environment variable that holds the key.")
    label: Name | None = setting(None, "Name of the account in lists and logs. Default: its number.")
    disabled: bool = setting(False, "Whether it is left out of the work.")
    proxy: Proxy | None = setting(
        None,
        "Outbound proxy for this key alone: `http://user:password@host:3128`, or `socks5://`, `socks5h://`.",
        repr=False,
    )
    priority: int = setting(0, "Accounts with a lower number are used first.", ge=-1000, le=1000)
    weight: int = setting(1, "Share of the calls among accounts of one priority.", ge=1, le=1000)
    models: Texts = setting((), "Upstream models that this key may serve. Empty: all.")
    excluded: Texts = setting((), "Upstream models that this key never serves; `*` stands for any text.")
    aliases: dict[ModelName, ModelName] = setting(
        {}, "Names for clients -> upstream models, which this key alone answers under them."
    )
    thinking: Thinking | None = setting(
        None, "`policies.thinking` for the calls that it answers, whatever their rule says; the client key's word wins."
    )


class ServiceAccount(ApiKey):
    """One Google service account: its JSON key."""


class Model(Block):
    """One model of a provider."""

    name: str = setting(..., "Name that the provider knows.", min_length=1)
    alias: Texts = setting((), "Other names under which clients may ask for it.")
    aliases: Texts = setting((), "The same as `alias`.")

    @property
    def shown_as(self) -> tuple[str, ...]:
        """Every alias once, in order."""
        return tuple(dict.fromkeys((*self.alias, *self.aliases)))


def _model_list(value: Any) -> Any:
    """Accepts a list of names and of ``{name, alias}``, or a mapping of name to alias or aliases."""
    if isinstance(value, dict):
        return tuple({"name": name, "alias": () if alias is None else alias} for name, alias in value.items())
    if isinstance(value, (list, tuple)):
        return tuple({"name": item} if isinstance(item, str) else item for item in value)
    return value


Models = Annotated[tuple[Model, ...], BeforeValidator(_model_list)]
ApiKeyEntry = Annotated[ApiKey, BeforeValidator(_shorthand("key"))]
ServiceAccountEntry = Annotated[ServiceAccount, BeforeValidator(_shorthand("key_file"))]


class Upstream(Block):
    """What all providers have in common."""

    enabled: bool = setting(True, "Whether the provider is used at all.")
    base_url: BaseUrls = setting(
        (), "Address of the API, or several that are tried in order. Default: the provider's own."
    )
    base_urls: BaseUrls = setting((), "The same as `base_url`.")
    headers: Headers = setting({}, "Extra headers of every request to it.", repr=False)
    proxy: Proxy | None = setting(
        None,
        "Outbound proxy for all its accounts: `http://user:password@host:3128`, or `socks5://`, `socks5h://`.",
        repr=False,
    )
    prefix: Name | None = setting(None, "Clients may write `prefix/model`; the provider's own name always works too.")
    models: Models = setting(
        (),
        "Models it has: names, `{name, alias}`, or a mapping of name to alias. Empty: every name is passed on.",
    )
    excluded_models: Texts = setting((), "Models that are never asked of it; `*` stands for any text.")
    priority: int = setting(
        0, "Providers with a lower number come first where several have a model.", ge=-1000, le=1000
    )
    max_concurrency: int | None = setting(
        None, "Calls that it gets at once, over all its accounts; further ones go elsewhere or wait.", ge=1
    )
    max_queue: int = setting(100, "Calls that wait for a place at it where nobody else can serve them.", ge=0)
    quirks: dict[str, Any] = setting({}, "What its models deviate in, by the names of `docs/providers.md`.")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every base URL once, in order."""
        return tuple(dict.fromkeys((*self.base_url, *self.base_urls)))


class KeyedUpstream(Upstream):
    """A provider with API keys."""

    api_keys: tuple[ApiKeyEntry, ...] = setting(
        (), "Its keys; a bare text is a key. Default: the environment variable."
    )


class OpenAICompatible(KeyedUpstream):
    """A server that speaks Chat Completions, and perhaps Responses."""

    dialects: tuple[ApiDialect, ...] | None = setting(
        None, "What the server speaks, the preferred first: `chat`, `responses`. Default: chat alone."
    )


class NamedOpenAICompatible(OpenAICompatible):
    """One entry of `openai_compatible`."""

    name: Name = setting(..., "Its name in routes, prefixes and metrics.")
    preset: str | None = setting(None, "A preset that fills in what is not given, such as `openrouter`.")


class NamedAnthropicCompatible(KeyedUpstream):
    """One entry of `anthropic_compatible`."""

    name: Name = setting(..., "Its name in routes, prefixes and metrics.")


class Vertex(Upstream):
    """Gemini models on Google Cloud."""

    project: str | None = setting(None, "Google Cloud project. Default: the one of the service account.")
    location: str = setting("global", "Region such as `europe-west4`, or `global`.", pattern=r"\A[a-z0-9-]+\Z")
    service_account_files: tuple[ServiceAccountEntry, ...] = setting(
        (), "JSON keys of service accounts: paths, or mappings as for API keys. `service_account_file` takes one path."
    )


class Demo(Block):
    """The embedded provider for trying out clients."""

    enabled: bool = setting(True, "Whether the models `demo/…` exist.")

    @model_validator(mode="before")
    @classmethod
    def _auto(cls, data: Any) -> Any:
        """`auto` means on: the demo never stands in for a model that was not asked for by its name."""
        return {**data, "enabled": True} if isinstance(data, dict) and data.get("enabled") == "auto" else data


class Subscription(Upstream):
    """A provider that a person signs in to. Off until turned on, here or at the sign-in, which shows the caveat."""

    enabled: bool = setting(
        False, "Whether its accounts serve. Not given: from the moment its caveat was accepted at a sign-in."
    )
    client_secret: Secret | None = setting(None, "Secret of the OAuth client, where the provider wants one.")
    client_secret_file: str | None = setting(None, "File that holds that secret.")
    sign_in: dict[str, Any] = setting(
        {}, "Facts of the sign-in that differ from the shipped ones, by the names of `config/sign-ins/`."
    )


class Llmux(Block):
    """Subscriptions, under the names of an earlier tool."""

    claude_pro: Subscription | None = setting(None, "A Claude subscription; the same as `claude_oauth`.")
    chatgpt_plus: Subscription | None = setting(None, "A ChatGPT subscription; the same as `chatgpt_oauth`.")


class AIStudio(Upstream):
    """Google AI Studio through a browser, which the service of `services/aistudio` drives."""

    service: AIStudioService = setting(AIStudioService(), "How the service is started.")
    profiles: str | None = setting(
        None, "Folder of its sign-ins. Default: `auth_profiles` in `auth.dir`.", effect="restart"
    )
    health_port: int = setting(
        8318, "Port of its `/healthz` and `/readyz` on loopback.", effect="restart", ge=1, le=65535
    )
    url: str | None = setting(None, "Address of the page. Default: the one of the page map.", effect="restart")
    selectors: str | None = setting(None, "File that is laid over the page map.", effect="restart")
    tiers: tuple[Tier, ...] = setting(
        ("network", "dom", "final"), "Ways of reading answers that may be used.", effect="restart", min_length=1
    )
    temporary_chat: bool = setting(True, "Whether chats are not kept in the account.", effect="restart")
    continue_conversations: bool = setting(
        False, "Whether a conversation goes on in its own chat, where there is one.", effect="restart"
    )
    keep_fresh: float = setting(
        1800.0, "Seconds after which an idle session is renewed; 0 for never.", effect="restart", ge=0
    )
    browser: Browser = setting(Browser(), "Its browser.")
    queue: Queue = setting(Queue(), "Who waits for a page.")
    timeouts: PageTimeouts = setting(PageTimeouts(), "Seconds that the page gets.")
    login: SignInWindow = setting(SignInWindow(), "The window in which a person signs in.")
    defaults: PageDefaults = setting(PageDefaults(), "What the page is set to where a request says nothing.")
    relay: RelayLink = setting(RelayLink(), "How the service finds its routers.")


class WebAI(Upstream):
    """Gemini's web page and gpt4free, through the service of `services/webai`. Off until turned on."""

    enabled: bool = setting(False, "Whether the provider is used at all.")
    service: WebAIService = setting(WebAIService(), "How the service is started.")
    endpoint: str | None = setting(
        None, "Where the service is, like `http://127.0.0.1:8406`. Default: it tells the router of itself."
    )
    allowed_endpoints: Texts = setting(
        (), "Origins outside this machine, like `https://web.example`, that a service may name as its own."
    )
    api_key: Secret | None = setting(None, "Key between router and service. Default: the service key.", repr=False)
    host: str = setting("127.0.0.1", "Address on which the service listens.", effect="restart")
    port: int = setting(8406, "Port of the service.", effect="restart", ge=0, le=65535)
    tools: Tools = setting(
        "refuse", "What the service does with a request that brings tools: it has none.", effect="restart"
    )
    gemini: GeminiWeb = setting(GeminiWeb(), "Gemini's web page.")
    fallback: FreeFallback = setting(FreeFallback(), "Free providers.")
    timeouts: WebAITimeouts = setting(WebAITimeouts(), "Seconds that the service allows.")
    files: WebAIFiles = setting(WebAIFiles(), "What a request may bring.")
    relay: RelayLink = setting(RelayLink(), "How the service finds its routers.")


class Providers(Block):
    """One block for each provider. Presets such as `openrouter` and `groq` take the keys of `openai_compatible`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OpenAICompatible]

    openai: OpenAICompatible = setting(OpenAICompatible(), "OpenAI. Key from `OPENAI_API_KEY` unless given.")
    anthropic: KeyedUpstream = setting(KeyedUpstream(), "Anthropic. Key from `ANTHROPIC_API_KEY` unless given.")
    gemini: KeyedUpstream = setting(
        KeyedUpstream(), "Google's Gemini API. Key from `GEMINI_API_KEY` or `GOOGLE_API_KEY` unless given."
    )
    vertex: Vertex | None = setting(None, "Gemini models on Google Cloud, with service accounts.")
    openai_compatible: tuple[NamedOpenAICompatible, ...] = setting((), "Any number of OpenAI-compatible servers.")
    anthropic_compatible: tuple[NamedAnthropicCompatible, ...] = setting(
        (), "Any number of Anthropic-compatible servers."
    )
    demo: Demo = setting(Demo(), "The embedded demo models.")
    llmux: Llmux = setting(Llmux(), "Subscriptions, under the names of an earlier tool.")
    claude_oauth: Subscription | None = setting(None, "A Claude subscription.")
    chatgpt_oauth: Subscription | None = setting(None, "A ChatGPT subscription, through the back end of Codex.")
    gemini_cli: Subscription | None = setting(None, "Code Assist, as Gemini CLI uses it.")
    antigravity: Subscription | None = setting(None, "Antigravity.")
    qwen_oauth: Subscription | None = setting(None, "Qwen Chat.")
    kimi_oauth: Subscription | None = setting(None, "Kimi's plan for coding.")
    xai_oauth: Subscription | None = setting(None, "A Grok subscription.")
    iflow: Subscription | None = setting(None, "iFlow.")
    copilot: Subscription | None = setting(None, "GitHub Copilot.")
    ctonew: Subscription | None = setting(None, "cto.new.")
    aistudio: AIStudio | None = setting(None, "Google AI Studio through a browser.")
    webai: WebAI | None = setting(None, "Gemini's web page and gpt4free.")

    @property
    def presets(self) -> dict[str, OpenAICompatible]:
        """The blocks named after a preset."""
        return dict(self.__pydantic_extra__ or {})
