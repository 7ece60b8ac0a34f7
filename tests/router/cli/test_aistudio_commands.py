"""``switchyard aistudio``: the service's own program is run in its own environment, or the way to it is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from router.cli import aistudio_commands, service_environment

SAYS = '#!/bin/sh\necho "$PWD: $*"\nexit 1\n'


def checkout(folder: Path, program: str | None) -> Path:
    """A checkout with an environment whose Python is a script."""
    if program is not None:
        python = folder / service_environment.PLACE
        python.parent.mkdir(parents=True)
        python.write_text(program)
        python.chmod(0o700)
    return folder


def test_a_missing_environment_names_the_command_that_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aistudio_commands.run(["selfcheck"], None, checkout(tmp_path, None)) == 1
    assert "make browser" in capsys.readouterr().err


def test_the_program_gets_its_words_and_the_settings_and_its_exit_code_is_ours(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert aistudio_commands.run(["selfcheck", "--profile", "work"], "/x.yaml", checkout(tmp_path, SAYS)) == 1
    words = "-m services.aistudio selfcheck --profile work --log-level warning --router-config /x.yaml"
    assert capfd.readouterr().out == f"{tmp_path}: {words}\n"


def test_a_python_that_cannot_run_is_none(tmp_path: Path) -> None:
    path = checkout(tmp_path, SAYS) / service_environment.PLACE
    assert service_environment.python(tmp_path) == path
    path.chmod(0o600)
    if sys.platform == "linux":
        assert service_environment.python(tmp_path) is None
