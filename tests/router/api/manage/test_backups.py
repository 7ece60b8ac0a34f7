"""Backups of a router that runs: made under load, counted, taken away, judged; and put back by the command line."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.backup import archive, shelf
from router.backup.archive import WRITING
from router.cli import backup as command
from router.state.migrate import HEAD
from router.vault.disk import writing
from router.vault.keys import VARIABLE
from tests.router.api.harness import ANTHROPIC_KEY, MANAGEMENT, Answer, Running, running
from tests.router.api.manage.desk import P, made_key, manage, opened
from tests.simulators import Upstream

WORDS = "correct horse battery staple"


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path / "here", {}) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


async def made(router: Running, **more: Any) -> Any:
    answer = await manage(router, "POST", "/backups", {"passphrase": WORDS, **more})
    assert answer.status == 200, answer.body
    return answer.json


async def kept(router: Running) -> list[str]:
    return [each["id"] for each in (await manage(router, "GET", "/backups")).json["backups"]]


async def verified(router: Running, backup_id: str, passphrase: str = WORDS) -> Any:
    answer = await manage(router, "POST", f"/backups/{backup_id}/verify", {"passphrase": passphrase})
    assert answer.status == 200, answer.body
    return answer.json


def file_of(router: Running, backup_id: str) -> Path:
    return router.state / "backups" / f"switchyard-{backup_id}.backup"


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def busy_database(database: Path) -> Iterator[threading.Event]:
    """Somebody who writes into a table of two halves that must agree, all the time; the event says that it has."""
    going, begun = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=10.0)) as connection:
            connection.execute("create table halves (left_half integer, right_half text)")
            number = 0
            while not going.is_set():
                with connection:
                    for _ in range(50):
                        number += 1
                        connection.execute("insert into halves values (?, ?)", (number, "x" * 500))
                begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert begun.wait(10)
        yield begun
    finally:
        going.set()
        thread.join()


async def test_a_backup_made_under_load_is_put_back_elsewhere_with_the_same_rows(
    desk: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made_key(desk, "laptop", "client")
    account = desk.folder / "accounts" / "claude-oauth-work.json"
    account.parent.mkdir(exist_ok=True)
    account.write_text('{"type": "claude", "access_token": "t"}')
    assert (await desk.ask("chat", "gpt-4.1")).status == 200
    await desk.until(lambda: desk.router._gateway.open_calls == 0)
    with busy_database(desk.state / "switchyard.sqlite"):
        answers = asyncio.gather(*(desk.ask("chat", "gpt-4.1") for _ in range(10)))
        told = await made(desk)
        assert {each.status for each in await answers} == {200}
    file = tmp_path / "away.backup"
    taken = await manage(desk, "GET", f"/backups/{told['id']}/file")
    file.write_bytes(taken.body)
    assert len(taken.body) == told["size"] and ANTHROPIC_KEY.encode() not in taken.body
    before, config = account.read_text(), desk.config.read_text()
    with archive.unpacked(file, WORDS, tmp_path) as (_, files):
        copied = rows(files["state/switchyard.sqlite"], "select left_half from halves order by 1")
    await desk.stop()
    desk.folder.rename(tmp_path / "burnt")  # another machine has the same paths, and nothing in them
    desk.config.parent.mkdir(parents=True)
    monkeypatch.setenv(command.VARIABLE, WORDS)
    assert command.restore(str(file), config=str(desk.config)) == 0
    database = desk.state / "switchyard.sqlite"
    assert rows(database, "pragma integrity_check") == [("ok",)]
    there = rows(database, "select left_half from halves order by 1")
    assert there == copied == [(each,) for each in range(1, len(there) + 1)]
    assert len(there) % 50 == 0  # whole transactions
    assert rows(database, "select name from client_keys") == [("laptop",)]
    assert rows(database, "select count(*) from calls")[0][0] >= 1
    assert (account.read_text(), desk.config.read_text()) == (before, config)


async def test_what_is_kept_is_listed_and_can_be_removed(desk: Running) -> None:
    assert (await manage(desk, "GET", "/backups")).json == {
        "backups": [], "size": 0, "keep": 10, "max_bytes": 4 * 1024**3,
    }  # fmt: skip
    first, second = await made(desk), await made(desk)
    assert "signed in as you" in first["warnings"][0] and first["files"] >= 2
    shown = (await manage(desk, "GET", "/backups")).json
    assert [each["id"] for each in shown["backups"]] == [second["id"], first["id"]]
    assert shown["size"] == first["size"] + second["size"]
    assert abs(shown["backups"][0]["at"] - second["at"]) < 0.01
    file = file_of(desk, first["id"])
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    assert (await manage(desk, "DELETE", f"/backups/{first['id']}")).status == 204
    assert await kept(desk) == [second["id"]]
    for method, path in (("DELETE", ""), ("GET", "/file"), ("POST", "/verify")):
        body = {"passphrase": WORDS} if method == "POST" else None
        for gone in (first["id"], "..%2F..%2Fconfig.yaml", "x"):
            answer = await manage(desk, method, f"/backups/{gone}{path}", body)
            assert answer.status == 404, (method, gone, answer.body)


async def test_everything_stands_in_the_audit_log_and_the_passphrase_nowhere(desk: Running) -> None:
    told = await made(desk)
    await manage(desk, "GET", f"/backups/{told['id']}/file")
    await verified(desk, told["id"])
    await manage(desk, "DELETE", f"/backups/{told['id']}")
    await desk.stop()
    text = (desk.state / "audit.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["reason"], line["account"]) for line in lines] == [
        (name, told["id"]) for name in ("backup_make", "backup_file", "backup_verify", "backup_delete")
    ]
    assert {line["who"] for line in lines} == {"management"}
    assert WORDS not in text and WORDS not in desk.log


async def test_a_file_comes_in_pieces_however_large_it_is(desk: Running) -> None:
    told = await made(desk)
    size = 300 * 1024 * 1024
    with file_of(desk, told["id"]).open("r+b") as file:
        file.truncate(size)
    headers = {"authorization": f"Bearer {MANAGEMENT}"}
    async with aiohttp.ClientSession(read_bufsize=2**16) as client:
        before = resident()
        async with client.get(f"{desk.url}{P}/backups/{told['id']}/file", headers=headers) as response:
            assert response.headers["content-length"] == str(size)
            assert f"switchyard-{told['id']}.backup" in response.headers["content-disposition"]
            assert response.headers["cache-control"] == "no-store"
            await response.content.readexactly(1024 * 1024)
            assert (await desk.send("/healthz")).status == 200  # a client that does not read holds nobody up
            count = 1024 * 1024
            while count < size // 3:
                count += len(await response.content.readany())
            assert resident() - before < 40 * 1024 * 1024
    part = await manage(desk, "GET", f"/backups/{told['id']}/file", range="bytes=0-18")
    assert part.status == 206 and part.body == b"SWITCHYARD-BACKUP-1"


async def test_one_at_a_time_and_nobody_waits_for_it(desk: Running) -> None:
    accounts = desk.folder / "accounts"
    accounts.mkdir(exist_ok=True)
    with writing(accounts):  # an account is being written, so the backup waits
        first = asyncio.gather(manage(desk, "POST", "/backups", {"passphrase": WORDS}))
        await desk.until(lambda: list((desk.state / "backups").glob(f"{WRITING}*")))
        second = await manage(desk, "POST", "/backups", {"passphrase": WORDS})
        assert second.status == 409 and "being made" in second.json["error"]["message"]
        assert (await desk.ask("chat", "gpt-4.1")).status == 200
        assert not first.done()
    assert (await first)[0].status == 200
    assert len(await kept(desk)) == 1


async def test_who_goes_away_meanwhile_leaves_a_backup_that_stands_in_the_audit_log(desk: Running) -> None:
    accounts = desk.folder / "accounts"
    accounts.mkdir(exist_ok=True)
    with writing(accounts):
        asked = asyncio.gather(manage(desk, "POST", "/backups", {"passphrase": WORDS}))
        await desk.until(lambda: list((desk.state / "backups").glob(f"{WRITING}*")))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    log = desk.state / "audit.jsonl"
    await desk.until(lambda: log.exists() and "backup_make" in log.read_text())
    (backup_id,) = await kept(desk)
    line = json.loads(log.read_text().splitlines()[-1])
    assert (line["reason"], line["account"]) == ("backup_make", backup_id)


async def test_what_a_killed_process_left_behind_goes(desk: Running) -> None:
    left = desk.state / "backups" / f"{WRITING}old"
    left.mkdir(parents=True)
    (left / "0").write_text("sk-plain")
    told = await made(desk)
    assert {path.name for path in left.parent.iterdir()} == {file_of(desk, told["id"]).name, ".lock"}


async def test_the_oldest_go(desk: Running) -> None:
    await desk.reloaded({"backups": {"keep": 2}})
    told = [await made(desk) for _ in range(3)]
    assert told[2]["removed"] == [told[0]["id"]]
    assert await kept(desk) == [told[2]["id"], told[1]["id"]]
    await desk.reloaded({"backups": {"max_bytes": told[2]["size"] + 5000}})
    last = await made(desk)
    assert await kept(desk) == [last["id"]]


async def test_what_is_too_much_is_not_made(desk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.reloaded({"backups": {"max_bytes": 2048}})
    answer = await manage(desk, "POST", "/backups", {"passphrase": WORDS})
    assert answer.status == 409 and "backups.max_bytes" in answer.json["error"]["message"]
    await desk.reloaded({})
    monkeypatch.setattr(shelf, "SPARE", 2**62)
    answer = await manage(desk, "POST", "/backups", {"passphrase": WORDS})
    assert answer.status == 409 and "Make room" in answer.json["error"]["message"]
    assert await kept(desk) == []


async def test_a_passphrase_that_is_none_is_refused(desk: Running) -> None:
    for passphrase in ("short", "", 7, "a line\nbreak in it", None):
        answer = await manage(desk, "POST", "/backups", {"passphrase": passphrase})
        assert answer.status == 400 and "passphrase" in answer.json["error"]["message"], answer.body
    assert await kept(desk) == []


async def test_a_whole_backup_is_found_whole(desk: Running) -> None:
    told = await made(desk)
    said = await verified(desk, told["id"])
    assert said["ok"] and said["problems"] == [] and said["warnings"] == []
    assert {"config/config.yaml", "state/switchyard.sqlite"} <= {each["name"] for each in said["files"]}
    assert len(said["files"]) == told["files"]
    assert not list(file_of(desk, told["id"]).parent.glob(".switchyard-*"))


@pytest.mark.parametrize("damage", ["flip", "cut", "other", "empty"])
async def test_a_broken_one_is_found_broken(desk: Running, damage: str) -> None:
    told = await made(desk)
    file = file_of(desk, told["id"])
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    file.write_bytes({"cut": data[:-100], "other": b"x" * 500, "empty": b""}.get(damage, bytes(data)))
    said = await verified(desk, told["id"])
    assert not said["ok"] and len(said["problems"]) == 1 and said["files"] == []
    assert str(desk.folder) not in said["problems"][0]


async def test_another_passphrase_opens_nothing(desk: Running) -> None:
    told = await made(desk)
    said = await verified(desk, told["id"], "another passphrase")
    assert not said["ok"] and "passphrase" in said["problems"][0]


@pytest.mark.parametrize(("revision", "told"), [("9999", "newer version"), (None, "cannot be read")])
async def test_a_database_that_would_not_do_is_named(desk: Running, revision: str | None, told: str) -> None:
    made_by = await made(desk)
    file, places = file_of(desk, made_by["id"]), desk.router._places()
    other = desk.folder / "other"
    (other / "state").mkdir(parents=True)
    database = other / "state" / "switchyard.sqlite"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("create table alembic_version (version_num text)")
        connection.execute("insert into alembic_version values (?)", (revision or HEAD,))
    other_places = type(places)(places.config, other / "state", places.accounts)
    archive.write(other_places, file, WORDS, version="1", now=0.0)
    if revision is None:  # what is no database is not copied as one
        with archive.unpacked(file, WORDS, other) as (_, files):
            packed = dict(files)
            packed["state/switchyard.sqlite"].write_bytes(b"no database" * 400)
            repacked(file, packed)
    said = await verified(desk, made_by["id"])
    assert not said["ok"] and told in said["problems"][0], said


def repacked(file: Path, files: dict[str, Path]) -> None:
    """A backup of just these files."""
    from tests.router.cli.test_backup import packed

    packed(file, [(name, path.read_bytes()) for name, path in files.items()])


async def test_what_would_be_missing_is_told(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, environ={VARIABLE: "ab" * 32}) as router:
        await router.until(lambda: router.router.recall.memory)
        account = tmp_path / "accounts" / "claude-oauth-work.json"
        account.parent.mkdir(exist_ok=True)
        account.write_text('{"type": "claude", "access_token": "t"}')
        told = await made(router)
        assert any(VARIABLE in each for each in told["warnings"])
        router.config.write_text("server: {prot: 1}\n")
        await router.until(lambda: router.router._gateway.config_error)
        broken = await made(router)
        said = await verified(router, broken["id"])
        assert said["ok"] and any("server.prot" in each for each in said["warnings"])
        assert any(VARIABLE in each for each in said["warnings"])


async def test_a_browser_takes_a_file_with_its_session_alone(desk: Running) -> None:
    told = await made(desk)
    browser = await opened(desk)
    taken: Answer = await browser.send("GET", f"/backups/{told['id']}/file", x_switchyard_csrf=None)
    assert taken.status == 200 and len(taken.body) == told["size"]
