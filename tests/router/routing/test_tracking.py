"""What a conversation is called in lists: the same for all of its calls, another one for everybody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.call import Call, Caller
from router.routing.sessions import named_in
from router.routing.tracking import Tracking, pseudonyms
from router.wire.conversation import Dialect

pseudonym = pseudonyms("s" * 64)
LONG = "word " * 1000


def call(body: dict[str, Any], session: str | None = None, *, key: str = "k1", dialect: Dialect = "chat") -> Call:
    caller = Caller(key_id=key, key_name="laptop")
    data = json.dumps(body).encode()
    session = session or named_in(data, persons=False)  # as the edge does
    return Call(id="req", dialect=dialect, asked=body["model"], stream=False, body=data, caller=caller, session=session)


def said(*texts: str, model: str = "m") -> dict[str, Any]:
    turns = [{"role": "user" if at % 2 == 0 else "assistant", "content": text} for at, text in enumerate(texts)]
    return {"model": model, "messages": turns}


USER = "user_5e1f_account_77_session_0a1b2c3d-4e5f"
NAMED: list[tuple[dict[str, Any], str | None]] = [
    (said("a"), "thread-7"),
    (said("a") | {"prompt_cache_key": "thread-7"}, None),
    (said("a") | {"metadata": {"user_id": USER}}, None),
    (said("a") | {"metadata": {"user_id": json.dumps({"device_id": "d", "session_id": "0a1b2c3d-4e5f"})}}, None),
]


@pytest.mark.parametrize(("body", "session"), NAMED)
def test_a_named_session_is_one_whatever_is_said_and_whoever_answers(body: dict[str, Any], session: str | None) -> None:
    first = pseudonym(call(body, session), "named")
    other = {**body, **said("b", "c", "d", model="another")}
    assert len(first) == 16 and int(first, 16) >= 0
    assert first == pseudonym(call(other, session), "named") == pseudonym(call(body, session), "all")
    assert pseudonym(call(body, session, key="k2"), "named") not in ("", first)
    assert pseudonyms("t" * 64)(call(body, session), "named") not in ("", first)
    assert pseudonym(call(body, session), "off") == ""


@pytest.mark.parametrize("tracking", ["named", "all"])
def test_a_person_is_no_session(tracking: Tracking) -> None:
    assert pseudonym(call(said("a") | {"metadata": {"user_id": "somebody@example.org"}}), tracking) == ""


def test_a_beginning_names_a_conversation_only_where_that_is_wanted() -> None:
    calls = [call(said(LONG)), call(said(LONG, "yes", "and then?")), call(said(LONG, "yes", "and then?", "no", LONG))]
    assert {pseudonym(each, "named") for each in calls} == {""}
    (name,) = {pseudonym(each, "all") for each in calls}
    assert len(name) == 16
    assert pseudonym(call(said("other " + LONG)), "all") not in ("", name)
    assert pseudonym(call(said(LONG), key="k2"), "all") not in ("", name)
    assert pseudonym(call(said("short")), "all") == ""
