"""Whatever a body holds: policies change it or refuse it, and never fail themselves."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.policies.payload import Change, Payload, changed, changed_bytes
from router.policies.system_prompt import SystemPrompt, with_prompt
from router.wire import codec
from router.wire.conversation import Dialect

KEYS = st.sampled_from(("system", "messages", "instructions", "systemInstruction", "parts", "text", "role", "content"))
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(("system", "developer", "user", "", "\ud83d", "ä"))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(KEYS | st.text(max_size=3), VALUES, max_size=5)
DIALECTS: st.SearchStrategy[Dialect] = st.sampled_from(("chat", "responses", "messages", "gemini"))
STEPS = st.lists(KEYS | st.integers(0, 3), min_size=1, max_size=4).filter(lambda steps: isinstance(steps[0], str))


@given(DIALECTS, BODIES, st.sampled_from((SystemPrompt("A", "B"), SystemPrompt("A"), SystemPrompt(append="B"))))
def test_a_system_prompt_is_put_into_any_body(dialect: Dialect, body: dict[str, Any], prompt: SystemPrompt) -> None:
    data = codec.dumps(body)
    try:
        out = with_prompt(dialect, data, prompt)
    except Fault as fault:
        assert fault.kind == "bad_request"
        return
    after = json.loads(out)
    assert isinstance(after, dict)
    if out != data:
        added = set(after) - set(body)
        assert added <= {"system", "messages", "instructions", "systemInstruction"}


@given(BODIES, STEPS, VALUES, st.sampled_from(("default", "override", "remove")))
def test_a_rule_says_the_same_of_values_and_of_bytes(
    body: dict[str, Any], steps: list[str | int], value: Any, kind: Any
) -> None:
    rules = (Payload(changes=(Change(kind, tuple(steps), value),)),)
    data = codec.dumps(body)
    as_value = changed(json.loads(data), rules)
    as_bytes = json.loads(changed_bytes(data, rules))
    kept = {name: each for name, each in as_bytes.items() if each is not None}  # null counts as absent
    assert kept == {name: each for name, each in as_value.items() if each is not None}
