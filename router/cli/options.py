"""Options that several verbs have. Loads nothing that a verb may not need."""

from __future__ import annotations

from typing import Annotated

import typer

ConfigOption = Annotated[
    str | None, typer.Option("--config", "-c", help="The settings file. Default: config/config.yaml.", metavar="FILE")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _address(text: str | None) -> str | None:
    from router.cli.connection import checked_address

    try:
        return None if text is None else checked_address(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", help="The gateway's. Default: that of this installation.", metavar="URL", callback=_address
    ),
]
ThroughOption = Annotated[
    str | None,
    typer.Option(
        "--through",
        help="Address of a reverse proxy in front: does it let streams through as they are written?",
        metavar="URL",
        callback=_address,
    ),
]
KeyFileOption = Annotated[
    str | None,
    typer.Option("--key-file", help="File that holds the client key. Default: state/keys/client.key.", metavar="FILE"),
]
