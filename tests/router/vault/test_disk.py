from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from router.vault.disk import MOST, Disk, Odd, locked, private_folder, read_bounded, signature
from tests.router.accounts.stores.crashing import each_step


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_write_that_dies_at_any_step_leaves_the_old_file_or_the_new_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    seen: list[bytes] = []
    steps = each_step(
        lambda disk: disk.put(path, b"new" * 1000),
        lambda at: seen.append(path.read_bytes()),
        lambda: path.write_bytes(b"old"),
    )
    assert steps == 5 and set(seen) == {b"old", b"new" * 1000} and seen[-1] == b"new" * 1000
    assert seen == sorted(seen, reverse=True)


def test_a_first_write_that_dies_leaves_nothing_or_everything(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    seen: list[bytes | None] = []
    each_step(
        lambda disk: disk.put(path, b"new", new=True),
        lambda at: seen.append(path.read_bytes() if path.exists() else None),
        lambda: path.unlink(missing_ok=True),
    )
    assert set(seen) == {None, b"new"}


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("theirs")
    with pytest.raises(FileExistsError):
        Disk().put(tmp_path / "a.json", b"ours", new=True)
    assert (tmp_path / "a.json").read_text() == "theirs" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = tmp_path / "folder"
        private_folder(folder)
        Disk().put(folder / "a.json", b"x")
    finally:
        os.umask(before)
    assert (mode(folder), mode(folder / "a.json")) == (0o700, 0o600)


def test_a_folder_that_is_open_to_others_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    private_folder(folder)
    assert mode(folder) == 0o700


def test_a_write_returns_what_others_will_see_of_the_file(tmp_path: Path) -> None:
    written = Disk().put(tmp_path / "a.json", b"x")
    assert written == signature((tmp_path / "a.json").stat()) == read_bounded(tmp_path / "a.json")[1]


def test_what_is_no_plain_file_of_some_size_is_said_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "loop")
    (tmp_path / "loop").symlink_to(tmp_path / "link")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(MOST + 1)
    reasons = {}
    for name in ("folder", "pipe", "link", "socket", "huge"):
        with pytest.raises(Odd) as caught:
            read_bounded(tmp_path / name)
        reasons[name] = str(caught.value)
    assert "no regular file" in reasons["folder"] and "no regular file" in reasons["pipe"]
    assert "symbolic link" in reasons["link"] and "cannot be read" in reasons["socket"] and "larger" in reasons["huge"]
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "nothing")


def test_a_link_is_followed_where_a_person_named_it(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read_bounded(tmp_path / "link", follow=True)[0] == b"x"


HOLDER = """
import sys
from pathlib import Path
from router.vault.disk import locked
with locked(Path(sys.argv[1]), 10.0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_excludes_other_processes_and_ends_with_the_one_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None and holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError, match="another process holds"), locked(path, 0.1):
            pytest.fail("two hold one lock")
        holder.kill()
        with locked(path, 10.0):
            assert mode(path) == 0o600
    finally:
        holder.kill()
        holder.stdin.close()
        holder.stdout.close()
        holder.wait(10)


def test_a_lock_excludes_other_threads_of_this_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    failed = threading.Event()

    def other() -> None:
        try:
            with locked(path, 0.05):
                pass
        except TimeoutError:
            failed.set()

    with locked(path, 1.0):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
    assert failed.is_set()
    with locked(path, 0.0):
        pass
