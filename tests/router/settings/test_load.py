from __future__ import annotations

import re

import pytest

from router.settings.load import Loaded, load
from router.settings.mistakes import Mistake, SettingsError
from router.settings.schema import Settings

BOX = """
│ server:                      ┐ Router settings          │
│   port: 8317                                            │
│   host: "0.0.0.0"                                       │
│                                                         │
│ auth:                        ┐ Auth storage             │
│   dir: "~/.cli-proxy-api"                               │
│   store: "file"                                         │
│                                                         │
│ providers:                   ┐ Provider configs         │
│   llmux:                     ┐ In-process providers     │
│     claude_pro: {...}                                   │
│     chatgpt_plus: {...}                                 │
│                                                         │
│   ctonew: {...}              ┐ In-process provider      │
│                                                         │
│   aistudio:                  ┐ External service         │
│     service:                                            │
│       command: "python providers/aistudio/main.py"      │
│     browser:                                            │
│       type: "camoufox"                                  │
│       max_instances: 3                                  │
│                                                         │
│   webai:                     ┐ External service (opt)   │
│     enabled: false           ┐ Disabled by default      │
│     service:                                            │
│       command: "python providers/webai/main.py"         │
│                                                         │
│ models:                      ┐ Model routing            │
│   routing:                                              │
│     - pattern: "^gpt-5"                                 │
│       providers: ["llmux-chatgpt", "ctonew"]            │
│     - pattern: "^claude-sonnet"                         │
│       providers: ["llmux-claude", "claude-oauth"]       │
│     - pattern: "gemini-.*-aistudio$"                    │
│       providers: ["aistudio"]                           │
"""
"""The user's configuration as it stands in the architecture document: a box with notes in its right margin."""
USERS_YAML = re.sub(r"^│ ?|┐.*$|│$", "", BOX, flags=re.MULTILINE)

FILES = {"/keys/openai": "sk-from-file\n", "/keys/empty": " \n"}


def read_file(path: str) -> str:
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return FILES[path]


def loaded(text: str, environ: dict[str, str] | None = None, *, keys: bool = False) -> Loaded:
    return load(text, environ or {}, read_file, client_keys_exist=keys)


def mistakes(text: str, environ: dict[str, str] | None = None) -> tuple[Mistake, ...]:
    with pytest.raises(SettingsError) as raised:
        loaded(text, environ)
    return raised.value.mistakes


def only(text: str, environ: dict[str, str] | None = None) -> Mistake:
    found = mistakes(text, environ)
    assert len(found) == 1, found
    return found[0]


def test_the_users_configuration_loads_word_for_word() -> None:
    assert '"0.0.0.0"' in USERS_YAML and "claude_pro: {...}" in USERS_YAML and "┐" not in USERS_YAML
    result = loaded(USERS_YAML, keys=True)
    settings = result.settings
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 8317)
    assert (settings.auth.dir, settings.auth.store) == ("~/.cli-proxy-api", "file")
    assert settings.providers.llmux.claude_pro is not None and settings.providers.llmux.chatgpt_plus is not None
    assert settings.providers.ctonew is not None
    assert settings.providers.aistudio is not None
    assert settings.providers.aistudio.service.command == "python providers/aistudio/main.py"
    assert settings.providers.aistudio.browser.max_instances == 3
    assert settings.providers.webai is not None and settings.providers.webai.enabled is False
    assert [(route.pattern, route.providers) for route in settings.models.routing] == [
        ("^gpt-5", (("llmux-chatgpt",), ("ctonew",))),
        ("^claude-sonnet", (("llmux-claude",), ("claude-oauth",))),
        ("gemini-.*-aistudio$", (("aistudio",),)),
    ]
    (warning,) = result.warnings
    assert warning.startswith("providers.aistudio.service.command is not used: the service that ships with")


@pytest.mark.parametrize("text", ["", "# nothing\n", "server:\nproviders:\n", "---\n"])
def test_an_empty_file_gives_the_defaults(text: str) -> None:
    assert loaded(text).settings == Settings()


def test_every_mistake_is_reported_at_once_in_file_order() -> None:
    found = mistakes(
        """
server:
  prt: 1
  workers: 2
providers:
  openai:
    api_keys: ["${NOPE}"]
    quirks: {immages: true}
  openai-compatible:
    - {name: office, base_url: ftp://x}
models:
  routing:
    - {pattern: "^(a", providers: [opnai, office]}
    - {providers: [openai]}
    - {pattern: b, providers: [gemni]}
"""
    )
    assert [(mistake.line, mistake.path) for mistake in found] == [
        (3, "server.prt"),
        (4, "server.workers"),
        (7, "providers.openai.api_keys[0]"),
        (8, "providers.openai.quirks.immages"),
        (10, "providers.openai_compatible[0].base_url[0]"),
        (13, "models.routing[0].pattern"),
        (13, "models.routing[0].providers[0]"),
        (14, "models.routing[1].pattern"),
        (15, "models.routing[2].providers[0]"),
    ]
    near = {mistake.path: mistake.nearest for mistake in found}
    assert near["server.prt"] == "port"
    assert near["providers.openai.quirks.immages"] == "images"
    assert near["models.routing[0].providers[0]"] == "openai"
    assert near["models.routing[2].providers[0]"] == "gemini"


@pytest.mark.parametrize(
    ("text", "path", "nearest"),
    [
        ("servr: {port: 1}", "servr", "server"),
        ("port: 8317", "port", "server.port"),
        ("server: {limits: {body_byte: 5000}}", "server.limits.body_byte", "body_bytes"),
        ("providers: {groqq: {}}", "providers.groqq", "groq"),
        ("providers: {groq: {api-keys: [a]}}", "providers.groq.api-keys", "api_keys"),
        ("providers: {openai: {api_keys: [{key: aaaa, lable: x}]}}", "providers.openai.api_keys[0].lable", "label"),
        ("observe: {level: warn}", "observe.level", "warning"),
        (
            "models: {routing: [{pattern: a, providers: [lmux-claude]}]}",
            "models.routing[0].providers[0]",
            "llmux-claude",
        ),
    ],
)
def test_a_misspelt_name_is_named_with_the_nearest_valid_one(text: str, path: str, nearest: str) -> None:
    mistake = only(text)
    assert (mistake.path, mistake.nearest) == (path, nearest)


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("a: [", "", "not valid YAML"),
        ("- x", "", "must be a mapping"),
        ("server:\n\tport: 1", "", "not valid YAML"),
        ("server: {port: 1}\nserver: {port: 2}", "server", "given twice, first in line 1"),
        ("server: {port: 1, port: 2}", "server.port", "given twice"),
        ("server: {port: 70000}", "server.port", "at most 65535"),
        ("server: {port: abc}", "server.port", "whole number"),
        (
            "server: {workers: 4}",
            "server.workers",
            "must be 1: this version serves with one process. Leave the line out",
        ),
        (
            "auth: {store: redis}",
            "auth.store",
            "must be `file`: sign-ins are kept as files in the folder auth.dir. Leave",
        ),
        ("server: {tls: {cert: a.pem}}", "server.tls", "key is missing"),
        ("server: {cors: {origins: [chat.example]}}", "server.cors.origins", "no origin"),
        ("server: {timeouts: {idle: .inf}}", "server.timeouts.idle", "finite"),
        ("server:\n  host: a\x08b", "", "U+0008"),
        ("server: 5", "server", "must be a mapping"),
        ("providers: {openai: {base_url: 'api.openai.com'}}", "providers.openai.base_url[0]", "http://"),
        ("providers: {openai: {proxy: 'socks4://u:secret@h:1'}}", "providers.openai.proxy", "SOCKS"),
        ("providers: {openai: {headers: {'a b': c}}}", "providers.openai.headers", "no header name"),
        ('providers: {openai: {headers: {a: "b\\r\\nc: d"}}}', "providers.openai.headers", "line break"),
        ("providers: {openai: {api_keys: [{label: a}]}}", "providers.openai.api_keys[0]", "has no key"),
        ("providers: {openai: {api_keys: ['']}}", "providers.openai.api_keys[0]", "is empty"),
        ("providers: {openai: {api_keys: [{key: a, env: B}]}}", "providers.openai.api_keys[0]", "key and env"),
        ("providers: {openai: {api_keys: [{env: B}]}}", "providers.openai.api_keys[0].env", "not set"),
        ("providers: {openai: {api_keys: [{key_file: /no}]}}", "providers.openai.api_keys[0].key_file", "No such file"),
        (
            "providers: {openai: {api_keys: [{key_file: /keys/empty}]}}",
            "providers.openai.api_keys[0].key_file",
            "empty",
        ),
        ("providers: {openai: {quirks: {images: 7}}}", "providers.openai.quirks.images", "does not fit"),
        ("providers: {openai_compatible: [{name: a}]}", "providers.openai_compatible[0]", "no base_url"),
        (
            "providers: {openai_compatible: [{name: groq, base_url: 'http://h'}]}",
            "providers.openai_compatible[0].name",
            "another",
        ),
        (
            "providers: {openai_compatible: [{name: a, preset: grok}]}",
            "providers.openai_compatible[0].preset",
            "does not exist",
        ),
        ("providers: {gemini: {prefix: openai}}", "providers.gemini.prefix", "already stands for openai"),
        ("providers: {codex: {}, chatgpt_oauth: {}}", "providers.codex", "same provider"),
        ("models: {routing: [{pattern: a, providers: []}]}", "models.routing[0].providers", "must not be empty"),
        ("models: {exclusions: ['(']}", "models.exclusions", "regular expression"),
        ("auth: {keys: [{name: a, digest: xyz}]}", "auth.keys[0].digest", "64 hexadecimal"),
        ("auth: {keys: [{name: a, key: 0123456789abcdef, expires: soon}]}", "auth.keys[0].expires", "must be a date"),
    ],
)
def test_a_mistake_says_what_is_wrong_and_where(text: str, path: str, says: str) -> None:
    mistake = only(text)
    assert mistake.path == path
    assert says in mistake.problem


def test_two_aliases_for_one_name_are_a_mistake_also_across_blocks() -> None:
    text = """
providers:
  openai: {models: [{name: gpt-5, alias: Best}]}
  groq: {api_keys: [k], models: {llama: best}}
models:
  aliases: {best: claude-x}
"""
    found = mistakes(text)
    assert [mistake.path for mistake in found] == ["providers.openai.models[0]", "providers.groq.models[0]"]
    assert "models.aliases.best says claude-x" in found[0].problem


def test_an_alias_that_says_the_same_twice_is_no_mistake() -> None:
    text = "{providers: {openai: {models: [{name: gpt-5, alias: best}]}}, models: {aliases: {best: gpt-5}}}"
    assert loaded(text).settings.models.aliases == {"best": ("gpt-5",)}


def test_a_public_address_without_a_client_key_is_refused() -> None:
    assert only("server: {host: 0.0.0.0}").path == "server.host"
    assert loaded("server: {host: 0.0.0.0}", keys=True).settings.server.host == "0.0.0.0"
    assert loaded("{server: {host: '::'}, auth: {keys: [{name: a, key: 0123456789abcdef-}]}}").settings.auth.keys
    watcher = "auth: {keys: [{name: a, key: 0123456789abcdef-, scope: viewer}]}"
    assert only(f"{{server: {{host: '::'}}, {watcher}}}").path == "server.host"
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.5"):
        assert loaded(f"server: {{host: '{host}'}}").settings.server.host == host


def test_the_environment_wins_over_the_file_and_is_named_in_provenance_and_mistakes() -> None:
    environ = {
        "SWITCHYARD__SERVER__PORT": "9000",
        "SWITCHYARD__PROVIDERS__OPENAI__API_KEYS": '["sk-one", {"key_file": "/keys/openai"}]',
        "SWITCHYARD__AUTH__KEYS__0__NAME": "ci",
        "SWITCHYARD__AUTH__KEYS__0__KEY": "sk-sy-0123456789abcdef",
        "SWITCHYARD__PROVIDERS__OPENAI_COMPATIBLE__0__BASE_URL": "http://h:1/v1",
        "SWITCHYARD__POLICIES__STRICT": "true",
    }
    text = "{server: {port: 1, host: 127.0.0.1}, providers: {openai-compatible: [{name: office}]}}"
    result = loaded(text, environ)
    settings = result.settings
    assert settings.server.port == 9000 and settings.policies.strict is True
    keys = [key.key.reveal() for key in settings.providers.openai.api_keys if key.key]
    assert keys == ["sk-one", "sk-from-file"]
    assert settings.auth.keys[0].name == "ci"
    assert settings.providers.openai_compatible[0].base_url == ("http://h:1/v1",)
    assert result.provenance["server.port"] == "SWITCHYARD__SERVER__PORT"
    assert result.provenance["server.host"] == "config.yaml:1"
    wrong = only("", {"SWITCHYARD__SERVER__PRT": "1"})
    assert (wrong.source, wrong.path, wrong.nearest, wrong.line) == (
        "SWITCHYARD__SERVER__PRT",
        "server.prt",
        "port",
        None,
    )
    assert only("", {"SWITCHYARD__SERVER__HOST": "0.0.0.0"}).source == "SWITCHYARD__SERVER__HOST"


def test_variables_are_filled_in_with_defaults_and_escapes() -> None:
    text = """
providers:
  openai:
    api_keys: ["${KEY}"]
    headers: {x-a: "${MISSING:-fallback}", x-b: "$${KEY}"}
"""
    openai = loaded(text, {"KEY": "sk-1"}).settings.providers.openai
    assert openai.api_keys[0].key is not None and openai.api_keys[0].key.reveal() == "sk-1"
    assert openai.headers == {"x-a": "fallback", "x-b": "${KEY}"}
    assert "KEY, which is not set" in only(text).problem


def test_no_message_or_representation_contains_a_secret() -> None:
    secret = "sk-canary-1234567890"
    text = f"""
auth: {{keys: [{{name: a, key: {secret}, digest: {secret}}}]}}
providers:
  openai: {{api_keys: [{secret}, {{key: {secret}, prioty: 1}}], proxy: "socks4://u:{secret}@h"}}
  groq: {{api_keys: {secret}}}
"""
    with pytest.raises(SettingsError) as raised:
        loaded(text)
    assert len(raised.value.mistakes) >= 4
    assert secret not in str(raised.value) and secret not in repr(raised.value.mistakes)
    good = loaded(f"providers: {{openai: {{api_keys: [{secret}]}}}}")
    assert secret not in repr(good) and secret not in good.settings.model_dump_json()


def test_every_spelling_of_a_provider_block_is_accepted() -> None:
    text = "providers: {OpenAI: {api_keys: [k]}, claude-oauth: {...}, gemini-web: {}, LM_Studio: , moonshot: {}}"
    providers = loaded(text).settings.providers
    assert providers.openai.api_keys and providers.claude_oauth is not None and providers.webai is not None
    assert set(providers.presets) == {"lm-studio", "kimi"}


def test_warnings_name_what_was_perhaps_not_meant() -> None:
    environ = {"ANTHROPIC_API_KEY": "sk-sy-abc", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://localhost:8317/v1"}
    text = "{server: {cors: {origins: ['*']}}, auth: {keys: [short], management: {key: short}}}"
    warnings = loaded(text, environ).warnings
    assert any("ANTHROPIC_API_KEY holds a client key" in warning for warning in warnings)
    assert any("OPENAI_BASE_URL points at this gateway" in warning for warning in warnings)
    assert any("cors.origins" in warning for warning in warnings)
    assert any("'key-1' is short" in warning for warning in warnings)
    assert any("auth.management.key is short" in warning for warning in warnings)


def test_what_a_block_has_in_common_with_others_and_says_nothing_is_told() -> None:
    text = """
providers:
  aistudio: {enabled: true, proxy: "http://p:3128", base_url: "https://x.example"}
  webai: {enabled: true, base_urls: ["http://127.0.0.1:9"]}
"""
    told = [warning for warning in loaded(text).warnings if "changes nothing" in warning]
    places = ["providers.aistudio.base_url", "providers.aistudio.proxy", "providers.webai.base_urls"]
    assert [warning.partition(" ")[0] for warning in told] == places
    assert not any("changes nothing" in w for w in loaded("providers: {aistudio: {enabled: true}, webai: {}}").warnings)


def test_a_file_that_repeats_itself_without_end_is_refused() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "without end" in mistakes(bomb)[0].problem


def test_merge_keys_and_anchors_work() -> None:
    text = """
providers:
  openai: &common {proxy: "http://p:3128", priority: 3}
  gemini: {<<: *common, priority: 1}
"""
    providers = loaded(text).settings.providers
    assert (providers.gemini.proxy, providers.gemini.priority) == ("http://p:3128", 1)
