"""What the raw lane sends."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from router.call import Call, Caller
from router.faults import Fault
from router.providers.raw_body import carries_ours, raw_body
from router.routing.plan import plan
from router.wire import sse
from tests.router.routing.making import CHAT, provider, table

PROVIDER = provider("one", base_urls=("http://x",), models={"real": ("shown",)})


def made(body: bytes, *, stream: bool = False, asked: str = "one/shown", **facts: Any) -> Any:
    chosen = plan(table(PROVIDER), asked, needs=CHAT)
    caller = Caller(key_id="k", key_name="k")
    call = Call(id="r", dialect="chat", asked=asked, stream=stream, body=body, caller=caller, **facts)
    return raw_body(call, chosen, chosen.candidates[0])


def test_only_the_model_changes() -> None:
    raw = made(b'{"b": 1.0, "model": "shown" , "a": [ 1e3,"\\u00e9"]}')
    assert raw.body == b'{"b":1.0,"model":"real","a":[ 1e3,"\\u00e9"]}'
    assert raw.drop is None


def test_usage_is_wished_for_streams_and_hidden_again() -> None:
    raw = made(b'{"model":"shown"}', stream=True)
    assert json.loads(raw.body)["stream_options"] == {"include_usage": True}
    usage = sse.parse(b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n')
    filtered = sse.parse(b'data: {"choices":[],"prompt_filter_results":[]}\n\n')
    both = sse.parse(b'data: {"choices":[{"index":0}],"usage":{"prompt_tokens":1}}\n\n')
    assert raw.drop is not None
    assert [raw.drop(frame) for frame in (usage, filtered, both)] == [True, False, False]
    kept = made(b'{"model":"shown","stream_options":{"include_usage":true}}', stream=True)
    assert kept.drop is None
    other = made(b'{"model":"shown","stream_options":{"include_obfuscation":false}}', stream=True)
    assert json.loads(other.body)["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_a_suffix_or_something_of_ours_leaves_the_raw_lane() -> None:
    assert made(b"{}", asked="one/shown(high)") is None
    assert made(b'{"model":"shown","x":"gw1.chat.AAAA"}') is None


def test_what_is_ours_is_known_in_every_dialect() -> None:
    assert carries_ours("messages", b'{"signature":"gw1.gemini.AAAA"}')
    assert carries_ours("responses", b'{"id":"msg_gw1abc_0"}')
    assert carries_ours("gemini", b'{"thoughtSignature":"' + base64.b64encode(b"gw1.chat.AAAA") + b'"}')
    assert not carries_ours("messages", b'{"text":"what is gw1. and msg_gw1?"}')
    assert not carries_ours("chat", b'{"id":"msg_gw1abc_0"}')


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(Fault) as raised:
        made(b'{"model":"shown",')
    assert raised.value.kind == "bad_request"
