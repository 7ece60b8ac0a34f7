from __future__ import annotations

import os
from pathlib import Path

from router.clock import FakeClock
from router.settings.load import Loaded, load
from router.settings.schema import Settings
from router.settings.watch import Watch, restart_needed


class Desk:
    """A real file, a clock that is moved by hand, and what was put in force."""

    def __init__(self, folder: Path, text: str = "server: {port: 1}") -> None:
        self.path = folder / "config.yaml"
        self.path.write_text(text)
        self.clock = FakeClock()
        self.applied: list[int] = []
        self.refuse = False
        self.key = folder / "key"
        self.watch = Watch(
            self.path,
            read=Path.read_bytes,
            load=lambda text: load(text, {}, lambda path: Path(path).read_text()),
            apply=self.apply,
            clock=self.clock,
            others=lambda: (self.key,),
        )

    async def apply(self, loaded: Loaded) -> None:
        if self.refuse:
            raise RuntimeError("no room")
        self.applied.append(loaded.settings.server.port)

    async def pass_seconds(self, seconds: int = 3) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            await self.watch.look()


async def test_a_changed_file_is_put_in_force_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.pass_seconds()
    assert desk.applied == []
    desk.path.write_text("server: {port: 22}")
    await desk.pass_seconds()
    assert desk.applied == [22]
    assert desk.watch.last is not None and desk.watch.last.ok


async def test_equal_bytes_change_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.path.write_text("server: {port: 1}")
    os.utime(desk.path, ns=(1, 1))
    await desk.pass_seconds()
    assert desk.applied == [] and desk.watch.last is None


async def test_an_editor_that_replaces_the_file_is_noticed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    fresh = tmp_path / ".config.yaml.swp"
    fresh.write_text("server: {port: 2}")
    stat = desk.path.stat()
    os.utime(fresh, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    fresh.replace(desk.path)
    await desk.pass_seconds()
    assert desk.applied == [2]


async def test_a_swapped_folder_link_as_kubernetes_makes_it_is_noticed(tmp_path: Path) -> None:
    for name, port in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(f"server: {{port: {port}}}")
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "mount").mkdir()
    desk = Desk(tmp_path / "mount")
    desk.path.unlink()
    desk.path.symlink_to(tmp_path / "..data" / "config.yaml")
    await desk.pass_seconds()
    assert desk.applied == []  # the bytes are those that were there before
    (tmp_path / "..next").symlink_to("two")
    (tmp_path / "..next").replace(tmp_path / "..data")
    await desk.pass_seconds()
    assert desk.applied == [2]


async def test_a_file_that_is_still_being_written_waits(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for port in range(10, 14):
        desk.path.write_text(f"server: {{port: {port}}}" + " " * port)
        desk.clock.advance(1)
        assert await desk.watch.look() is None
    assert desk.applied == []
    await desk.pass_seconds(1)
    assert desk.applied == [13]


async def test_mistakes_keep_the_old_settings_and_say_why(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.path.write_text("server: {prt: 2}")
    await desk.pass_seconds()
    assert desk.applied == []
    assert desk.watch.last is not None and not desk.watch.last.ok
    assert desk.watch.last.error is not None and "server.prt is no setting" in desk.watch.last.error
    desk.path.write_text("server: {port: 2}")
    await desk.pass_seconds()
    assert desk.applied == [2] and desk.watch.last.ok


async def test_a_missing_file_keeps_the_old_settings_until_it_is_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.path.unlink()
    await desk.pass_seconds()
    assert desk.watch.last is not None and desk.watch.last.error is not None
    assert "No such file" in desk.watch.last.error
    desk.path.write_text("server: {port: 5}")
    await desk.pass_seconds()
    assert desk.applied == [5]


async def test_settings_that_cannot_be_built_keep_the_old_ones(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.refuse = True
    desk.path.write_text("server: {port: 2}")
    await desk.pass_seconds()
    assert desk.watch.last is not None and desk.watch.last.error is not None and "no room" in desk.watch.last.error


async def test_a_changed_key_file_counts_and_force_reads_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.key.write_text("new")
    await desk.pass_seconds()
    assert desk.applied == [1]
    assert await desk.watch.reload() is None
    assert await desk.watch.reload(force=True) is not None
    assert desk.applied == [1, 1]


def test_settings_that_wait_for_a_restart_are_named() -> None:
    new = Settings.model_validate(
        {
            "server": {"port": 1, "tls": {"cert": "a", "key": "b"}, "limits": {"streams": 5}},
            "observe": {"level": "debug"},
        }
    )
    assert restart_needed(Settings(), new) == ("server.port", "server.tls.cert", "server.tls.key")
