from __future__ import annotations

import base64
from typing import Any

import pytest

from router.faults import Fault
from services.webai.asking import Conversation
from services.webai.chat_request import ChatRequest, read
from services.webai.settings import Files

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
CHAT = Conversation("work", "gemini-flash", ("c_1", "r_1", "rc_1"))


def url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def asked(declared: Any = "refuse", keep: bool = False, limits: Files | None = None, **body: Any) -> ChatRequest:
    given = {"model": "gemini-flash", "messages": [{"role": "user", "content": "Hello"}], **body}
    return read(given, declared=declared, limits=limits or Files(), keep=keep, opened=lambda text: CHAT)


def refused(**body: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        asked(**body)
    return caught.value


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def test_one_message_is_sent_as_it_is() -> None:
    request = asked()
    assert request.ask.prompt == "Hello"
    assert not request.ask.keep and request.ask.going is None and not request.stream and request.notes == ()


def test_a_conversation_is_told_with_who_said_what() -> None:
    turns = [
        message("system", "Be brief."),
        message("user", "One?"),
        message("assistant", "1"),
        message("user", "Two?"),
    ]
    prompt = asked(messages=turns).ask.prompt
    assert prompt == (
        "[Instructions]\nBe brief.\n\n[User]\nOne?\n\n[Assistant]\n1\n\n[User]\nTwo?\n\n"
        "Answer the last message of the user."
    )


def test_instructions_stand_before_a_single_question() -> None:
    assert (
        asked(messages=[message("developer", "Be brief."), message("user", "One?")]).ask.prompt == "Be brief.\n\nOne?"
    )


def test_a_chat_that_goes_on_is_told_only_what_is_new() -> None:
    turns = [
        message("user", [{"type": "image_url", "image_url": {"url": url(PNG, "image/png")}}, text("Old")]),
        message("assistant", "1"),
        message("user", [text("New"), {"type": "file", "file": {"file_data": url(b"x", "text/plain")}}]),
    ]
    ask = asked(messages=turns, conversation_id="conv_x").ask
    assert (ask.going, ask.keep, ask.prompt) == (CHAT, True, "New")
    assert [file.mime for file in ask.files] == ["text/plain"]
    assert len(asked(messages=turns).ask.files) == 2


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def test_new_keeps_a_chat_and_so_does_the_setting() -> None:
    assert asked(conversation_id="new").ask.keep
    assert asked(keep=True).ask.keep
    assert not asked().ask.keep


def test_files_get_names_that_fit_their_types() -> None:
    parts = [
        text("See"),
        {"type": "image_url", "image_url": {"url": url(PNG, "application/octet-stream")}},
        {"type": "file", "file": {"file_data": url(b"%PDF-1.7", "application/pdf"), "filename": "../../my report.pdf"}},
        {"type": "file", "file": {"file_data": url(b"%PDF-1.7", "application/pdf"), "filename": "my report.pdf"}},
    ]
    files = asked(messages=[message("user", parts)]).ask.files
    assert [(file.name, file.mime) for file in files] == [
        ("file-1.png", "image/png"),
        ("my-report.pdf", "application/pdf"),
        ("3-my-report.pdf", "application/pdf"),
    ]
    assert files[0].data == PNG


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"model": ""}, "model"),
        ({"n": 2}, "n"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"conversation_id": 7}, "conversation_id"),
        ({"stream": "yes"}, "stream"),
        (
            {"messages": [message("user", [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}])]},
            "messages[0].content[0].image_url",
        ),
        ({"messages": [message("user", [{"type": "file", "file": {"file_id": "f"}}])]}, "messages[0].content[0].file"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(body: dict[str, Any], param: str) -> None:
    fault = refused(**body)
    assert (fault.kind, fault.param) == ("bad_request", param)


def test_what_a_page_has_no_control_for_is_noted() -> None:
    request = asked(temperature=0, max_tokens=5, top_p=None)
    assert [note.partition(" ")[0] for note in request.notes] == ["temperature", "max_tokens"]


def test_files_have_limits() -> None:
    part = {"type": "file", "file": {"file_data": url(b"x" * 2048, "text/plain")}}
    many = [message("user", [text("a"), part, part, part])]
    assert "at most 2" in refused(messages=many, limits=Files(most=2)).message
    assert refused(messages=many, limits=Files(each=0.001)).kind == "too_large"
    assert refused(messages=many, limits=Files(together=0.005)).kind == "too_large"
    assert len(asked(messages=many, limits=Files(most=3, each=0.002, together=0.006)).ask.files) == 3


def test_effort_asks_for_thinking() -> None:
    assert asked(reasoning_effort="high").ask.thinking
    assert not asked(reasoning_effort="low").ask.thinking
    assert asked(provider_options={"gemini": {"extended_thinking": True}}).ask.thinking
    assert not asked(provider_options={"gemini": "odd"}).ask.thinking
