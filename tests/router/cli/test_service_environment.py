"""A service's look at itself, over stand-ins for its Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from router.cli import service_environment
from router.cli.service_environment import look


def looked(tmp_path: Path, text: str) -> dict[str, Any]:
    python = tmp_path / "python"
    python.write_text(text)
    python.chmod(0o700)
    return look("webai", python, tmp_path / "config.yaml", os.environ, tmp_path)


def test_what_it_says_is_taken(tmp_path: Path) -> None:
    script = (
        '#!/bin/sh\n[ "$*" = "-m services.webai doctor --router-config $PWD/config.yaml" ] && echo \'{"key": true}\'\n'
    )
    assert looked(tmp_path, script) == {"key": True}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#!/nowhere/python\n", "cannot be started: No such file or directory"),
        ("#!/bin/sh\necho '[1]'\n", "failed: no reason given"),
        ("#!/bin/sh\necho first >&2; echo 'no module' >&2; exit 1\n", "failed: no module"),
    ],
)
def test_why_it_cannot_look_is_told(text: str, told: str, tmp_path: Path) -> None:
    assert looked(tmp_path, text) == {"problem": f"its own look at itself {told}"}


def test_one_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_environment, "LOOK_WITHIN", 0.1)
    assert looked(tmp_path, "#!/bin/sh\nexec tail -f /dev/null\n") == {"problem": "it does not answer within 0.1 s"}
