"""All settings: the shape of ``config.yaml``. What a field means is its description; the reference is made from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from router.settings.auth import Auth
from router.settings.backups import Backups
from router.settings.block import Block, Seconds, Texts, setting
from router.settings.combo_blocks import Combo
from router.settings.custom_models import CustomModel
from router.settings.network import Network
from router.settings.policy_blocks import Housekeeping, Ips, PayloadRule, SystemPrompt, Thinking
from router.settings.processes import OwnService, Supervision
from router.settings.provider_blocks import Providers
from router.settings.relay import Relay
from router.settings.replay_blocks import Cache, Idempotency
from router.settings.server import Server
from router.settings.usage import Usage

Ranks = tuple[tuple[str, ...], ...]
"""Providers in order of preference; those of one inner group take turns."""


Hedge = Literal["off", "auto"] | Annotated[float, Field(gt=0, le=600)]
"""When a second target is asked beside the first."""


def _ranks(value: Any) -> Any:
    """``a`` and ``[a, [b, c]]`` as groups. Anything else is left for the validation to report."""
    if isinstance(value, str):
        return ((value,),)
    if isinstance(value, (list, tuple)):
        return tuple((item,) if isinstance(item, str) else item for item in value)
    return value


class Route(Block):
    """One rule: which providers serve the models whose name matches."""

    pattern: str = setting(
        ..., "Regular expression searched in the name that was asked for, or a glob like `gpt-*`.", min_length=1
    )
    providers: Annotated[Ranks, BeforeValidator(_ranks), Field(min_length=1)] = setting(
        ..., "Providers, the preferred first. A list inside the list is one rank, whose members take turns."
    )
    priority: int = setting(0, "Rules with a lower number are looked at first; equal ones in file order.")
    grace: Seconds | None = setting(
        None, "`server.timeouts.grace` for the calls that this rule serves. 0: no heartbeats."
    )
    resume: Literal["auto", "continue", "error"] | None = setting(
        None, "`retry.resume` for the calls that this rule serves."
    )
    hedge: Hedge | None = setting(None, "`retry.hedge` for the calls that this rule serves.")
    max_attempts: int | None = setting(None, "`retry.max_attempts` for the calls that this rule serves.", ge=1, le=50)
    deadline: Seconds | None = setting(None, "`retry.deadline` for the calls that this rule serves.")
    first_token: Seconds | None = setting(
        None, "`server.timeouts.first_token` for the calls that this rule serves, slow models and unstreamed ones too."
    )
    idle: Seconds | None = setting(None, "`server.timeouts.idle` for the calls that this rule serves.")
    cache: bool | None = setting(None, "`policies.cache.enabled` for the calls that this rule serves.")
    total: Seconds | None = setting(None, "`server.timeouts.total` for the calls that this rule serves.")
    system_prompt: SystemPrompt | None = setting(
        None, "Words around the system prompts of the calls that this rule serves."
    )
    thinking: Thinking | None = setting(None, "`policies.thinking` for the calls that this rule serves.")


class ModelRules(Block):
    """Names of models and who serves them."""

    routing: tuple[Route, ...] = setting((), "Rules that send names to providers, first match wins.")
    aliases: dict[str, Texts] = setting(
        {}, "Other names: alias to model, or to several in order. A model may carry `provider/` and `(high)`."
    )
    combos: dict[str, Combo] = setting({}, "Named chains of models: a name that clients ask for to its models.")
    exclusions: Texts = setting((), "Models that nobody may ask for and no list shows; `*` stands for any text.")
    custom: tuple[CustomModel, ...] = setting(
        (), "Models that providers have beside those that are known of them, also where that is every name."
    )
    capabilities: dict[str, dict[str, Any]] = setting(
        {}, "What a model accepts, where the shipped data is wrong: pattern with `*` to facts of `docs/providers.md`."
    )


def _snake(value: Any) -> Any:
    """`next-account` is `next_account`."""
    return value.replace("-", "_") if isinstance(value, str) else value


class Sticky(Block):
    """One account for one conversation, so that the provider's prompt cache stays warm."""

    enabled: bool = setting(True, "Whether the account that answered a conversation last is preferred for it.")
    ttl: Seconds = setting(3600.0, "Seconds after its last call for which a conversation stays at its account.")


class Routing(Block):
    """How an account is chosen among those that could serve."""

    strategy: Annotated[
        Literal["round_robin", "fill_first", "weighted", "least_busy", "most_quota_left"], BeforeValidator(_snake)
    ] = setting(
        "round_robin",
        "Among accounts of one priority: in turn, the first that can, by weight, the one with the fewest calls now, or "
        "the one whose fullest quota window has most left (unknown counts as full).",
    )
    quota_exceeded: Annotated[
        Literal["next_account", "next_provider", "smaller_model", "fail"], BeforeValidator(_snake)
    ] = setting(
        "next_account",
        "What follows where an account's limit is met: another account, another provider, a smaller model where all "
        "accounts have met theirs, or the fault at once (`fail`).",
    )
    smaller_models: dict[str, str] = setting(
        {}, "Models that answer where `quota_exceeded` is `smaller_model`: pattern to model, the first match counts."
    )
    sticky: Sticky = setting(Sticky(), "A conversation stays at one account.")


class Retry(Block):
    """How long and how often another attempt is made before the first event."""

    max_attempts: int = setting(6, "Most attempts of one call, the first included.", ge=1, le=50)
    deadline: Seconds = setting(120.0, "Seconds after which no further attempt is started.")
    resume: Literal["auto", "continue", "error"] = setting(
        "auto",
        "Where a streamed answer breaks off in its text: another attempt says the rest if that joins without doubt, or "
        "also where it can only be supposed; or the error is told.",
    )
    hedge: Hedge = setting(
        "off",
        "Seconds without a first token after which the next target is asked too; the first answer counts, the other "
        "call is cancelled. `auto`: the time within which 95 of 100 answers of the target began lately. Costs tokens.",
    )


class StoredResponses(Block):
    """Answers kept for `previous_response_id`: encrypted, for the same key alone."""

    enabled: bool = setting(True, "Whether answers are stored unless the caller says `store: false`.", effect="restart")
    ttl: float = setting(86_400.0, "Seconds that a stored answer lives.", effect="restart", ge=60, le=30 * 86_400)
    max_bytes: int = setting(
        256 * 1024 * 1024, "Bytes of all stored answers together; the oldest go first.", effect="restart", ge=0
    )


class Policies(Block):
    """How requests and answers are treated."""

    strict: bool = setting(False, "Refuse what the target cannot express, instead of dropping it with a note.")
    cache: Cache = setting(Cache(), "Answers kept in memory for the same request of the same key.")
    idempotency: Idempotency = setting(Idempotency(), "Keys of callers that make a call happen once.")
    thinking_output: Literal["reasoning_content", "tags", "none"] = setting(
        "reasoning_content", "How Chat Completions clients see thinking: own field, `<think>` tags in the text, or not."
    )
    ips: Ips = setting(Ips(), "Where calls of models may come from.")
    thinking: Thinking | None = setting(None, "How much models may think.")
    housekeeping: Housekeeping = setting(Housekeeping(), "Calls that are answered without a model.")
    payload: tuple[PayloadRule, ...] = setting((), "Rules that change the bodies that providers get, in their order.")
    stored_responses: StoredResponses = setting(StoredResponses(), "Answers kept for `previous_response_id`.")
    sessions: Annotated[
        Literal["off", "named", "all"],
        BeforeValidator(lambda value: "off" if value is False else value),  # as YAML reads a bare off
    ] = setting(
        "named",
        "Which calls are told together as one conversation, by a pseudonym: none, those whose client names a session, "
        "or also those that begin with the same 4 KB.",
    )


class Observe(Block):
    """What the router says about its work."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "Least important log lines that are written.")
    format: Literal["text", "json"] = setting("text", "Log lines for people or for machines.", effect="restart")
    metrics: bool = setting(True, "Whether `/metrics` answers.")
    account_header: bool = setting(False, "Whether answers name the account in `x-switchyard-account`.")
    debug: bool = setting(False, "Whether management tells what the process is doing: its tasks, its memory.")
    request_log: Literal["off", "errors", "all"] = setting(
        "off",
        "Which calls are recorded with their content, stage by stage (`docs/records.md`): prompts are stored then.",
    )
    request_log_by_header: bool = setting(
        False, "Whether callers may have a call of theirs recorded, by `x-switchyard-record: 1`."
    )
    request_log_encrypted: bool = setting(True, "Whether records are encrypted, with `vault.key` in the state folder.")
    request_log_days: int = setting(7, "Days for which a record is kept.", ge=1, le=3650)
    request_log_bytes: int = setting(
        1024**3, "Bytes that all records may take; the oldest go first.", ge=1024, le=1024**4
    )


class Settings(Block):
    """Everything that ``config.yaml`` may say."""

    server: Server = setting(Server(), "Where the router listens, how much it takes, how long it waits.")
    auth: Auth = setting(Auth(), "Who may call, and where sign-ins are kept.")
    providers: Providers = setting(Providers(), "Where answers come from.")
    network: Network = setting(Network(), "How requests to providers leave this machine.")
    models: ModelRules = setting(ModelRules(), "Names of models and who serves them.")
    routing: Routing = setting(Routing(), "How an account is chosen.")
    retry: Retry = setting(Retry(), "How long and how often another attempt is made.")
    policies: Policies = setting(Policies(), "How requests and answers are treated.")
    relay: Relay = setting(Relay(), "Services and browsers that connect to this router.")
    usage: Usage = setting(Usage(), "What calls used and what they cost.")
    observe: Observe = setting(Observe(), "What the router says about its work.")
    backups: Backups = setting(Backups(), "Backups that are made over the management API.")
    supervision: Supervision = setting(Supervision(), "Who looks whether the programs work.")
    services: tuple[OwnService, ...] = setting((), "Programs of your own that run beside the router.")
