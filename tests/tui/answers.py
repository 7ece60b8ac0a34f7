"""Answers of the management API as the screens get them."""

from __future__ import annotations

from typing import Any

ATTEMPT = {"provider": "openai", "model": "gpt-4.1", "account": "openai/1", "seconds": 0.25}
ANSWERS: dict[str, Any] = {
    "/overview": {
        "version": "1.2.3",
        "now": 1000.0,
        "open_calls": 2,
        "causes": [],
        "providers": [
            {
                "id": "openai",
                "kind": "openai",
                "state": "ok",
                "ready": 2,
                "accounts": 2,
                "reason": "",
                "retry_at": None,
            },
            {
                "id": "anthropic",
                "kind": "anthropic",
                "state": "down",
                "ready": 0,
                "accounts": 1,
                "reason": "anthropic/1: [429] rests",
                "retry_at": 1300.0,
            },
        ],
        "windows": [{"account": "anthropic/1", "window": "5h", "used": 0.71, "resets_at": 8200.0}],
        "failures": [],
    },
    "/usage?by=model": {
        "lines": [
            {"name": "openai/gpt-4.1", "calls": 3, "fresh_input": 1000, "output": 234, "cost": 12_500, "unknown": 0},
            {"name": "office/own", "calls": 1, "fresh_input": 5, "output": 5, "cost": 0, "unknown": 1},
        ],
        "total": {"cost": 12_500, "unknown": 1},
    },
    "/calls?limit=200": {
        "calls": [
            {
                "id": "req_2",
                "at": 3661.0,
                "key": "laptop",
                "client": "curl",
                "asked": "gpt-4.1",
                "status": 200,
                "provider": "openai",
                "model": "gpt-4.1",
                "outcome": "ok",
                "reason": "",
                "first_byte": 0.5,
                "total": 1.25,
                "input": 10,
                "output": 20,
                "attempts": [
                    {**ATTEMPT, "outcome": "upstream_broken", "status": 500, "reason": "[red]simulated[/red]"},
                    {**ATTEMPT, "account": "openai/2", "outcome": "ok", "status": None, "reason": ""},
                ],
            },
            {
                "id": "req_1",
                "at": 60.0,
                "key": "",
                "client": "",
                "asked": "nothing",
                "status": 404,
                "provider": "",
                "model": "",
                "outcome": "not_found",
                "reason": "No model",
                "first_byte": None,
                "total": 0.01,
                "input": None,
                "output": None,
                "attempts": [],
            },
        ]
    },
    "/accounts": {
        "accounts": [{"account": "openai/1", "state": "ready", "until": None, "requests": 4, "cause": ""}],
        "files": [],
    },
    "/logs?limit=200": {"lines": [{"at": 1.0, "level": "info", "logger": "x", "text": "first [line]"}]},
}
