"""``switchyard accounts``: every account with its state and why, and what the operator can change of those signed in.

Asks the running gateway. Exit codes: 0 done, 1 failed or an account needs a person, 2 usage, 3 no gateway answers.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import typer

from router.cli.account_lines import details, headline
from router.cli.options import ConfigOption, JsonOption
from router.cli.talk import Refused, Unreachable, find_place, manage, request
from router.cli.terminal import Terminal
from router.observe.redact import one_line

app = typer.Typer(help="Accounts: states, quotas, and what can be changed.", invoke_without_command=True)
Name = Annotated[str, typer.Argument(help="The account, as `switchyard accounts` shows it: provider/label.")]
OK, FAILED, UNREACHABLE = 0, 1, 3
TRIED_WITHIN = 90.0
"""Seconds within which a provider has said something of a new key."""
_NEEDS_PERSON = ("needs_login", "refused", "locked", "corrupt", "unreadable")


@app.callback()
def main(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every account: state, reason, until when, last error, requests, tokens, quota windows."""
    if context.invoked_subcommand is None:
        _list(config, as_json)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The same."""
    _list(config, as_json)


@app.command()
def add(
    provider: Annotated[str, typer.Argument(help="Whom the key is for, as in the settings: openai, openrouter, ….")],
    label: Annotated[str | None, typer.Option(help="Name of the account behind PROVIDER/.")] = None,
    model: Annotated[str | None, typer.Option(help="Model to try the key with; the cheapest that is listed.")] = None,
    config: ConfigOption = None,
) -> None:
    """Add an account by its API key, which is typed unseen, or read from stdin; it is tried before it is kept."""
    key = Terminal().secret(f"API key of {provider}: ").strip()
    if not key:
        raise typer.BadParameter("no key was typed, and none came on stdin", param_hint="stdin")
    given = {"provider": provider, "key": key, "label": label, "model": model}
    wanted = {name: value for name, value in given.items() if value is not None}
    place = find_place(config)
    answer = _ask(lambda: request(place, "POST", "/v0/management/accounts", wanted, timeout=TRIED_WITHIN))
    typer.echo(one_line(answer["text"]))


@app.command()
def enable(account: Name, config: ConfigOption = None) -> None:
    """Let an account serve again."""
    _change(account, {"disabled": False}, config)


@app.command()
def disable(account: Name, config: ConfigOption = None) -> None:
    """Keep an account and its tokens, and use it for nothing."""
    _change(account, {"disabled": True}, config)


@app.command()
def rename(
    account: Name, label: Annotated[str, typer.Argument(help="Its new label.")], config: ConfigOption = None
) -> None:
    """Give an account another label."""
    _change(account, {"label": label}, config)


@app.command("set")
def set_(
    account: Name,
    priority: Annotated[int | None, typer.Option(help="Lower numbers are used first.")] = None,
    weight: Annotated[int | None, typer.Option(help="Share of the calls within one priority.")] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            help="Outbound proxy of this account; 'none' takes it away, '-' reads it (and a password) from stdin."
        ),
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Model it must not serve; 'none' clears the list.")] = None,
    alias: Annotated[list[str] | None, typer.Option(help="NAME=MODEL; 'none' clears the list.")] = None,
    thinking_mode: Annotated[
        str | None,
        typer.Option(
            help="passthrough, off, fixed or adaptive, with the next two; 'none' takes the account's word away."
        ),
    ] = None,
    thinking_default: Annotated[
        str | None, typer.Option(help="An effort or tokens, where the caller says nothing, or always (fixed).")
    ] = None,
    thinking_max: Annotated[str | None, typer.Option(help="An effort or tokens: the most that callers get.")] = None,
    config: ConfigOption = None,
) -> None:
    """Change priority, weight, proxy, exclusions, aliases or thinking of an account."""
    changes: dict[str, Any] = {}
    if priority is not None:
        changes["priority"] = priority
    if weight is not None:
        changes["weight"] = weight
    if proxy is not None:
        given = sys.stdin.readline().strip() if proxy == "-" else proxy  # arguments are in the process list
        changes["proxy"] = None if given == "none" else given
    if exclude:
        changes["excluded"] = [] if exclude == ["none"] else exclude
    if alias:
        changes["aliases"] = {} if alias == ["none"] else dict(_pair(text) for text in alias)
    thinking = {"mode": thinking_mode, "default": thinking_default, "max": thinking_max}
    if any(thinking.values()):
        given_words = {name: value for name, value in thinking.items() if value is not None}
        changes["thinking"] = None if given_words == {"mode": "none"} else given_words
    if not changes:
        raise typer.BadParameter("give at least one of --priority, --weight, --proxy, --exclude, --alias, --thinking-…")
    _change(account, changes, config)


@app.command()
def remove(
    account: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Forget an account and its tokens. The provider is not told; sign out there too if that matters."""
    if not yes and not typer.confirm(f"Forget {account} and its tokens?", err=True):
        raise typer.Exit(FAILED)
    _ask(lambda: request(find_place(config), "DELETE", f"/v1/auth/{quote(account)}"))
    typer.echo(f"forgot {account}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, model = text.partition("=")
    if not equals or not name or not model:
        raise typer.BadParameter(f"{text!r} is not NAME=MODEL", param_hint="--alias")
    return name, model


def _change(account: str, changes: dict[str, Any], config: str | None) -> None:
    answer = _ask(lambda: request(find_place(config), "PATCH", f"/v0/management/accounts/{quote(account)}", changes))
    typer.echo(one_line(headline(answer, time.time())))


def _ask(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Unreachable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(UNREACHABLE) from None
    except Refused as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from None


def _list(config: str | None, as_json: bool) -> None:
    answer = _ask(lambda: manage(find_place(config), "/v0/management/accounts"))
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        _show(answer)
    waiting = [each for each in (*answer["accounts"], *answer["files"]) if each["state"] in _NEEDS_PERSON]
    raise typer.Exit(FAILED if waiting else OK)


def _show(answer: dict[str, Any]) -> None:
    if not answer["accounts"] and not answer["files"]:
        print(
            "there is no account; add a key: switchyard accounts add PROVIDER; or sign in: switchyard login PROVIDER",
            file=sys.stderr,
        )
    now = time.time()
    for view in answer["accounts"]:
        print(one_line(headline(view, now)))
        for detail in details(view, now):
            print(f"    {one_line(detail)}")  # which has words of providers in it
    for file in answer["files"]:
        print(one_line(f"{file['file']}  {file['state']}: {file['reason']}"))
