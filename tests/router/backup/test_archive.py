"""What a backup has of an installation that goes on working, and what a restore leaves of the one that was there."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from router.access.stored import stored_keys
from router.backup import archive
from router.backup.contents import DATABASE, Places, left_out
from router.state.database import transaction
from router.state.migrate import migrate
from router.vault.keys import AccountVault, account_vault
from router.vault.profiles import ProfileFiles
from tests.router.state.test_migrate import at

WORDS = "correct horse battery"
STAMP = "20261127-100000"


@pytest.fixture
def here(tmp_path: Path) -> Places:
    """An installation with an account, a profile and a database."""
    made = Places(tmp_path / "config" / "config.yaml", tmp_path / "state", tmp_path / "accounts")
    for path, text in {
        made.config: "server: {}\n",
        made.state / "keys" / "client.key": "sk-sy-client",
        made.accounts / "claude-oauth-work.json": '{"access_token": "first"}',
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with closing(sqlite3.connect(made.state / DATABASE)) as connection, connection:
        connection.execute("create table t (x)")
        connection.execute("insert into t values ('of the backup')")
    return made


def profiles(here: Places) -> tuple[AccountVault, ProfileFiles]:
    vault = account_vault(here.accounts, {})
    return vault, ProfileFiles(here.accounts / "auth_profiles", vault)


def written(here: Places, to: Path) -> Path:
    archive.write(here, to, WORDS, version="1", now=0.0)
    return to


def put_back(here: Places, file: Path) -> list[Path]:
    with archive.unpacked(file, WORDS, here.state) as (_, files):
        return archive.put_back(here, files, stamp=STAMP)


def rows(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [str(row[0]) for row in connection.execute("select x from t")]


def crashed(here: Places) -> None:
    """Leave the database as a killed process does: what was written last is in the file beside it alone."""
    database = here.state / DATABASE
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("insert into t values ('written last')")
        connection.commit()
        held = {end: database.with_name(DATABASE + end).read_bytes() for end in ("", "-wal")}
    for end, data in held.items():
        database.with_name(DATABASE + end).write_bytes(data)


def test_a_token_that_is_renewed_meanwhile_does_not_spoil_the_backup(
    here: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, digest = here.accounts / "claude-oauth-work.json", archive._digest

    def renewed(path: Path) -> str:
        found = digest(path)
        account.write_text('{"access_token": "a longer one that came meanwhile"}')
        return found

    monkeypatch.setattr(archive, "_digest", renewed)
    file = written(here, tmp_path / "b")
    monkeypatch.undo()
    put_back(here, file)
    assert account.read_text() == '{"access_token": "first"}'


def test_an_interrupted_exchange_of_the_key_loses_no_profile(here: Places, tmp_path: Path) -> None:
    vault, files = profiles(here)
    files.write("work", b"cookies")
    vault.begin_rotation()
    files.rewrite("work")
    file = written(here, tmp_path / "b")
    elsewhere = Places(tmp_path / "new" / "config.yaml", tmp_path / "new" / "state", tmp_path / "new" / "accounts")
    put_back(elsewhere, file)
    assert profiles(elsewhere)[1].read("work") == b"cookies"


def test_what_was_to_stay_plain_stays_plain(here: Places, tmp_path: Path) -> None:
    profiles(here)[0].set_sealing(False)
    file = written(here, tmp_path / "b")
    elsewhere = Places(tmp_path / "new" / "config.yaml", tmp_path / "new" / "state", tmp_path / "new" / "accounts")
    put_back(elsewhere, file)
    assert not profiles(elsewhere)[0].sealing


def test_the_database_that_is_put_aside_keeps_what_was_written_last(here: Places, tmp_path: Path) -> None:
    file = written(here, tmp_path / "b")
    crashed(here)
    put_back(here, file)
    assert rows(here.state / DATABASE) == ["of the backup"]
    assert rows(here.state / f"{DATABASE}.before-{STAMP}") == ["of the backup", "written last"]


def test_a_backup_without_a_database_leaves_the_one_that_is_there(here: Places, tmp_path: Path) -> None:
    database = (here.state / DATABASE).read_bytes()
    (here.state / DATABASE).unlink()
    file = written(here, tmp_path / "b")
    (here.state / DATABASE).write_bytes(database)
    crashed(here)
    put_back(here, file)
    assert rows(here.state / DATABASE) == ["of the backup", "written last"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_restore_that_is_interrupted_leaves_everything_as_it_was(
    here: Places, tmp_path: Path, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(here, tmp_path / "b")
    crashed(here)
    (here.state / "keys" / "client.key").write_text("sk-sy-newer")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    rename, calls = Path.rename, 0

    def fails(self: Path, to: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise error
        return rename(self, to)

    with (
        archive.unpacked(file, WORDS, here.state) as (_, files),
        monkeypatch.context() as patched,
        pytest.raises(error),
    ):
        patched.setattr(Path, "rename", fails)
        archive.put_back(here, files, stamp=STAMP)
    assert calls > 5
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_keys_in_the_environment_of_the_service_come_along(here: Places, tmp_path: Path) -> None:
    (here.config.parent / "environment").write_text("OPENAI_API_KEY=sk-of-openai\n")
    file = written(here, tmp_path / "b")
    (here.config.parent / "environment").unlink()
    put_back(here, file)
    assert "sk-of-openai" in (here.config.parent / "environment").read_text()


def test_what_a_backup_cannot_have_is_named(here: Places, tmp_path: Path) -> None:
    (here.accounts / "mine (work).json").write_text("{}")
    (here.accounts / "linked.json").symlink_to(tmp_path / "elsewhere.json")
    (tmp_path / "elsewhere.json").write_text("{}")
    assert {path.name for path in left_out(here)} == {"linked.json", "mine (work).json"}


def test_folders_that_are_made_are_for_their_owner(here: Places, tmp_path: Path) -> None:
    file = written(here, tmp_path / "b")
    elsewhere = Places(tmp_path / "new" / "config.yaml", tmp_path / "new" / "state", tmp_path / "new" / "accounts")
    put_back(elsewhere, file)
    for folder in (elsewhere.state, elsewhere.accounts, elsewhere.state / "keys"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_backup_of_an_earlier_version_is_put_back_and_brought_up(here: Places, tmp_path: Path) -> None:
    database = here.state / DATABASE
    database.unlink()
    at(database, "0009")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO client_keys (id, name, digest, scopes, created_at) VALUES ('k', 'a', 'd', 'client', 7.0)"
        )
    file = written(here, tmp_path / "backup")
    database.unlink()
    migrate(database)
    put_back(here, file)
    migrate(database)
    with transaction(database) as now:
        assert [(key.name, key.usable(8.0), key.rights) for key in stored_keys(now)] == [("a", True, None)]
