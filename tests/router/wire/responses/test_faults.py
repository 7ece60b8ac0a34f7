from __future__ import annotations

import json

import pytest

from router.faults import Fault
from router.wire.codec import loads
from router.wire.responses import SPEC
from router.wire.sse import Frame, Splitter
from tests.router.wire.responses.builders import CAPABILITIES, CREATED


def payloads(frames: list[bytes]) -> list[dict[str, object]]:
    return [loads(frame.data) for raw in frames for frame in Splitter().feed(raw) if frame.data is not None]


def test_the_raw_lane_continues_what_was_seen() -> None:
    reader = SPEC.stream_reader(CAPABILITIES)
    for number in range(4):
        data = {**CREATED, "sequence_number": number} if number == 0 else {"type": "x", "sequence_number": number}
        reader.feed(Frame(b"", None, json.dumps(data).encode()))
    error, failed = payloads(SPEC.stream_failure(Fault("overloaded", "busy"), reader))
    assert (error["type"], error["sequence_number"]) == ("error", 4)
    assert error["code"] == "server_is_overloaded"
    assert error["error"] == {
        "message": "busy",
        "type": "service_unavailable_error",
        "param": None,
        "code": "server_is_overloaded",
    }
    assert (failed["type"], failed["sequence_number"]) == ("response.failed", 5)
    response = failed["response"]
    assert isinstance(response, dict)
    assert (response["id"], response["model"], response["created_at"]) == ("resp_up", "up", 5)
    assert (response["status"], response["output"], response["tools"]) == ("failed", [], [])
    assert response["error"] == {"code": "server_is_overloaded", "message": "busy"}


def test_a_stream_that_never_began_is_numbered_from_zero() -> None:
    reader = SPEC.stream_reader(CAPABILITIES)
    assert [p["sequence_number"] for p in payloads(SPEC.stream_failure(Fault("timeout", "m"), reader))] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("rate_limited", "rate_limit_exceeded"),
        ("too_long", "context_length_exceeded"),
        ("quota_spent", "insufficient_quota"),
        ("overloaded", "server_is_overloaded"),
        ("upstream_broken", "server_error"),
        ("internal", "server_error"),
        ("bad_request", "server_error"),
    ],
)
def test_failed_responses_have_codes_that_clients_know(kind: str, code: str) -> None:
    reader = SPEC.stream_reader(CAPABILITIES)
    failed = payloads(SPEC.stream_failure(Fault(kind, "m"), reader))[1]  # type: ignore[arg-type]
    assert failed["response"]["error"]["code"] == code  # type: ignore[index]


def test_error_answers_are_read_and_rendered_in_the_openai_envelope() -> None:
    fault = SPEC.read_fault(400, {}, b'{"error":{"message":"m","type":"invalid_request_error","param":"p","code":"c"}}')
    status, _, body = SPEC.render_fault(fault, "req")
    assert status == 400
    assert body == {"error": {"message": "m", "type": "invalid_request_error", "param": "p", "code": "c"}}
