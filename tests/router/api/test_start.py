"""What the log says when the router has started."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from router.version import VERSION
from tests.router.api.harness import ANTHROPIC_KEY, GEMINI_KEY, KEY, MANAGEMENT, OPENAI_KEYS, Running, running
from tests.simulators import Upstream


async def test_the_start_is_told_in_a_few_lines_without_secrets(router: Running) -> None:
    await router.until(lambda: "providers:" in router.log)
    digest = sha256(router.config.read_bytes()).hexdigest()
    assert f"switchyard {VERSION}, settings: {router.config} (sha256 {digest[:12]})" in router.log
    assert "1 client key (settings 1); 1 management key (settings 1), from this machine only" in router.log
    assert "openai 2, anthropic 1, gemini 1" in router.log
    assert "groq" in router.log.partition(" without (")[2]
    await router.stop()
    for key in (KEY, MANAGEMENT, *OPENAI_KEYS, ANTHROPIC_KEY, GEMINI_KEY):
        assert key not in router.log


async def test_warnings_are_told_at_the_start_and_again_when_the_settings_change(
    upstream: Upstream, tmp_path: Path
) -> None:
    twice = {"auth": {"management": {"key": KEY}}, "server": {"cors": {"origins": ["*"]}}}
    async with running(upstream, tmp_path, twice) as router:
        await router.until(lambda: "may also manage" in router.log)
        assert "server.cors.origins has '*'" in router.log
        assert KEY not in router.log
        before = router.log.count("may also manage")
        await router.reloaded({**twice, "policies": {"strict": True}})
        await router.until(lambda: router.log.count("may also manage") > before)
