"""Conversations fitted to models: what is dropped, clamped, emulated, refused."""

from __future__ import annotations

import pytest
from msgspec import structs

from router.faults import Fault
from router.models.adapt import Adapted, adapt
from router.wire.capabilities import Capabilities
from router.wire.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Inline,
    OutputFormat,
    Reasoning,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Url,
    Video,
)
from router.wire.written import Note

HELLO = Turn("user", (Text("hello"),))
TOOL = Tool(name="look", schema={"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def asked(**facts) -> Conversation:
    return Conversation(**{"dialect": "messages", "model": "m", "turns": (HELLO,), **facts})


def fit(conversation: Conversation, target: str = "chat", **facts) -> Adapted:
    return adapt(conversation, Capabilities(**facts), target)


def refusal(conversation: Conversation, target: str = "chat", **facts) -> Fault:
    with pytest.raises(Fault) as caught:
        fit(conversation, target, **facts)
    assert caught.value.kind == "bad_request"
    assert caught.value.param is not None and caught.value.message.startswith(caught.value.param)
    return caught.value


def test_a_plain_conversation_is_left_as_it_is():
    found = fit(asked())
    assert found.notes == ()
    assert found.undo_extra.nothing
    assert structs.replace(found.conversation, reasoning=Reasoning()) == asked()


def test_sampling_is_dropped_where_the_model_refuses_it():
    found = fit(asked(sampling=Sampling(temperature=0.0, top_p=0.5, top_k=3, seed=7)), sampling=False)
    assert found.conversation.sampling == Sampling(seed=7)
    assert found.notes == (Note("dropped", "temperature"), Note("dropped", "top_p"), Note("dropped", "top_k"))


def test_a_default_that_is_left_out_loses_nothing_and_is_not_noted():
    found = fit(asked(sampling=Sampling(temperature=1.0, top_p=1)), sampling=False)
    assert (found.conversation.sampling, found.notes) == (Sampling(), ())


def test_sampling_is_dropped_while_the_model_thinks_and_kept_while_it_does_not():
    facts = {"sampling_with_thinking": False, "efforts": ("none", "low", "high")}
    knobs = Sampling(temperature=0.2)
    thinking = fit(asked(sampling=knobs, reasoning=Reasoning(effort="high")), **facts)
    assert thinking.conversation.sampling == Sampling()
    assert fit(asked(sampling=knobs, reasoning=Reasoning(effort="none")), **facts).conversation.sampling == knobs
    assert fit(asked(sampling=knobs), **facts).conversation.sampling == knobs
    assert fit(asked(sampling=knobs), thinking_by_default=True, **facts).conversation.sampling == Sampling()


def test_temperature_is_clamped_and_top_p_gives_way_to_it():
    found = fit(
        asked(sampling=Sampling(temperature=1.7, top_p=0.9)),
        "messages",
        temperature_max=1,
        temperature_with_top_p=False,
    )
    assert found.conversation.sampling == Sampling(temperature=1)
    assert found.notes == (Note("clamped", "temperature"), Note("dropped", "top_p"))


def test_temperature_zero_is_a_value():
    assert fit(asked(sampling=Sampling(temperature=0.0))).conversation.sampling.temperature == 0.0


def test_penalties_and_seed_are_dropped_where_there_are_none():
    found = fit(
        asked(sampling=Sampling(presence_penalty=0.5, frequency_penalty=0, seed=0)), penalties=False, seed=False
    )
    assert found.conversation.sampling == Sampling()
    assert found.notes == (Note("dropped", "presence_penalty"), Note("dropped", "seed"))


def test_an_output_limit_is_clamped_to_what_the_model_can_write():
    found = fit(asked(max_tokens=128_000), max_output=64_000)
    assert (found.conversation.max_tokens, found.notes) == (64_000, (Note("clamped", "max_tokens"),))
    assert fit(asked(max_tokens=5)).conversation.max_tokens == 5
    assert fit(asked(), max_output=64_000).conversation.max_tokens is None


def test_several_answers_and_log_probabilities_are_refused_where_there_are_none():
    assert refusal(asked(n=2, dialect="chat"), n=False).param == "n"
    assert refusal(asked(n=2, dialect="gemini"), n=False).param == "generationConfig.candidateCount"
    assert refusal(asked(logprobs=0, dialect="chat"), logprobs=False).param == "logprobs"
    assert fit(asked(n=1), n=False).conversation.n == 1


@pytest.mark.parametrize(
    ("wish", "efforts", "given"),
    [
        (Reasoning(effort="minimal"), ("low", "medium", "high"), "low"),
        (Reasoning(effort="max"), ("low", "medium", "high"), "high"),
        (Reasoning(effort="xhigh"), ("none", "low", "xhigh"), "xhigh"),
        (Reasoning(effort="none"), ("none", "low"), "none"),
        (Reasoning(effort="none"), ("minimal", "low"), None),
        (Reasoning(budget=2000), ("low", "medium", "high"), "low"),
        (Reasoning(budget=10_000), ("low", "medium", "high"), "medium"),
        (Reasoning(budget=31_999), ("low", "medium", "high"), "high"),
        (Reasoning(budget=-1), ("low", "medium", "high"), None),
        (Reasoning(adaptive=True), ("low", "medium", "high"), None),
        (Reasoning(), ("low", "medium", "high"), None),
    ],
)
def test_efforts_and_budgets_become_an_effort_the_model_has(wish, efforts, given):
    found = fit(asked(reasoning=wish), efforts=efforts).conversation.reasoning
    assert (found.effort, found.budget, found.adaptive, found.form) == (given, None, False, "effort")


def test_a_model_that_always_thinks_gets_its_least_for_none():
    found = fit(asked(reasoning=Reasoning(effort="none")), efforts=("minimal", "low"), thinking_by_default=True)
    assert found.conversation.reasoning.effort == "minimal"
    assert found.notes == (Note("changed", "reasoning_effort"),)


@pytest.mark.parametrize(
    ("wish", "off", "budget"),
    [
        (Reasoning(effort="low"), True, 1024),
        (Reasoning(effort="medium"), True, 8192),
        (Reasoning(effort="high"), True, 24576),
        (Reasoning(effort="max"), True, 24576),
        (Reasoning(effort="none"), True, 0),
        (Reasoning(effort="none"), False, 128),
        (Reasoning(budget=0), False, 128),
        (Reasoning(budget=0), True, 0),
        (Reasoning(budget=-1), False, -1),
        (Reasoning(budget=50_000), True, 24576),
        (Reasoning(budget=5), True, 128),
        (Reasoning(), True, None),
    ],
)
def test_gemini_2_5_gets_a_budget_within_its_bounds(wish, off, budget):
    facts = {"thinking": "budget", "min_budget": 128, "max_budget": 24576, "thinking_off": off}
    found = fit(asked(reasoning=wish), "gemini", **facts).conversation.reasoning
    assert (found.effort, found.budget, found.form) == (None, budget, "budget")


@pytest.mark.parametrize(
    ("wish", "levels", "given"),
    [
        (Reasoning(effort="none"), ("minimal", "low", "medium", "high"), "minimal"),
        (Reasoning(effort="none"), ("low", "high"), "low"),
        (Reasoning(effort="medium"), ("low", "high"), "high"),
        (Reasoning(effort="max"), ("low", "medium", "high"), "high"),
        (Reasoning(budget=8192), ("low", "medium", "high"), "medium"),
        (Reasoning(), ("low", "high"), None),
    ],
)
def test_gemini_3_gets_a_level_it_has(wish, levels, given):
    found = fit(asked(reasoning=wish), "gemini", thinking="level", efforts=levels).conversation.reasoning
    assert (found.effort, found.budget, found.form) == (given, None, "level")


def test_a_model_that_does_not_think_is_not_told_to():
    found = fit(asked(reasoning=Reasoning(effort="high", show=True)), thinking="none")
    assert found.conversation.reasoning == Reasoning(form="none")
    assert found.notes == (Note("dropped", "reasoning"),)
    assert fit(asked(reasoning=Reasoning(effort="none")), thinking="none").notes == ()


def test_messages_targets_keep_the_callers_words_for_their_writer():
    wish = Reasoning(budget=500, show=True)
    found = fit(asked(reasoning=wish, max_tokens=200_000), "messages", thinking="budget", max_output=64_000)
    assert (found.conversation.reasoning, found.conversation.max_tokens) == (wish, 200_000)


def test_an_output_limit_below_the_budget_is_raised_by_it():
    found = fit(
        asked(reasoning=Reasoning(budget=8192), max_tokens=1000), "gemini", thinking="budget", max_output=65_536
    )
    assert (found.conversation.max_tokens, found.notes) == (9192, (Note("changed", "max_tokens"),))


def test_tools_for_a_model_without_are_refused_unless_none_may_be_called():
    assert refusal(asked(tools=(TOOL,)), tools=False).param == "tools"
    found = fit(asked(tools=(TOOL,), tool_choice=ToolChoice("none")), tools=False)
    assert (found.conversation.tools, found.conversation.tool_choice) == ((), None)
    assert found.notes == (Note("dropped", "tools"),)


SEARCH = Tool(name="web_search", kind="web_search")


def test_a_habitual_built_in_tool_goes_and_a_forced_one_is_refused():
    facts = {"server_tools_with_functions": False}
    found = fit(asked(tools=(TOOL, SEARCH)), "gemini", **facts)
    assert (found.conversation.tools, found.notes) == ((TOOL,), (Note("dropped", "tools.web_search"),))
    assert fit(asked(tools=(SEARCH,)), "gemini", **facts).conversation.tools == (SEARCH,)
    forced = asked(tools=(TOOL, SEARCH), tool_choice=ToolChoice("tool", ("web_search",)))
    assert refusal(forced, "gemini", **facts).param == "tools[1]"
    assert refusal(asked(tools=(SEARCH,)), server_tools=False).param == "tools[0]"


def test_a_forced_tool_becomes_words_where_the_model_refuses_force():
    found = fit(asked(tools=(TOOL,), tool_choice=ToolChoice("tool", ("look",))), forced_tool=False)
    assert found.conversation.tool_choice == ToolChoice()
    assert found.conversation.system == (Text("You must answer by calling the tool 'look'."),)
    assert found.notes == (Note("emulated", "tool_choice"),)
    kept = asked(tools=(TOOL,), tool_choice=ToolChoice("any"))
    assert fit(kept).conversation.tool_choice == ToolChoice("any")


PNG = Inline("image/png", "AAAA")


@pytest.mark.parametrize(
    ("part", "facts", "words"),
    [
        (Image(source=PNG), {"images": False}, "takes no images"),
        (Image(source=Url("https://x/y.png")), {"image_urls": False}, "takes no image URLs"),
        (Image(source=Inline("image/gif", "AA")), {"image_types": ("image/png",)}, "takes no image/gif images"),
        (Document(source=Inline("application/pdf", "AA")), {"documents": False}, "takes no files"),
        (Document(source=Url("https://x/y.pdf")), {"document_urls": False}, "takes no URLs of files"),
        (Audio(source=Inline("audio/wav", "AA")), {}, "takes no audio"),
        (Video(source=Inline("video/mp4", "AA")), {}, "takes no video"),
    ],
)
def test_media_that_the_model_does_not_take_are_refused_with_their_place(part, facts, words):
    turns = (HELLO, Turn("assistant", (Text("a"),)), Turn("user", (Text("b"), part)))
    fault = refusal(asked(turns=turns), **facts)
    assert words in fault.message
    assert fault.param == "messages[2].content[1]"
    gemini = refusal(asked(turns=turns, dialect="gemini"), **facts)
    assert gemini.param == "contents[2].parts[1]"


def test_media_in_tool_results_are_found_too():
    turns = (
        HELLO,
        Turn("assistant", (ToolCall(call_id="c", name="look", arguments="{}"),)),
        Turn("user", (ToolResult(call_id="c", content=(Text("x"), Image(source=PNG))),)),
    )
    assert refusal(asked(turns=turns), images=False).param == "messages[2].content[0].content[1]"


def test_media_that_the_model_takes_go_through():
    parts = (Image(source=PNG), Image(source=Inline("image/JPG", "A")), Document(source=Inline("text/plain", "QQ==")))
    turns = (Turn("user", parts),)
    assert fit(asked(turns=turns), documents=False).conversation.turns == turns


def test_a_system_turn_in_the_middle_is_folded_for_servers_without():
    turns = (HELLO, Turn("assistant", (Text("a"),)), Turn("user", (Text("b"),)), Turn("system", (Text("rule"),)))
    folded = fit(asked(turns=turns), system_in_middle=False).conversation.turns
    assert [turn.role for turn in folded] == ["user", "assistant", "user"]
    assert any("<system-reminder>" in part.text and "rule" in part.text for part in folded[-1].parts)
    assert fit(asked(turns=turns)).conversation.turns == turns


def test_a_begun_answer_is_asked_for_in_words():
    found = fit(asked(turns=(HELLO, Turn("assistant", (Text("Once upon "),)))), "gemini", prefill=False)
    assert found.conversation.turns == (HELLO,)
    assert found.conversation.system[-1].text.endswith("\nOnce upon")
    assert found.notes == (Note("emulated", "prefill"),)


def test_a_begun_json_answer_is_refused():
    fault = refusal(asked(turns=(HELLO, Turn("assistant", (Text(' {"a":'),)))), "gemini", prefill=False)
    assert fault.param == "messages[1]"


def test_an_interrupted_call_is_no_begun_answer():
    turns = (HELLO, Turn("assistant", (Text("{"), ToolCall(call_id="c", name="look", arguments="{}"))))
    assert fit(asked(turns=turns), "gemini", prefill=False).conversation.turns == turns


WANTED = OutputFormat(kind="schema", schema=SCHEMA, name="answer")


def test_a_schema_is_emulated_by_a_forced_tool():
    found = fit(asked(output=WANTED), json_schema=False)
    assert found.conversation.output is None
    assert [(tool.name, tool.schema) for tool in found.conversation.tools] == [("respond", SCHEMA)]
    assert found.conversation.tool_choice == ToolChoice("tool", ("respond",))
    assert found.undo_extra.output_tool == "respond"
    assert found.notes == (Note("emulated", "response_format"),)


@pytest.mark.parametrize(
    ("more", "facts"),
    [
        ({"tools": (TOOL,)}, {}),
        ({}, {"forced_tool": False}),
        ({}, {"tools": False}),
        ({"reasoning": Reasoning(effort="high")}, {"forced_tool_with_thinking": False}),
        ({"output": OutputFormat(kind="schema", schema={"type": "array"})}, {}),
    ],
)
def test_a_schema_becomes_words_where_no_tool_can_be_forced(more, facts):
    found = fit(asked(**{"output": WANTED, **more}), json_schema=False, **facts)
    assert found.conversation.output == OutputFormat(kind="json")
    assert "matches this JSON Schema" in found.conversation.system[-1].text
    assert found.undo_extra.unfence
    assert found.undo_extra.output_tool is None


def test_json_mode_becomes_words_where_there_is_none():
    found = fit(asked(output=OutputFormat(kind="json")), json_object=False)
    assert found.conversation.output is None
    assert found.conversation.system[-1].text.startswith("Answer with one JSON object")
    assert found.undo_extra.unfence


def test_formats_that_the_model_has_go_through():
    for output in (WANTED, OutputFormat(kind="json"), OutputFormat(kind="text")):
        assert fit(asked(output=output)).conversation.output == output
    assert fit(asked(output=WANTED), "responses", json_schema=False).conversation.output == WANTED


def test_the_same_conversation_gives_the_same_result_twice():
    conversation = asked(
        sampling=Sampling(temperature=1.5, seed=3), reasoning=Reasoning(budget=3000), output=WANTED, max_tokens=9
    )
    assert fit(conversation, json_schema=False, seed=False) == fit(conversation, json_schema=False, seed=False)


def test_arrays_say_what_they_hold_where_openai_is_asked_by_a_caller_of_another_dialect():
    loose = {"type": "object", "properties": {"list": {"type": "array"}}}
    asked = Conversation(
        dialect="messages", model="m", turns=(Turn("user", (Text("hi"),)),), tools=(Tool("f", schema=loose),)
    )
    for target in ("chat", "responses"):
        tool = adapt(asked, Capabilities(), target).conversation.tools[0]
        assert tool.schema == {"type": "object", "properties": {"list": {"type": "array", "items": {}}}}
        own = structs.replace(asked, dialect=target)
        assert adapt(own, Capabilities(), target).conversation.tools[0].schema == loose
    assert adapt(asked, Capabilities(), "messages").conversation.tools[0].schema == loose
