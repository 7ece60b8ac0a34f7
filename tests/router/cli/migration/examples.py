"""One configuration of each program, made up, with secrets that must never be shown. CANARY is in every one."""

from __future__ import annotations

import json

CANARY = "canary-7f3a"

CLIPROXYAPI = f"""
host: 127.0.0.1
port: 8400
auth-dir: "~/.cli-proxy-api"
api-keys:
  - client-{CANARY}-1
  - client-{CANARY}-2
remote-management:
  allow-remote: false
  secret-key: "$2a$10$hash"
debug: true
proxy-url: "http://user:{CANARY}@10.0.0.1:3128"
request-retry: 3
quota-exceeded: {{switch-project: true, switch-preview-model: true}}
routing: {{strategy: weighted-round-robin, session-affinity: true, session-affinity-ttl: 30m}}
logging-to-file: true
something-new: 1
claude-api-key:
  - api-key: sk-ant-{CANARY}
    weight: 5
  - api-key: sk-other-{CANARY}
    base-url: https://claude.example
    headers: {{X-Team: "{CANARY}", X-Copied: "$ABC"}}
    proxy-url: socks4://10.0.0.1:1080
    models:
      - {{name: claude-sonnet-4-5, alias: sonnet}}
    excluded-models: ["claude-3-*"]
    cloak: {{mode: always}}
gemini-api-key:
  - api-key: AIza-{CANARY}
codex-api-key:
  - api-key: sk-codex-{CANARY}
    base-url: https://codex.example/v1
openai-compatibility:
  - name: OpenRouter
    base-url: https://openrouter.ai/api/v1
    api-key-entries:
      - api-key: sk-or-{CANARY}
    models:
      - {{name: "moonshotai/kimi-k2:free", alias: kimi}}
  - name: office
    prefix: work
    base-url: https://llm.example/v1
    api-key-entries:
      - api-key: sk-office-{CANARY}
    models:
      - {{name: big, alias: large}}
      - {{name: big, alias: huge}}
oauth-model-alias:
  claude:
    - {{name: claude-sonnet-4-5-20250929, alias: cs}}
oauth-excluded-models:
  codex: [gpt-5-codex-mini]
payload:
  default: []
  override:
    - models: [{{name: "gpt-*"}}]
"""

LITELLM = f"""
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/MY_OPENAI
      rpm: 10
  - model_name: gpt-4o
    litellm_params:
      model: openrouter/openai/gpt-4o
      api_key: sk-or-{CANARY}
  - model_name: claude
    litellm_params: {{model: anthropic/claude-sonnet-4-5, api_key: sk-ant-{CANARY}}}
  - model_name: local
    litellm_params: {{model: openai/llama-3, api_base: "http://10.1.1.1:8000/v1", api_key: none-{CANARY}}}
  - model_name: azure-gpt
    litellm_params: {{model: azure/gpt-4o, api_key: "{CANARY}"}}
  - model_name: groq/*
    litellm_params: {{model: groq/*, api_key: gsk-{CANARY}}}
  - model_name: "mine-*"
    litellm_params: {{model: "deepseek/*", api_key: "sk-ds-{CANARY}"}}
litellm_settings:
  drop_params: true
  num_retries: 2
  fallbacks: [{{"gpt-4o": ["claude"]}}, {{"nobody": ["claude"]}}]
  callbacks: [langfuse]
router_settings:
  routing_strategy: least-busy
  model_group_alias: {{gpt-4: gpt-4o}}
general_settings:
  master_key: sk-master-{CANARY}
  database_url: "postgresql://u:{CANARY}@db/x"
environment_variables:
  LANGFUSE_SECRET: "{CANARY}"
"""

CLAUDE_CODE_ROUTER = json.dumps(
    {
        "APIKEY": f"ccr-{CANARY}",
        "HOST": "127.0.0.1",
        "PORT": 3456,
        "API_TIMEOUT_MS": 600000,
        "LOG": True,
        "Providers": [
            {
                "name": "deepseek",
                "api_base_url": "https://api.deepseek.com/v1/chat/completions",
                "api_key": "$DEEPSEEK_KEY",
                "models": ["deepseek-chat", "deepseek-reasoner"],
                "transformer": {"use": ["deepseek"]},
            },
            {
                "name": "gemini",
                "api_base_url": "https://generativelanguage.googleapis.com/v1beta/models/",
                "api_key": f"AIza-{CANARY}",
                "models": ["gemini-2.5-pro"],
            },
            {
                "name": "ollama",
                "api_base_url": "http://localhost:11434/v1/chat/completions",
                "api_key": "ollama",
                "models": ["qwen2.5-coder:latest"],
            },
            {
                "name": "hub",
                "api_base_url": "https://hub.example/v1/chat/completions",
                "api_key": f"sk-{CANARY}",
                "models": ["glm-4.5"],
            },
        ],
        "Router": {
            "default": "deepseek,deepseek-chat",
            "background": "ollama,qwen2.5-coder:latest",
            "think": "deepseek,deepseek-reasoner",
            "longContext": "gemini,gemini-2.5-pro",
            "longContextThreshold": 60000,
            "webSearch": "gemini,gemini-2.5-pro",
        },
    },
    indent="\t",
)

OMNIROUTE = json.dumps(
    {
        "settings": {"theme": "dark"},
        "providerConnections": [
            {
                "id": "1",
                "provider": "openai",
                "authType": "apikey",
                "name": "a",
                "apiKey": f"sk-{CANARY}",
                "priority": 1,
            },
            {"id": "2", "provider": "claude", "authType": "oauth", "accessToken": CANARY, "refreshToken": CANARY},
            {"id": "3", "provider": "openai-compatible-x1", "authType": "apikey", "apiKey": f"sk-x-{CANARY}"},
            {"id": "4", "provider": "groq", "authType": "apikey", "apiKey": f"enc:v1:{CANARY}"},
            {"id": "5", "provider": "deepseek", "authType": "apikey", "apiKey": CANARY, "isActive": False},
            {"id": "6", "provider": "cartesia", "authType": "apikey", "apiKey": CANARY},
        ],
        "providerNodes": [
            {
                "id": "openai-compatible-x1",
                "type": "openai-compatible",
                "name": "Office",
                "prefix": "of",
                "apiType": "chat",
                "baseUrl": "https://llm.example/v1",
            }
        ],
        "combos": [
            {
                "name": "best",
                "strategy": "priority",
                "models": ["cc/claude-opus-4-5", {"model": "of/big", "weight": 0}],
            },
            {"name": "mixed", "strategy": "weighted", "models": ["best", "openai/gpt-5"]},
        ],
        "apiKeys": [{"id": "k", "name": "mine", "key": f"sk-omni-{CANARY}"}],
        "modelAliases": {"fast": "of/small"},
        "_meta": {"version": "omniroute-v3-legacy-export"},
    },
    indent=2,
)

LLMUX = """
# LLMux
PORT=8081
BIND_ADDRESS=127.0.0.1
LOG_LEVEL=debug
TOKEN_FILE=~/.llmux/tokens.json
REQUEST_TIMEOUT=120
DEFAULT_MODEL=claude-sonnet-4-5-20250929
"""
LLMUX_MODELS = json.dumps(
    {"custom_models": [{"id": "glm", "base_url": "https://api.z.ai/api/paas/v4", "api_key": f"z-{CANARY}"}]}
)

WEBAI = f"""
# for WebAI
[Browser]
name = firefox
[AI]
default_ai = gemini
default_model_gemini = gemini-3-flash
[Cookies]
gemini_cookie_1psid = g.a000-{CANARY}
gemini_cookie_1psidts = sidts-{CANARY}
[EnabledAI]
gemini = true
[Proxy]
http_proxy = http://127.0.0.1:2334
"""

ALL = {
    "cliproxyapi": CLIPROXYAPI,
    "litellm": LITELLM,
    "claude-code-router": CLAUDE_CODE_ROUTER,
    "omniroute": OMNIROUTE,
    "llmux": LLMUX_MODELS,
    "webai": WEBAI,
}
