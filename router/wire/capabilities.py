"""What one upstream model accepts. A type only: the data is in ``config/models/*.yaml``, read by `router.models`.

Everything that depends on a model's name is a field here, never an ``if`` in a translator. The defaults describe a
capable modern model of an unknown name, so that an unknown model is passed on rather than refused.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from router.wire.conversation import Dialect, Effort


class Capabilities(Struct, frozen=True, kw_only=True):
    """One model as a target. Token figures in tokens; None: unknown or unlimited."""

    dialects: tuple[Dialect, ...] = ()  # the only ones it can be reached in; empty: whatever its provider speaks
    family: str = ""  # opaque bytes (signatures) are valid within one family of one dialect
    context_window: int | None = None
    max_output: int | None = None

    sampling: bool = True  # accepts temperature, top_p, top_k other than the default
    sampling_with_thinking: bool = True  # False: the knobs are refused while it thinks
    temperature_max: float = 2.0
    temperature_with_top_p: bool = True
    penalties: bool = True
    stop: bool = True
    max_stops: int | None = None
    seed: bool = True

    thinking: Literal["none", "effort", "budget", "adaptive", "level"] = "effort"  # the form of the control
    efforts: tuple[Effort, ...] = ("low", "medium", "high")  # accepted, ascending
    thinking_off: bool = True  # can be turned off
    thinking_by_default: bool = False
    min_budget: int = 1024
    max_budget: int = 32_000
    needs_signature: bool = False  # a missing signature in a tool loop is a 400

    tools: bool = True
    forced_tool: bool = True
    forced_tool_with_thinking: bool = True
    custom_tools: bool = False  # free-text tools
    server_tools: bool = True  # web search, fetch, code
    server_tools_with_functions: bool = True
    tool_name_max: int = 64

    images: bool = True
    image_urls: bool = True
    image_types: tuple[str, ...] = ("image/png", "image/jpeg", "image/webp", "image/gif")
    documents: bool = True
    document_urls: bool = True
    audio: bool = False
    video: bool = False
    images_in_results: bool = True

    system_in_middle: bool = True
    developer_role: bool = True
    prefill: bool = True  # a last assistant turn is continued
    json_object: bool = True
    json_schema: bool = True
    strict_tools: bool = True
    schema_form: Literal["json", "openapi"] = "json"  # Gemini: parametersJsonSchema, or the OpenAPI subset
    max_tokens_key: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    reasoning_field: Literal["none", "reasoning_content", "reasoning"] = "none"  # Chat: where thinking travels
    echo_reasoning: bool = False  # Chat: thinking of tool loops must be sent back in `reasoning_field`
    reasoning_outside_output: bool = False  # reports reasoning tokens beside completion tokens, not inside
    stream_usage: bool = True  # accepts stream_options.include_usage
    verbosity: bool = False  # Chat: knows `verbosity`, also from callers of other dialects
    cache_key: bool = False  # Chat: knows `prompt_cache_key`, also from callers of other dialects
    n: bool = True
    logprobs: bool = True

    slow: bool = False  # may think for minutes before the first token
    embeddings: bool = False
    image_output: bool = False
