"""The verbs for clients and their calls, and others whose options are many. What they do is in a file of each verb."""

from __future__ import annotations

from typing import Annotated

import typer

from router.cli.options import AddressOption, ConfigOption, JsonOption, KeyFileOption


def replay(
    call: Annotated[str, typer.Argument(help="The recorded call: `switchyard records` lists them.", metavar="ID")],
    to: Annotated[str | None, typer.Option("--to", help="Ask this model instead.", metavar="MODEL")] = None,
    address: AddressOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Send a recorded request to the running gateway again; print the answer and how it differs from the one before."""
    from router.cli import replay as command

    wanted = command.Wanted(to=to, address=address, key_file=key_file, as_json=as_json)
    raise typer.Exit(command.replay(call, wanted, config))


def setup(
    client: Annotated[
        str | None,
        typer.Argument(help="claude, codex, gemini, opencode, qwen, aider, continue, cline, llm, shell. None: a list."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Put the client's files back as they were.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")] = False,
    model: Annotated[str | None, typer.Option("--model", help="The model that it shall ask for.")] = None,
    address: AddressOption = None,
    key_file: KeyFileOption = None,
    shell_file: Annotated[
        str | None, typer.Option("--shell-file", help="Start file of a shell, like ~/.bashrc, for variables.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a client on this machine use the gateway, or put it back. Says every place that it changes."""
    import time

    from router.cli.setup import command

    wanted = command.Wanted(
        undo=undo,
        dry_run=dry_run,
        model=model,
        address=address,
        key_file=key_file,
        shell_file=shell_file,
        now=time.time(),
    )
    raise typer.Exit(command.setup(client, wanted, config, as_json=as_json))


def translate(
    source: Annotated[str, typer.Option("--from", help="The caller's dialect: chat (openai), responses, …")],
    target: Annotated[str, typer.Option("--to", help="The provider's: … messages (anthropic), gemini (google).")],
    model: Annotated[
        str | None, typer.Option("--model", help="The model, where the request has none or another.")
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option("--provider", help="One of the settings, with its deviations. Default: the maker's API."),
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="The caller streams: an answer becomes events, not one object.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what would be dropped or changed.")] = False,
    answer: Annotated[
        bool, typer.Option("--answer", help="Stdin is the provider's answer (JSON or events): translate it back.")
    ] = False,
    request: Annotated[
        str | None, typer.Option("--request", help="With --answer: the file of the request that it answers.")
    ] = None,
    status: Annotated[int, typer.Option("--status", help="With --answer: its HTTP status.", min=100, max=599)] = 200,
    config: ConfigOption = None,
) -> None:
    """Translate a request on stdin as the gateway would send it, or an answer back. Asks nobody; notes on stderr."""
    from router.cli import translate_command as command

    wanted = command.Wanted(
        source=source,
        target=target,
        model=model,
        provider=provider,
        stream=stream,
        strict=strict,
        answer=answer,
        request=request,
        status=status,
    )
    raise typer.Exit(command.translate(wanted, config))


def audit(
    since: Annotated[
        str | None, typer.Option(help="From when: a date (2026-11-27, UTC) or a span before now (7d, 12h, 4w).")
    ] = None,
    until: Annotated[str | None, typer.Option(help="To when; a date is included. Default: now.")] = None,
    action: Annotated[str, typer.Option(help="Only this one: key_create, config_apply, signed_in, …")] = "",
    who: Annotated[str, typer.Option(help="Only of this one: name of a key, cli (the command line), router.")] = "",
    outcome: Annotated[str | None, typer.Option(help="done, failed or refused.")] = None,
    text: Annotated[str, typer.Option(help="Only entries with this in them.")] = "",
    routine: Annotated[bool, typer.Option("--all", help="Also uses and renewals of accounts.")] = False,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=100_000)] = 50,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say who changed what: keys, accounts, prices, settings; the newest first."""
    from router.cli import audit_command as command

    asked = command.Asked(since=since, until=until, action=action, who=who, outcome=outcome, text=text, routine=routine)
    raise typer.Exit(command.audit(asked, limit, config, as_json=as_json))
