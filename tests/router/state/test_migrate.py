from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from router.state import migrate as module
from router.state.client_keys import StoredKey, add_key, list_keys, usable_keys
from router.state.database import open_database, transaction
from router.state.migrate import HEAD, main, migrate, revision
from router.state.tables import metadata

MIGRATIONS = Path(module.__file__).with_name("migrations")


def test_the_newest_migration_is_the_one_the_router_asks_for() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_migrations_make_exactly_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    path = tmp_path / "state" / "switchyard.sqlite"
    assert revision(path) is None
    assert f"to {HEAD}" in migrate(path)
    assert revision(path) == HEAD
    engine = open_database(path)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrating_again_changes_nothing_and_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "switchyard.sqlite"
    migrate(path)
    assert "up to date" in migrate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "switchyard.sqlite"
    migrate(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert main([str(path)]) == 1
    assert "newer than this version" in capsys.readouterr().err
    assert revision(path) == "9999"


def test_a_file_that_is_no_database_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "switchyard.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    assert main([str(path)]) == 1
    assert "cannot migrate" in capsys.readouterr().err


def test_the_router_side_never_imports_alembic() -> None:
    code = "import router.state.migrate, router.state.store, sys; print('alembic' in sys.modules)"
    root = Path(module.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "False"


def at(path: Path, target: str) -> None:
    """A database as an earlier version left it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = open_database(path)
    with engine.connect().execution_options(writes=True) as connection:
        config.attributes["connection"] = connection
        with connection.begin():
            command.upgrade(config, target)
    engine.dispose()


def test_keys_of_an_earlier_version_stay_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "switchyard.sqlite"
    at(path, "0009")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO client_keys (id, name, digest, scopes, created_at, concurrency, limits) "
            "VALUES ('k', 'laptop', 'd', 'client', 7.0, 2, '{\"usd_per_day\":5}')"
        )
    assert f"from 0009 to {HEAD}" in migrate(path)
    with transaction(path) as connection_now:
        key = list_keys(connection_now)[0]
        assert (key.name, key.concurrency, key.limits) == ("laptop", 2, '{"usd_per_day":5}')
        assert (key.rights, key.disabled) == ("", False)
        assert usable_keys(connection_now, 8.0) == 1
    assert revision(path.with_name(f"{path.name}.before-{HEAD}")) == "0009"


def test_a_disabled_key_opens_no_public_address(tmp_path: Path) -> None:
    path = tmp_path / "switchyard.sqlite"
    migrate(path)
    with transaction(path, writes=True) as connection:
        add_key(connection, StoredKey(id="k", name="a", digest="d", created_at=0.0, disabled=True))
        assert usable_keys(connection, 1.0) == 0
