"""Traces and records of calls that never were."""

from __future__ import annotations

from router.call import Caller, Record, Try
from router.hidden import Hidden
from router.net.message import HttpRequest
from router.trace import Part, Room, Trace


def call_id(moment: float, number: int = 0) -> str:
    """An id of a call that began at this Unix time."""
    return f"req_{int(moment * 1000):012x}{number:012x}"


def trace(body: bytes = b'{"model": "m"}', *secrets: str) -> Trace:
    one = Trace("POST", "/v1/chat/completions", "", {"content-type": "application/json"}, Hidden(*secrets), Room(10**9))
    one.body = Part(body)
    one.told({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    one.told({"type": "http.response.body", "body": b"{}"})
    request = HttpRequest("POST", "https://api.example/v1?key=abcdefgh", {"Authorization": "Bearer abcdefghij"}, body)
    sent = one.sending("openai", "openai/1", request, Hidden("house-secret-of-it"))
    sent.status, sent.headers = 200, {"set-cookie": "a=b", "x-house": "house-secret-of-it"}
    sent.answer.add(b"data: house-secret-of-it\n\n")
    return one


def record(name: str, outcome: str = "ok", *tries: str) -> Record:
    one = Record(call_id=name, dialect="chat", surface="chat", asked="m", outcome=outcome, status=200)
    one.caller = Caller(key_id="k", key_name="laptop")
    one.tries = [Try(provider="openai", model="m", account="openai/1", outcome=each) for each in tries]
    return one
