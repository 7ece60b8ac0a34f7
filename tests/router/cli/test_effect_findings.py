"""`switchyard doctor`: settings without effect, as they stand in a file, beside variables and with a price table."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.cli.effect_findings import effects
from router.cli.finding import Finding
from router.cli.findings import CHECKS
from router.cli.talk import find_place
from router.places import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(tmp_path / "config.yaml"))
    return tmp_path


def found(folder: Path, text: str, **environ: str) -> list[Finding]:
    state = {"SWITCHYARD__SERVER__STATE_DIR": str(folder / "state"), "SWITCHYARD_CONFIG": str(folder / "config.yaml")}
    (folder / "config.yaml").write_text(text)
    everything = {**state, **environ}
    return list(effects(find_place(None, everything), everything))


def test_the_example_and_an_empty_file_have_none(folder: Path) -> None:
    assert effects in CHECKS
    for text in ("", (ROOT / "config" / "config.example.yaml").read_text()):
        assert [finding.level for finding in found(folder, text)] == ["ok"]


def test_what_does_nothing_is_told_with_why_and_the_fix(folder: Path) -> None:
    (finding,) = found(folder, "policies: {cache: {ttl: 60}}")
    assert finding.level == "warning" and "policies.cache has ttl" in finding.what
    assert finding.fix == "Write `enabled: true` into policies.cache"


def test_a_value_in_whose_place_a_variable_counts_is_told(folder: Path) -> None:
    text = "{server: {port: 1234}, retry: {max-attempts: 3}}"
    assert [finding.level for finding in found(folder, "server: {port: 1234}", SWITCHYARD__RETRY__DEADLINE="9")] == [
        "ok"
    ]
    told = found(
        folder, text.replace("max-a", "max_a"), SWITCHYARD__SERVER__PORT="9", SWITCHYARD__RETRY__MAX_ATTEMPTS="4"
    )
    assert [finding.what.split()[0] for finding in told] == ["server.port", "retry.max_attempts"]
    assert "SWITCHYARD__SERVER__PORT counts in its place" in told[0].why and "server.port" in told[0].fix


def test_a_rule_for_keys_that_nobody_has_is_told(folder: Path) -> None:
    (folder / "state" / "keys").mkdir(parents=True)
    (folder / "state" / "keys" / "client.key").write_text("sk-sy-0123456789")
    rule = "policies: {payload: [{when: {keys: [%s]}, remove: [user]}]}"
    assert [finding.level for finding in found(folder, rule % "client, lapptop")] == ["ok"]
    (finding,) = found(folder, rule % "lapptop")
    assert "policies.payload[0] is for calls of lapptop, and there is no such key" in finding.what


def test_prices_that_nobody_can_have_are_told(folder: Path) -> None:
    rows = "{source: s, as_of: 2026-01, models: {m: {input: 1, output: 2}}}"
    (folder / "own.yaml").write_text(
        f"version: 2026-01-01\nvendors: {{openai: {rows}, offcie: {rows}, office: {rows}}}\n"
    )
    server = "openai-compatible: [{name: office, base_url: 'http://127.0.0.1:9/v1', api_keys: [k]}]"
    (finding,) = found(folder, f"{{usage: {{prices: '{folder}/own.yaml'}}, providers: {{{server}}}}}")
    assert "prices of offcie, which no provider is" in finding.what
