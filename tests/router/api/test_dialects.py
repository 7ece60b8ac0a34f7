"""Every caller's dialect, raw and translated, streamed and not."""

from __future__ import annotations

import pytest

from tests.router.api.harness import DIALECTS, MODELS, OTHER, Running


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_dialect_is_answered_raw_and_translated(router: Running, dialect: str, stream: bool) -> None:
    for model in (MODELS[dialect], OTHER[dialect]):
        answer = await router.ask(dialect, model, "say it back: kettle", stream=stream)
        assert answer.status == 200, answer.body
        assert "kettle" in answer.text
        assert answer.headers["x-switchyard-attempts"] == "1"
