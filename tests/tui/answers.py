"""Answers of the management API as the screens get them."""

from __future__ import annotations

from typing import Any

ATTEMPT = {
    "provider": "openai",
    "model": "gpt-4.1",
    "account": "openai/1",
    "seconds": 0.25,
    "why": "",
    "chosen": "",
    "cost": None,
}
CALL: dict[str, Any] = {
    "client": "curl",
    "surface": "chat",
    "dialect": "chat",
    "stream": False,
    "account": "openai/2",
    "lane": "raw",
    "finish": None,
    "overhead": 0.001,
    "cached": 0,
    "reasoning": 0,
    "estimated": False,
    "cost": None,
    "unpriced": [],
    "service_tier": "",
    "items": {},
    "worth": None,
    "notes": "",
}
FAILED = {
    **CALL,
    "id": "req_0",
    "at": 30.0,
    "key": "laptop",
    "asked": "claude-sonnet-4-5",
    "status": 429,
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "outcome": "quota_spent",
    "reason": "anthropic/1 has used up its plan [5h]",
    "first_byte": None,
    "total": 0.5,
    "input": None,
    "output": None,
    "attempts": [
        {**ATTEMPT, "provider": "anthropic", "account": "anthropic/1", "outcome": "quota_spent", "status": 429,
         "reason": "used up", "why": "the name means it", "chosen": "it was the only one that could serve"},
    ],
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "/overview": {
        "version": "1.2.3",
        "now": 1000.0,
        "open_calls": 2,
        "causes": [
            {"cause": "cooling", "text": "accounts rest"},
            {"cause": "no_service", "text": "the AI Studio service is not connected"},
            {"cause": "programs", "text": "webai does not run [exit 1]"},
        ],
        "missing": [
            {
                "service": "aistudio",
                "name": "den",
                "since": 900.0,
                "cause": "It has gone",
                "wanted": False,
                "program": "",
                "remedy": "Start it where it runs",
            },
            {
                "service": "aistudio",
                "name": "",
                "since": 10.0,
                "cause": "None has come",
                "wanted": True,
                "program": "aistudio",
                "remedy": "Run make up",
            },
        ],
        "providers": [
            {
                "id": "openai",
                "kind": "openai",
                "state": "ok",
                "ready": 2,
                "accounts": 2,
                "reason": "",
                "retry_at": None,
                "tries": 4,
                "failed": 1,
            },
            {
                "id": "anthropic",
                "kind": "anthropic",
                "state": "down",
                "ready": 0,
                "accounts": 1,
                "reason": "anthropic/1: [429] rests",
                "retry_at": 1300.0,
                "tries": 1,
                "failed": 1,
            },
        ],
        "windows": [{"account": "anthropic/1", "window": "5h", "used": 0.71, "resets_at": 8200.0}],
        "failures": [FAILED],
    },
    "/relay": {
        "sessions": [
            {
                "name": "studio",
                "kind": "service",
                "service": "aistudio",
                "ready": True,
                "cause": "",
                "busy": 1,
                "capacity": 4,
            }
        ],
        "services": [
            {"name": "webai-1", "service": "webai", "ready": False, "cause": "no cookies", "busy": 0, "capacity": None}
        ],
    },
    "/usage?by=model": {
        "kept": True,
        "lines": [
            {"name": "openai/gpt-4.1", "calls": 3, "fresh_input": 1000, "output": 234, "cost": 12_500, "unknown": 0},
            {"name": "office/own", "calls": 1, "fresh_input": 5, "output": 5, "cost": 0, "unknown": 1},
        ],
        "total": {"calls": 4, "cost": 12_500, "worth": 20_000, "unknown": 1},
    },
    "/usage?by=key": {
        "kept": True,
        "lines": [{"name": "laptop", "calls": 4, "fresh_input": 1005, "output": 239, "cost": 12_500, "unknown": 1}],
        "total": {"calls": 4, "cost": 12_500, "worth": 20_000, "unknown": 1},
    },
    "/budgets": {
        "budgets": [
            {
                "key": "laptop",
                "limit": "usd_per_day",
                "unit": "usd",
                "period": "day",
                "used": 1.5,
                "most": 2.0,
                "soft": 0.8,
                "resets_at": 8200.0,
            },
        ]
    },
    "/calls?limit=200": {
        "calls": [
            {
                **CALL,
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
                "cost": 12_500,
                "attempts": [
                    {**ATTEMPT, "outcome": "upstream_broken", "status": 500, "reason": "[red]simulated[/red]"},
                    {
                        **ATTEMPT,
                        "account": "openai/2",
                        "outcome": "ok",
                        "status": None,
                        "reason": "",
                        "why": "another account of the same provider",
                        "chosen": "most of its quota is left",
                        "cost": 12_500,
                    },
                ],
            },
            {
                **CALL,
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
        "accounts": [
            {
                "account": "openai/1",
                "provider": "openai",
                "state": "ready",
                "until": None,
                "requests": 4,
                "reason": None,
                "quota": [{"name": "5h", "used_percent": 71.0, "resets_at": None}],
                "resting": [
                    {
                        "scope": "model",
                        "name": "o3",
                        "state": "cooling",
                        "reason": "busy",
                        "until": "1970-01-01T00:18:20Z",
                    }
                ],
            }
        ],
        "files": [],
    },
    "/logs?limit=200": {"lines": [{"at": 1.0, "level": "info", "logger": "x", "text": "first [line]"}]},
}
