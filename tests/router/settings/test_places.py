from __future__ import annotations

from pathlib import Path

from router.settings.places import base_folder, find_config, locate, reader
from router.settings.schema import Settings


def test_the_named_file_wins_then_the_variable_then_the_usual_places() -> None:
    checkout = Path("/srv/switchyard")
    there = {checkout / "config" / "config.yaml"}
    variable = {"SWITCHYARD_CONFIG": "~/b.yaml", "HOME": "/home/u"}
    assert find_config("/a.yaml", variable, there.__contains__, checkout) == Path("/a.yaml")
    assert find_config(None, variable, there.__contains__, checkout) == Path("/home/u/b.yaml")
    assert find_config(None, {}, there.__contains__, checkout) == checkout / "config" / "config.yaml"
    assert find_config(None, {}, lambda path: False, checkout) is None


def test_relative_folders_start_above_the_config_folder() -> None:
    checkout = Path("/srv/switchyard")
    assert base_folder(Path("/x/config/config.yaml"), checkout) == Path("/x")
    assert base_folder(Path("/x/my.yaml"), checkout) == Path("/x")
    assert base_folder(None, checkout) == checkout
    places = locate(Settings(), Path("/x/config/config.yaml"), {"HOME": "/home/u"}, checkout)
    assert places.database == Path("/x/state/switchyard.sqlite")
    assert places.accounts == Path("/home/u/.cli-proxy-api")
    assert (places.keys, places.vault_key) == (Path("/x/state/keys"), Path("/x/state/vault.key"))


def test_files_of_the_settings_are_read_relative_to_the_base(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("secret")
    assert reader(tmp_path, {})("k") == "secret"
    assert reader(Path("/"), {"HOME": str(tmp_path)})("~/k") == "secret"
