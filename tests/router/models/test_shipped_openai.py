"""What the shipped data says of OpenAI's own models, on the wire of a translated call."""

from __future__ import annotations

import pytest

from router.models import capabilities
from router.models.prepare import prepare
from router.providers.config import ProviderConfig
from router.wire.conversation import Conversation, Text, Turn
from router.wire.dialects import DIALECTS

OPENAI = ProviderConfig(id="openai", kind="openai", dialects=("chat", "responses"))


@pytest.mark.parametrize(("model", "verbosity"), [("gpt-5.2", "low"), ("gpt-5", "low"), ("gpt-4.1", None)])
def test_cache_keys_and_verbosity_of_other_dialects_reach_the_models_that_know_them(
    model: str, verbosity: str | None
) -> None:
    facts = capabilities.load({}).capabilities(OPENAI, model, "chat")
    asked = Conversation(
        dialect="responses",
        model=model,
        turns=(Turn("user", (Text(text="hi"),)),),
        verbosity="low",
        cache_key="session-1",
    )
    written = prepare(asked, facts, DIALECTS["chat"])
    assert written.body["prompt_cache_key"] == "session-1"
    assert written.body.get("verbosity") == verbosity
    assert ("verbosity" in [note.what for note in written.notes]) is (verbosity is None)
