"""The verbs of `switchyard`. Each imports what it needs when it runs, so that `--help` and `status` stay quick.

Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 no gateway answers.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from router.cli import client_verbs
from router.cli.options import AddressOption, ConfigOption, JsonOption, ThroughOption

OFFLINE = Annotated[bool, typer.Option("--offline", help="Ask the settings, not the running gateway.")]
DIALECT = Annotated[str, typer.Option("--dialect", help="The caller's: chat, responses, messages or gemini.")]
GROUPS = {
    "keys": "Client keys of this gateway.",
    "config": "The settings file.",
    "accounts": "Accounts: states, quotas, and what can be changed.",
    "usage": "What calls used and what they cost, from the ledger; for the last 30 days where nothing else is said.",
    "prices": "The price table.",
    "records": "Recorded calls, stage by stage.",
    "vault": "Encryption of the account files.",
    "import": "Take over the accounts of other programs.",
    "aistudio": "The AI Studio service on this machine.",
    "chaos": "Faults of the demo provider, for trying out clients.",
}

app = typer.Typer(
    name="switchyard",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Self-hosted AI gateway: one address for every account. Exit codes: 0 ok, 1 failed, 2 usage, 3 unreachable.",
)


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run the gateway in the foreground. Settings that make no sense stop it with every mistake listed."""
    from router.cli import cloud
    from router.server import parent

    if cloud.wanted(os.environ):
        raise typer.Exit(cloud.serve(config))
    raise typer.Exit(parent.main([] if config is None else ["--config", config]))


@app.command()
def status(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show what runs, and what is wrong with it."""
    from router.cli import processes

    raise typer.Exit(processes.status(as_json, config))


@app.command()
def models(as_json: JsonOption = False, offline: OFFLINE = False, config: ConfigOption = None) -> None:
    """List the models that clients may ask for."""
    from router.cli import models_command

    raise typer.Exit(models_command.models(as_json, offline, config))


@app.command()
def explain(
    model: str,
    dialect: DIALECT = "chat",
    key: Annotated[str | None, typer.Option(help="The client key that asks, by name or id.")] = None,
    as_json: JsonOption = False,
    offline: OFFLINE = False,
    config: ConfigOption = None,
) -> None:
    """Say who would answer for a model name, in which order, and why."""
    from router.cli import models_command

    raise typer.Exit(models_command.explain(model, dialect, key, as_json, offline, config))


@app.command()
def tui(
    address: AddressOption = None,
    key_file: Annotated[
        str | None,
        typer.Option("--key-file", help="File that holds a key. Default: the management key.", metavar="FILE"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Watch the gateway in the terminal: is it working, requests and their story, accounts, the log."""
    from router.cli import tui_command

    raise typer.Exit(tui_command.tui(address, key_file, config))


@app.command()
def doctor(
    as_json: JsonOption = False,
    config: ConfigOption = None,
    through: ThroughOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider: neither the way nor the keys.")] = False,
) -> None:
    """Look for what is wrong here: what, why it matters, and the exact fix. What providers are asked costs nothing."""
    from router.cli import doctor as look

    raise typer.Exit(look.doctor(as_json, config, through, offline=offline))


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    import json
    import platform

    from router.version import NAME, VERSION

    if as_json:
        print(json.dumps({"name": NAME, "version": VERSION, "python": platform.python_version()}))
    else:
        print(f"{NAME} {VERSION}")


@app.command()
def login(
    provider: Annotated[
        str, typer.Argument(help="claude, chatgpt, gemini-cli, qwen, kimi, xai, copilot, ctonew, aistudio, webai, …")
    ],
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open nothing.")] = False,
    device: Annotated[bool, typer.Option("--device", help="With a code that is typed at another device.")] = False,
    paste: Annotated[bool, typer.Option("--paste", help="With a browser elsewhere: paste its answer.")] = False,
    cookie: Annotated[bool, typer.Option("--cookie", help="A cookie, from stdin or a prompt, for ctonew.")] = False,
    label: Annotated[
        str | None, typer.Option(help="What to call the account. Default: its address. For aistudio: the profile.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept the provider's caveat without being asked.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Sign in to a provider: at the running gateway, or by itself where none runs. Prints the account."""
    from router.cli import login_command

    try:
        flow = login_command.flow_of(device, paste, cookie)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    wishes = login_command.Wishes(flow=flow, label=label, browser=not no_browser, accepts=yes, as_json=as_json)
    raise typer.Exit(login_command.login(provider, wishes, config))


@app.command()
def up(
    prepare_only: Annotated[bool, typer.Option(help="Write files and keys, start nothing.")] = False,
    join: Annotated[bool, typer.Option(help="Wait for the supervisord of systemd or a container; start none.")] = False,
) -> None:
    """Write what is missing, start everything under supervisord and wait until it is ready (`make up`)."""
    from router.cli import up as start

    raise typer.Exit(start.up(prepare_only, join))


@app.command()
def down() -> None:
    """Stop everything, after running calls have finished."""
    from router.cli import processes

    raise typer.Exit(processes.down())


@app.command()
def restart(name: Annotated[str, typer.Argument(help="The process.")] = "router") -> None:
    """Stop and start one process; the router's is replaced without refusing a connection."""
    from router.cli import processes

    raise typer.Exit(processes.restart(name))


@app.command()
def reload_process(
    within: Annotated[float, typer.Option(help="Seconds that the new process gets.", min=1.0)] = 60.0,
) -> None:
    """Replace the serving process without refusing a connection."""
    from router.cli import processes

    raise typer.Exit(processes.reload_process(within))


@app.command()
def reconcile(
    file: Annotated[str, typer.Argument(help="A CSV of the provider: an invoice, or an export of usage.")],
    provider: Annotated[str | None, typer.Option(help="Only the calls of this provider.")] = None,
    date: Annotated[str | None, typer.Option(help="Header of the column with the day. Else: usual names.")] = None,
    model: Annotated[str | None, typer.Option(help="Header of the model's.")] = None,
    input_: Annotated[
        str | None, typer.Option("--input", help="Header of the input tokens', caches included; several with commas.")
    ] = None,
    output: Annotated[str | None, typer.Option(help="Header of the output tokens'.")] = None,
    cost: Annotated[str | None, typer.Option(help="Header of the cost's, in US dollars.")] = None,
    tolerance: Annotated[float, typer.Option(help="Per cent that may differ.", min=0.0, max=100.0)] = 0.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Compare the ledger with what a provider says, by day (UTC) and model. Ends with 1 where they differ."""
    from router.cli import reconcile as command

    names = {"date": date, "model": model, "input": input_, "output": output, "cost": cost}
    raise typer.Exit(command.reconcile(file, names, provider, tolerance, as_json=as_json, config=config))


PASSPHRASE = Annotated[
    str | None,
    typer.Option("--passphrase-file", help="Its passphrase. Else SWITCHYARD_BACKUP_PASSPHRASE, or asked for."),
]


@app.command()
def backup(
    file: Annotated[str, typer.Argument(help="The file to write.")],
    passphrase_file: PASSPHRASE = None,
    config: ConfigOption = None,
) -> None:
    """Write accounts, profiles, keys, settings and state into one encrypted file. The gateway may run."""
    from router.cli import backup as command

    raise typer.Exit(command.backup(file, passphrase_file, config))


@app.command()
def restore(
    file: Annotated[str, typer.Argument(help="The backup.")],
    passphrase_file: PASSPHRASE = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also where files are here already: they are kept aside.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Put a backup back, on this machine or another. The gateway must not run."""
    from router.cli import backup as command

    raise typer.Exit(command.restore(file, passphrase_file, force=force, config=config))


for _verb in (client_verbs.audit, client_verbs.replay, client_verbs.setup, client_verbs.translate):
    app.command()(_verb)


def main(words: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    for group in GROUPS:
        add_group(group, loads=bool(words) and words[0] == group)
    try:
        app(list(words), prog_name="switchyard")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Exception as error:
        from router.cli import no_access

        sentence = no_access.told(error)
        if sentence is None:
            raise
        print(f"{sentence}. {no_access.advice(error)}.", file=sys.stderr)
        return 1
    return 0


_NAME_ALONE = typer.Typer()
"""Stands in for a group whose verbs nobody asked for: help shows its name, and loads nothing."""


def add_group(name: str, *, loads: bool = True) -> None:
    """Add one group, once. loads: with its verbs."""
    known = next((group.typer_instance for group in app.registered_groups if group.name == name), None)
    if known is not None and (known is not _NAME_ALONE or not loads):
        return
    app.registered_groups[:] = [group for group in app.registered_groups if group.name != name]
    verbs = importlib.import_module(f"router.cli.{name}_commands").app if loads else _NAME_ALONE
    app.add_typer(verbs, name=name, help=GROUPS[name])
    order = {known: at for at, known in enumerate(GROUPS)}
    app.registered_groups.sort(key=lambda group: order.get(str(group.name), 0))  # the same help, whatever came first


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
