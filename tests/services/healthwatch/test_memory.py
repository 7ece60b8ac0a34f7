"""What was done outlives the watch, a clock that is set, and a file that somebody has spoilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.healthwatch.memory import LONGEST, MOMENTS, PROGRAMS, Memory

WALL = 1_790_000_000.0


def memory(folder: Path, wall: float = WALL, now: float = 1000.0) -> Memory:
    return Memory(folder / "deep" / "kept.json", wall=lambda: wall, now=lambda: now)


def test_what_was_done_is_known_after_a_restart_and_for_an_hour(tmp_path: Path) -> None:
    memory(tmp_path).save({"router": [-3000.0, 400.0, 1000.0], "none": []}, {})
    again = memory(tmp_path, WALL + 60, 5.0)  # a machine that was restarted counts anew
    assert again.load() == {"router": [-655.0, -55.0]}
    assert memory(tmp_path, WALL + 3601, 5.0).load() == {}
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["kept.json"]


def test_what_was_stopped_is_known_after_a_restart_and_for_an_hour(tmp_path: Path) -> None:
    memory(tmp_path).save({}, {"p": 990.0})
    assert memory(tmp_path, WALL + 60, 5.0).stopped() == {"p": -65.0} and memory(tmp_path).load() == {}
    assert memory(tmp_path, WALL + 3600, 5.0).stopped() == {}


def test_moments_in_the_future_end_within_an_hour(tmp_path: Path) -> None:
    memory(tmp_path).save({"p": [1000.0]}, {})
    assert memory(tmp_path, WALL - 86_400, 50.0).load() == {"p": [50.0]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"acted": []}',
        '{"acted": {"p": 3}}',
        '{"stopped": {"p": "x", "q": [1], "r": -5}}',
        '{"acted": {"p": ["x", null, true, {}, NaN, 1e999, -5]}}',
        '{"acted": {"p": [' + "9" * 500 + "]}}",
        "[" * 100_000,
        "\x00\xff" * LONGEST,
    ],
)
def test_a_spoilt_file_counts_as_nothing_and_is_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "kept.json").write_text(text, encoding="latin-1")
    kept = memory(tmp_path)
    assert kept.load() == {} and kept.stopped() == {}
    kept.save({"p": [990.0]}, {})
    assert kept.load() == {"p": [990.0]}


def test_it_is_bounded(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    kept.save({f"p{at}": [900.0 + each / 10 for each in range(MOMENTS + 50)] for at in range(PROGRAMS + 5)}, {})
    assert (tmp_path / "deep" / "kept.json").stat().st_size < LONGEST
    found = kept.load()
    assert len(found) == PROGRAMS and all(len(times) == MOMENTS for times in found.values())


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    kept.save({"p": [990.0]}, {})
    (tmp_path / "deep" / "kept.new").mkdir()
    with pytest.raises(OSError):
        kept.save({"p": [990.0, 995.0]}, {})
    assert kept.load() == {"p": [990.0]}
