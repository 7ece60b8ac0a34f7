"""Hot reload: what a changed file does to new calls, and what an invalid one does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.router.api.harness import Running, ask, running, settings
from tests.simulators import Upstream


async def test_changed_settings_count_for_new_calls(router: Running) -> None:
    assert (await router.ask("chat", "quick")).status == 404
    running_call = router.open(*ask("chat", "gpt-4.1", "LONG 60 GAP 30", stream=True))
    async with running_call as response:
        await router.reloaded({"models": {"aliases": {"quick": "gpt-4.1"}}})
        answer = await router.ask("chat", "quick", "kettle")
        assert "kettle" in answer.text
        assert answer.json["model"] == "quick"
        assert b"[DONE]" in await response.read()  # the old call was left alone
    assert (await router.metrics())['switchyard_config_reloads_total{outcome="ok"}'] == 1


async def test_an_invalid_file_keeps_the_old_settings_and_says_why(router: Running) -> None:
    router.config.write_text(json.dumps({"servr": {}, "models": {"routng": []}}))
    await router.until(lambda: router.router._gateway.config_error is not None)
    assert (await router.ask("chat", "gpt-4.1")).status == 200
    config = (await router.management("status"))["config"]
    ready = await router.send("/readyz")
    assert ready.status == 200
    [cause] = [one for one in ready.json["causes"] if one["cause"] == "config"]
    for told in (config["error"], cause["text"]):
        assert "servr" in told
        assert "server" in told
        assert "models.routng" in told  # every mistake at once
    metrics = await router.metrics()
    assert metrics["switchyard_config_valid"] == 0
    assert metrics['switchyard_config_reloads_total{outcome="rejected"}'] == 1
    await router.reloaded({})
    assert (await router.management("status"))["config"]["error"] is None
    assert (await router.metrics())["switchyard_config_valid"] == 1


async def test_settings_that_wait_for_a_restart_are_named(router: Running) -> None:
    await router.reloaded({"server": {"port": 9999, "limits": {"body_bytes": 2048}}})
    assert (await router.management("status"))["config"]["restart_needed"] == ["server.port"]
    answer = await router.ask("chat", "gpt-4.1", "x" * 3000)
    assert answer.status == 413  # the other one counts at once


async def test_a_swapped_symlink_is_a_change(upstream: Upstream, tmp_path: Path) -> None:
    """Kubernetes mounts ``config.yaml -> ..data/config.yaml`` and swaps ``..data``."""
    mounted = tmp_path / "mounted"
    for version, aliases in (("one", {}), ("two", {"quick": "gpt-4.1"})):
        (mounted / version).mkdir(parents=True)
        text = json.dumps(settings(upstream, tmp_path / "work", {"models": {"aliases": aliases}}))
        (mounted / version / "config.yaml").write_text(text)
    (mounted / "..data").symlink_to("one")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "config.yaml").symlink_to(mounted / "..data" / "config.yaml")
    async with running(upstream, tmp_path / "work", keep=True) as router:
        assert (await router.ask("chat", "quick")).status == 404
        (mounted / "..new").symlink_to("two")
        (mounted / "..new").replace(mounted / "..data")
        before = router.router._gateway.current
        await router.until(lambda: router.router._gateway.current is not before)
        assert (await router.ask("chat", "quick")).status == 200


async def test_the_log_level_changes_at_once(router: Running) -> None:
    await router.ask("chat", "demo/echo", "one")
    await router.reloaded({"observe": {"level": "error"}})
    await router.ask("chat", "demo/echo", "two")
    await router.stop()
    assert router.log.count("demo/echo") >= 1
    lines = [line for line in router.log.splitlines() if "switchyard.request" in line]
    assert len(lines) == 1


async def test_programs_follow_an_edited_file_and_what_cannot_be_started_is_told(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    script = f"echo run >>'{runs}'; echo 'webai is on and cannot run' >&2; test $(wc -l <'{runs}') -gt 1"
    monkeypatch.setattr("router.app.command", lambda config: ("/bin/sh", "-c", script))
    supervised = {"SUPERVISOR_ENABLED": "1", "PATH": "/usr/bin:/bin"}
    async with running(upstream, tmp_path / "work", environ=supervised) as router:
        await router.reloaded({"models": {"aliases": {"quick": "gpt-4.1"}}})
        assert not runs.exists()  # that turns no program on or off

        await router.reloaded({"providers": {"webai": {"enabled": True}}})
        await router.until(lambda: router.router._gateway.programs_problem)
        ready = await router.send("/readyz")
        assert ready.status == 200
        [cause] = [one for one in ready.json["causes"] if one["cause"] == "programs"]
        assert "webai is on and cannot run" in cause["text"]

        await router.reloaded({})
        await router.until(lambda: router.router._gateway.programs_problem is None)
        assert "programs" not in str((await router.send("/readyz")).json["causes"])
        assert runs.read_text() == "run\nrun\n"
