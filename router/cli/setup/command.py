"""The verb itself. Exit codes: 0 done, 1 refused or failed (nothing was written, or the message says what), 2 usage."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from msgspec import Struct

from router.cli.setup import journal, told, work
from router.cli.setup.clients import CLIENTS, OTHER_NAMES, block
from router.cli.setup.journal import Journal
from router.cli.setup.splices import CannotEdit
from router.cli.setup.target import Target, checked_model, read_key
from router.cli.setup.wishes import FileWish, Recipe, Wish
from router.cli.talk import Place, find_place, url
from router.places import key_file


class Wanted(Struct, frozen=True, kw_only=True):
    """The options, as typed. now: Unix seconds."""

    undo: bool
    dry_run: bool
    model: str | None
    address: str | None
    key_file: str | None
    shell_file: str | None
    now: float


def setup(client: str | None, wanted: Wanted, config: str | None, *, as_json: bool = False) -> int:
    """One client, or the list of them."""
    place = find_place(config)
    if place.problem is not None:  # its address and state are not known, so nothing is guessed
        _say(place.problem)
        return 1
    if client is None and (wanted.undo or wanted.model or wanted.address or wanted.shell_file):
        _say(f"name a client: {', '.join(CLIENTS)}")
        return 2
    if client is None:
        return _listing(place, as_json)
    name = OTHER_NAMES.get(client, client)
    if name not in CLIENTS:
        _say(f"there is no client {client!r}. Known are: {', '.join(CLIENTS)}")
        return 2
    try:
        return _undo(name, wanted, place) if wanted.undo else _setup(name, wanted, place)
    except work.Refused as error:
        _say(f"{error}; nothing was written:")
        for line in told.conflicts(error.conflicts, Path.home()):
            _say(line)
        _say(f"Put back what setup wrote or take the place out, then run `switchyard setup {name} --undo` again.")
    except (CannotEdit, OSError) as error:
        _say(str(error))
    return 1


def _setup(name: str, wanted: Wanted, place: Place) -> int:
    target = _target(wanted, place)
    recipe = CLIENTS[name](target)
    old = journal.load(place.state_dir, name)
    shell_file = _shell_file(wanted, old)
    wishes = [*recipe.files]
    if recipe.variables and shell_file is not None:
        lines = block(recipe.variables, shell_file)
        wishes.append(FileWish(path=shell_file, format="shell", wishes=(Wish((name,), lines),)))
    changes = work.plan(wishes, old)
    for line in told.changes(changes, target.home):
        print(line)
    if not any(change.now != change.then for change in changes) and recipe.files:
        print(f"{name} uses {target.address} already; there is nothing to change")
    elif wanted.dry_run:
        _say("nothing was written (--dry-run)")
    if not wanted.dry_run and changes:
        new = Journal(client=name, address=target.address, model=target.model, at=wanted.now, files=())
        work.carry_out(changes, new, name, place.state_dir)
        print(f"`switchyard setup {name} --undo` takes it back")
    _tell(recipe, wishes, target, shell_file)
    if wanted.shell_file is not None and not recipe.variables:
        _say("it needs no variables, so --shell-file is not used")
    return 0


def _tell(recipe: Recipe, wishes: list[FileWish], target: Target, shell_file: Path | None) -> None:
    modes = {wish.path: wish.path.stat().st_mode & 0o7777 for wish in wishes if wish.path.exists()}
    lines = [*recipe.told, *told.warnings(wishes, modes, target.home)]
    set_here = [name for name in recipe.overriding if target.environ.get(name)]
    if set_here:
        lines.append(f"{', '.join(set_here)}: set in this shell, which wins over the files; unset it for this client")
    if target.address.startswith("http://") and not _is_loopback(target.address):
        lines.append(f"{target.address} is not encrypted: the key and all texts can be read on the way")
    for line in lines:
        _say(line)
    if recipe.variables and shell_file is None:
        _say("its shell needs this (--shell-file FILE writes it into a start file):")
        print(block(recipe.variables, None), end="")
    elif recipe.variables:
        _say(f"open a new shell, or read {shell_file} into this one")


def _undo(name: str, wanted: Wanted, place: Place) -> int:
    old = journal.load(place.state_dir, name)
    if old is None:
        _say(f"nothing is recorded of {name} in {place.state_dir / 'setup'}, so there is nothing to take back")
        return 1
    changes = work.undoing(old)
    for line in told.changes(changes, Path.home()):
        print(line)
    if wanted.dry_run:
        _say("nothing was written (--dry-run)")
    else:
        work.carry_out(changes, None, name, place.state_dir)
    return 0


def _target(wanted: Wanted, place: Place) -> Target:
    own = url(*place.address())
    address = own if wanted.address is None else wanted.address
    if wanted.key_file is None and address != own:
        raise CannotEdit(f"{address} is not the gateway of this installation ({own}): name its key with --key-file")
    named = Path(wanted.key_file).expanduser().absolute() if wanted.key_file else key_file(place.state_dir, "client")
    return Target(
        address=address,
        key=read_key(named),
        key_file=named,
        model=checked_model(wanted.model),
        home=Path.home(),
        environ=os.environ,
        platform=sys.platform,
    )


def _shell_file(wanted: Wanted, old: Journal | None) -> Path | None:
    """The one that is named, else the one of an earlier run."""
    if wanted.shell_file is not None:
        return Path(wanted.shell_file).expanduser().absolute()
    known = [one.path for one in old.files if one.format == "shell"] if old is not None else []
    return Path(known[0]) if known else None


def _is_loopback(address: str) -> bool:
    return address.startswith(("http://127.", "http://localhost", "http://[::1]"))


def _listing(place: Place, as_json: bool) -> int:
    rows = []
    for name in CLIENTS:
        try:
            known = journal.load(place.state_dir, name)
        except CannotEdit as error:
            _say(str(error))
            continue
        address = None if known is None else known.address
        rows.append({"client": name, "address": address, "model": None if known is None else known.model})
    if as_json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        state = f"{row['address']}  {row['model'] or ''}".rstrip() if row["address"] else "not set up"
        print(f"{row['client']:<10}  {state}")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)
