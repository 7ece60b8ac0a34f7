"""``switchyard aistudio``: the AI Studio service of this machine, run in its own environment.

Exit codes: 0 fine, 1 something is missing, 2 wrong settings.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from router import places
from router.cli import service_environment
from router.cli.options import ConfigOption

app = typer.Typer(help="The AI Studio service on this machine.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """So that a single verb keeps its name."""


@app.command()
def selfcheck(
    profile: Annotated[str | None, typer.Option(help="Which account. Default: any that is signed in.")] = None,
    config: ConfigOption = None,
) -> None:
    """Open AI Studio's page and say as JSON which of its controls are found. Asks nothing of a model."""
    given = ["--profile", profile] if profile else []
    raise typer.Exit(run(["selfcheck", *given], config))


def run(words: Sequence[str], config: str | None, root: Path = places.ROOT) -> int:
    """Run the service's own program; its output is ours. root: the checkout."""
    python = service_environment.python(root)
    if python is None:
        typer.echo(service_environment.MISSING, err=True)
        return 1
    more = ["--router-config", str(places.config_path(config, {}))] if config else []
    command = [str(python), "-m", "services.aistudio", *words, "--log-level", "warning", *more]
    return subprocess.run(command, cwd=root, check=False).returncode
