"""The `auth` block: who may call this gateway, and where provider sign-ins are kept."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, field_validator, model_validator

from router.secret import Secret
from router.settings.block import Block, Name, Texts, setting
from router.settings.policy_blocks import Networks, SystemPrompt, Thinking

Scope: TypeAlias = Literal["client", "management", "service", "relay", "operator", "viewer"]
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


def _moment(value: Any) -> Any:
    """A date counts to its end, a time without a zone is UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time.max, UTC)
    if isinstance(value, str):
        try:
            return _moment(date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value))
        except ValueError:
            raise ValueError("must be a date or time like 2027-01-31 or 2027-01-31T12:00:00Z") from None
    raise ValueError("must be a date or time like 2027-01-31 or 2027-01-31T12:00:00Z")


Moment = Annotated[datetime, BeforeValidator(_moment)]


class KeyCaps(Block):
    """What a key may use. Days and months are those of UTC."""

    requests_per_minute: int | None = setting(None, "Calls that may begin within a minute.", ge=1)
    tokens_per_minute: int | None = setting(None, "Tokens within a minute, those of running calls by estimate.", ge=1)
    tokens_per_day: int | None = setting(None, "Tokens of a day.", ge=1)
    tokens_per_month: int | None = setting(None, "Tokens of a month.", ge=1)
    usd_per_day: float | None = setting(None, "US dollars of a day, by the price table.", gt=0)
    usd_per_month: float | None = setting(None, "US dollars of a month, by the price table.", gt=0)
    soft: float = setting(
        0.8, "Share of a limit from which answers and the log tell that it is nearly reached.", gt=0, le=1
    )


class KeyRights(Block):
    """What one client key may do, and what is done to its calls. Keys of the database have the same."""

    models: Texts = setting(
        (), "Models that the key may ask for, or that may answer it, as patterns; `*` stands for any text. Empty: all."
    )
    providers: Texts = setting((), "Providers that may answer the key's calls. Empty: all.")
    accounts: Texts = setting(
        (),
        "Accounts that may answer the key's calls, as patterns of ids: `openai/1`, `claude-oauth/*`. Empty: all.",
    )
    ips: Networks = setting((), "Addresses and networks that the key may call from, within `policies.ips`. Empty: all.")
    substitution: Literal["never", "same_family", "any"] = setting(
        "any",
        "Whether another model than the first that a name stands for may answer: of an alias or a combo, as the "
        "smaller model where limits are met, or to end an answer that broke off.",
    )
    system_prompt: SystemPrompt | None = setting(None, "Words around the system prompts of the key's calls.")
    thinking: Thinking | None = setting(None, "`policies.thinking` for the key's calls, whatever their rule says.")
    unpriced: Literal["allow", "refuse"] | None = setting(
        None,
        "Whether models whose price nobody knows may answer the key's calls. Not given: as `usage.unpriced` says where "
        "the key has a limit in dollars.",
    )
    request_log: bool | None = setting(
        None,
        "Whether the content of the key's calls is recorded: all of them, or none, whatever `observe.request_log` and "
        "the header say. Not given: as they say.",
    )


class _KeyItself(Block):
    """Which key it is, and whether it counts."""

    name: Name = setting(..., "Name shown in lists, logs and metrics.")
    key: Secret | None = setting(None, "The key itself. Better: `key_file`, `digest` or `${VARIABLE}`.")
    key_file: str | None = setting(None, "File that holds the key.")
    digest: str | None = setting(None, "SHA-256 of the key in hexadecimal, so that the file holds no secret.")
    expires: Moment | None = setting(
        None, "Date or time from which the key is refused; a date counts to its end, in UTC."
    )
    disabled: bool = setting(False, "Whether the key is refused for the time being.")
    scope: Scope = setting(
        "client",
        "What the key opens: `client` calls models; `viewer`, `operator` and `management` look at, run and rule this "
        "gateway (`docs/management.md`); `service` and `relay` connect to the relay. None opens what another does.",
    )


class Key(KeyRights, _KeyItself):
    """One client key. `key`, `key_file` and `digest` exclude one another."""

    concurrency: int | None = setting(
        None, "Calls in progress at once with this key; one more waits or is a 429. Default: any number.", ge=1
    )
    queue: int = setting(0, "Calls beyond `concurrency` that wait for a place instead of being refused.", ge=0)
    priority: Literal["interactive", "batch"] = setting(
        "interactive", "Who goes first where calls wait for a place: `interactive` before `batch`."
    )

    limits: KeyCaps = setting(KeyCaps(), "What the key may use.")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key in hexadecimal, however the key is given."""
        text = self.key.reveal() if self.key is not None else ""
        return self.digest or sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def rights(self) -> KeyRights | None:
        """Its rights alone; None where it has all of them."""
        rights = KeyRights.model_construct(**{name: getattr(self, name) for name in KeyRights.model_fields})
        return None if rights == KeyRights() else rights

    @property
    def narrows(self) -> bool:
        """Whether the key may do less than others, or has something of its own."""
        return self.disabled or self.rights is not None or self.scope != "client"

    @model_validator(mode="after")
    def _calls_alone(self) -> Self:
        """What narrows calls says nothing of a key that makes none."""
        of_calls = [name for name in Key.model_fields if name not in _KeyItself.model_fields]
        given = [name for name in of_calls if name in self.model_fields_set]
        if self.scope != "client" and given:
            raise ValueError(
                f"has {', '.join(given)}, which {'are' if len(given) > 1 else 'is'} for keys with the scope `client`: "
                f"one with the scope `{self.scope}` calls no models. Take that out, or make it two keys"
            )
        return self

    @field_validator("digest")
    @classmethod
    def _hexadecimal(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _DIGEST.fullmatch(value):
            raise ValueError("must be the SHA-256 of the key: 64 hexadecimal digits in lower case")
        return value.removeprefix("sha256:")


class Management(Block):
    """Access to `/v0/management`, `/v1/auth` and the dashboard."""

    remote: bool = setting(False, "Whether management answers other machines too. It always needs its own key.")
    key: Secret | None = setting(
        None, "The management key. Without one the generated `state/keys/management.key` counts."
    )
    key_file: str | None = setting(None, "File that holds the management key.")


class Auth(Block):
    """Who may call, and where sign-ins are kept."""

    dir: str = setting(
        "~/.cli-proxy-api", "Folder of the accounts that people signed in to, one file each.", effect="restart"
    )
    store: Literal["file"] = setting(
        "file", "How they are kept: no other store is taken in this version.", effect="restart"
    )
    keys: tuple[Key, ...] = setting((), "Client keys. More can be made with `switchyard keys create`.")
    management: Management = setting(Management(), "Access to management.")

    @field_validator("store", mode="before")
    @classmethod
    def _files_only(cls, value: Any) -> Any:
        if value != "file":
            raise ValueError("must be `file`: sign-ins are kept as files in the folder auth.dir. Leave the line out")
        return value

    @model_validator(mode="before")
    @classmethod
    def _bare_keys(cls, data: Any) -> Any:
        """A bare text in `keys` is a key without a name of its own."""
        if isinstance(data, dict) and isinstance(data.get("keys"), (list, tuple)):
            keys = [
                {"name": f"key-{at}", "key": item} if isinstance(item, (str, Secret)) else item
                for at, item in enumerate(data["keys"], 1)
            ]
            return {**data, "keys": keys}
        return data

    @field_validator("keys")
    @classmethod
    def _names_differ(cls, value: tuple[Key, ...]) -> tuple[Key, ...]:
        seen: set[str] = set()
        for key in value:
            if key.name in seen:
                raise ValueError(f"has two keys named {key.name!r}; give each a name of its own")
            seen.add(key.name)
        return value
