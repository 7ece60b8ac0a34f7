"""``switchyard audit``: who changed what, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.accounts.audit import Audit
from router.cli import main
from router.clock import FakeClock


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    config = tmp_path / "config.yaml"
    config.write_text(f"server: {{state_dir: '{tmp_path}/state'}}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(config))
    return Audit(tmp_path / "state", FakeClock())


def test_an_entry_is_one_line_and_what_has_no_time_is_passed_over(
    audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.path.parent.mkdir()
    with audit.path.open("w") as file:
        file.write('{"at": "9999999999999999999", "who": "x", "what": "used"}\n')
        file.write('{"at": "2027-01-15T08:00:00Z", "who": "eve", "what": "used", "account": "a\\nboss b\\u001b[2J"}\n')
    assert main.main(["audit", "--all"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "eve" in line and r"a\nboss" in line and r"b\x1b[2J" in line


def test_it_lists_changes_filtered_and_as_json(audit: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["audit"]) == 0
    assert "nothing like that" in capsys.readouterr().err
    audit.record("boss", "managed", "laptop", "key_create")
    audit.record("boss", "managed", "", "config_put failed")
    audit.used("laptop", "openai/1")
    audit.flush(everything=True)
    assert main.main(["audit"]) == 0
    failed, made = capsys.readouterr().out.splitlines()
    assert made.split() == ["2027-01-15", "08:00:00Z", "boss", "key_create", "laptop"]
    assert failed.split()[2:] == ["boss", "config_put", "-", "failed"]
    assert main.main(["audit", "--limit", "1", "--all", "--json"]) == 0
    assert [each["action"] for each in json.loads(capsys.readouterr().out)] == ["used"]
    assert main.main(["audit", "--limit", "1"]) == 0
    assert "more than 1" in capsys.readouterr().err
    for filters in (["--outcome", "failed"], ["--action", "config_put"], ["--text", "CONFIG", "--who", "boss"]):
        assert main.main(["audit", *filters]) == 0
        assert capsys.readouterr().out.splitlines() == [failed]
    assert main.main(["audit", "--since", "2027-01-16"]) == main.main(["audit", "--until", "2027-01-14"]) == 0
    assert capsys.readouterr().out == ""
    assert main.main(["audit", "--outcome", "good"]) == 2
