from __future__ import annotations

import pytest

from router.server.drain import Drain


def test_everybody_who_waits_is_told_once() -> None:
    drain, told = Drain(), []
    drain.at_deadline(lambda: told.append("first"))
    leave = drain.at_deadline(lambda: told.append("gone"))
    leave()
    drain.expire()
    drain.expire()
    assert told == ["first"]
    assert drain.started


def test_who_comes_late_is_told_at_once() -> None:
    drain, told = Drain(), []
    drain.expire()
    drain.at_deadline(lambda: told.append(1))()
    assert told == [1]


def test_one_that_fails_does_not_keep_the_others_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    drain, told = Drain(), []

    def fail() -> None:
        raise RuntimeError("no")

    drain.at_deadline(fail)
    drain.at_deadline(lambda: told.append(1))
    drain.expire()
    assert told == [1]
    assert "could not be told" in caplog.text
