"""``switchyard import``: copy the accounts of other programs. Their files stay as they are.

Exit codes: 0 done, 1 nothing was found or some file is damaged, 2 wrong usage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router.accounts.import_sources import SOURCES, Source
from router.accounts.importing import WARNING, Imported, Importer
from router.cli.account_place import account_place, fail
from router.cli.audited import operator
from router.cli.options import ConfigOption, JsonOption
from router.clock import SystemClock
from router.vault.profiles import profile_name

app = typer.Typer(help="Take over the accounts of other programs.", no_args_is_help=True)
_Folder = Annotated[Path | None, typer.Argument(help="Its folder. Default: the usual one.", metavar="[PATH]")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")]
_Replace = Annotated[bool, typer.Option("--replace", help="Take the tokens of the file for an account that is ours.")]
_WORDS = {
    "account": "account",
    "known": "known",
    "profile": "kept",
    "setting": "setting",
    "nothing": "no account",
    "wrong": "damaged",
}


def _command(source: Source) -> Callable[..., None]:
    def take(
        path: _Folder = None,
        dry_run: _DryRun = False,
        replace: _Replace = False,
        config: ConfigOption = None,
        as_json: JsonOption = False,
    ) -> None:
        _from(source, path, dry_run, replace, config, as_json)

    return take


for _name, _source in SOURCES.items():
    app.command(_name, help=f"{_source.what} of {_source.title} (~/{_source.folder}).")(_command(_source))


@app.command()
def file(
    path: Annotated[list[Path], typer.Argument(help="Account files.", metavar="PATH...")],
    dry_run: _DryRun = False,
    replace: _Replace = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Single files, of any of these programs."""
    _bring_in(path, dry_run, replace, config, as_json)


@app.command("config")
def configuration(
    path: Annotated[Path, typer.Argument(help="Its configuration.", metavar="FILE")],
    write: Annotated[
        Path | None, typer.Option("--write", help="Write our settings there, secrets included, for you alone to read.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", help="cliproxyapi, litellm, omniroute, claude-code-router, llmux, webai. Default: by its shape."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The configuration of another gateway as settings of ours; says of every line what becomes of it."""
    from router.cli.migration import command

    target = None if write is None else write.expanduser()
    raise typer.Exit(command.import_config(path.expanduser(), target, form, as_json=as_json))


def _from(source: Source, folder: Path | None, dry_run: bool, replace: bool, config: str | None, as_json: bool) -> None:
    folder = folder.expanduser() if folder is not None else Path.home() / source.folder
    paths = source.find(folder)
    if not paths:
        typer.echo(f"there are no files of {source.title} in {folder}; name its folder, if it is another", err=True)
        raise typer.Exit(1)
    _bring_in(paths, dry_run, replace, config, as_json, source.called)


def _bring_in(
    paths: Sequence[Path], dry_run: bool, replace: bool, config: str | None, as_json: bool, called: str = ""
) -> None:
    place = account_place(config)
    try:
        clock = SystemClock()
        importer = Importer(place.store, place.folder, place.profiles, clock, dry_run=dry_run, replaces=replace)
        results = importer.bring_in(paths, called)
        for one in results:
            if one.became == "account" and not dry_run:
                place.audit.record(operator(), "imported", one.account, f"from {Path(one.file).name}")
            if one.became == "profile" and not dry_run:
                name = Path(one.file).name
                place.audit.record(operator(), "imported", profile_name(name), f"as a profile, from {name}")
        place.audit.flush(everything=True)
    except OSError as error:
        raise fail(error) from None
    _show(results, dry_run, as_json)
    if any(one.became == "wrong" for one in results):
        raise typer.Exit(1)


def _show(results: Sequence[Imported], dry_run: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "files": msgspec.to_builtins(results)}, indent=2))
    else:
        for one in results:
            typer.echo(f"{_WORDS[one.became]:<10}  {one.file}  {one.told}")
    if dry_run:
        typer.echo("nothing was changed (--dry-run)", err=True)
    if any(one.became in ("account", "known") for one in results):
        typer.echo(WARNING, err=True)
