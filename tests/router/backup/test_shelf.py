"""The folder of backups, where others take some away meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.backup.contents import Places
from router.backup.shelf import Shelf


def test_one_that_goes_while_they_are_listed_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(Places(tmp_path / "config.yaml", tmp_path / "state", tmp_path / "accounts"), lambda: 0.0)
    shelf.folder.mkdir(parents=True)
    for number in range(3):
        (shelf.folder / f"switchyard-20261128-00000{number}-000.backup").write_bytes(b"x" * 7)
    look = shelf.path

    def gone(backup_id: str) -> Path | None:
        path = look(backup_id)
        if path is not None and "000001" in backup_id:
            path.unlink()
        return path

    monkeypatch.setattr(shelf, "path", gone)
    assert [(each.id, each.size) for each in shelf.kept()] == [("20261128-000002-000", 7), ("20261128-000000-000", 7)]
