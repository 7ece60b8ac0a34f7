"""Records on disk: complete or not there, bound to their place, gone when they are too old or too much."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from router.observe.records.folder import LEFT, RecordFolder, Unreadable, opened
from tests.router.observe.records.making import call_id

NOW = 1_790_000_000.0
DAY = 86_400.0


def stages(size: int = 10) -> dict[str, Any]:
    return {"meta": {"id": "x"}, "client-request": {"body": "p" * size}}


@pytest.fixture
def records(tmp_path: Path) -> RecordFolder:
    return RecordFolder(tmp_path, lambda: opened(tmp_path))


def written(records: RecordFolder, *ids: str, size: int = 10) -> None:
    for one in ids:
        records.write(one, {**stages(size), "meta": {"id": one}}, sealed=True)


@pytest.mark.parametrize("sealed", [False, True])
def test_what_was_written_is_read(records: RecordFolder, sealed: bool) -> None:
    one = call_id(NOW)
    records.write(one, stages(), sealed=sealed)
    assert records.read(one) == stages()
    assert records.read(one, "meta") == {"meta": {"id": "x"}}
    assert records.place(one).parent.name == "2026-09-21"
    assert records.read(call_id(NOW, 1)) is None


@pytest.mark.parametrize("name", ["", "..", "req_", "req_" + "g" * 24, "../" + call_id(NOW), "req_" + "f" * 24])
def test_what_is_no_id_leads_nowhere(records: RecordFolder, name: str) -> None:
    for work in (records.place, records.read, records.delete):
        with pytest.raises(ValueError, match="id"):
            work(name)


def test_no_file_can_take_the_place_of_another(records: RecordFolder) -> None:
    one, other = call_id(NOW), call_id(NOW, 1)
    written(records, one, other)
    file = "client-request.json.sealed"
    (records.place(one) / file).replace(records.place(other) / file)
    with pytest.raises(Unreadable, match=r"vault\.key"):
        records.read(other)
    assert [each["id"] for each in records.newest()] == [other, one]


def test_half_a_record_is_none(records: RecordFolder, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        records.write(call_id(NOW), {"meta": {}, "client-request": object()}, sealed=False)
    assert [path for path in records.path.rglob("*") if path.is_file()] == []
    assert list(records.newest()) == []


def test_the_old_go_and_then_the_oldest(records: RecordFolder) -> None:
    ids = [call_id(NOW - age * DAY, at) for at, age in enumerate((9, 7.5, 3, 2, 0))]
    written(records, *ids, size=1000)
    assert records.sweep(NOW, days=8, most=10**9) == 1
    assert not records.place(ids[0]).parent.exists()
    assert records.sweep(NOW, days=8, most=2500) == 2
    assert [each["id"] for each in records.newest()] == [ids[4], ids[3]]
    assert not records.full(2500)
    written(records, call_id(NOW, 9), size=1000)
    assert records.full(2500)


def test_what_a_crash_left_goes_too(records: RecordFolder) -> None:
    written(records, call_id(NOW))
    left = records.place(call_id(NOW, 1)).with_name(".new-" + call_id(NOW, 1))
    left.mkdir()
    os.utime(left, (NOW, NOW))
    records.sweep(NOW + LEFT - 1, days=1, most=10**9)
    assert left.exists()
    records.sweep(NOW + LEFT + 1, days=1, most=10**9)
    assert not left.exists()
    assert records.place(call_id(NOW)).exists()
