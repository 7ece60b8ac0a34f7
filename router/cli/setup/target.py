"""Where clients are to go: address, key and model, checked before anything is written."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from router.cli.setup.splices import CannotEdit
from router.secret import Secret

_KEY = re.compile(r"[\x21-\x7e]+")
_MODEL = re.compile(r"[^\s\"'\\\x00-\x1f\x7f]+")


class Target(Struct, frozen=True, kw_only=True):
    """The gateway as a client sees it. address: as `checked_address` gives it. key_file: where `key` was read."""

    address: str
    key: Secret
    key_file: Path
    model: str | None
    home: Path
    environ: Mapping[str, str]
    platform: str

    @property
    def v1(self) -> str:
        """The address of the OpenAI dialects."""
        return f"{self.address}/v1"

    @property
    def key_in_shell(self) -> str:
        """The key as a shell reads it: from its file, so that it stands nowhere else."""
        return f'"$(cat {shlex.quote(str(self.key_file))})"'

    def folder(self, variable: str, *usual: str) -> Path:
        """A client's folder: as its variable says, else the usual one in the home folder."""
        named = self.environ.get(variable)
        return Path(named).expanduser() if named else self.home.joinpath(*usual)


def checked_model(text: str | None) -> str | None:
    """A model's name that every file and shell can hold. Raises `CannotEdit`."""
    if text is not None and not _MODEL.fullmatch(text):
        raise CannotEdit(f"{text!r} is no name of a model; `switchyard models` lists them")
    return text


def read_key(path: Path) -> Secret:
    """The client key in a file. Raises `CannotEdit`."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotEdit(
            f"there is no client key at {path} ({error}). `make up` makes one, `switchyard keys create NAME` makes "
            "another; name its file with --key-file"
        ) from None
    if not _KEY.fullmatch(text):
        raise CannotEdit(f"{path} does not hold one key alone on one line")
    return Secret(text)
