"""Ids of conversations, chains and the blacklist, faults of the package, settings, the estimate of usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router.faults import Fault
from router.vault.keys import AccountVault
from services.link.settings import SettingsMistake
from services.webai import chains, chat_answer, conversation, extras, gemini_faults
from services.webai.accounts import NEEDS_LOGIN, due
from services.webai.asking import Conversation, Piece
from services.webai.beside import announce_urls, load
from services.webai.chains import Blacklist, Link
from services.webai.chat_answer import Gathered, Head
from services.webai.patience import Patience
from services.webai.settings import read
from services.webai.tools import Called

CHAT = Conversation("work", "gemini-flash", ("c_1", "r_1", None, "context"))
HEAD = Head(id="chatcmpl-0a1b", model="gemini-flash", created=5)


def test_an_id_of_a_conversation_comes_back_and_cannot_be_made_up() -> None:
    text = conversation.seal(CHAT, "key")
    assert conversation.opened(text, "key") == CHAT
    assert "work" not in text
    for wrong in (text[:-2], text + "A", "conv_", "c_1", text.replace("conv_", ""), "conv_" + "A" * 20000):
        with pytest.raises(Fault) as caught:
            conversation.opened(wrong, "key")
        assert caught.value.code == "conversation_not_found"
    with pytest.raises(Fault, match="key has changed"):
        conversation.opened(text, "another key")
    with pytest.raises(Fault, match="no service key"):
        conversation.seal(CHAT, "")


def test_a_chain_is_that_of_the_model_or_of_all() -> None:
    listed = {"gpt-4o": ("Yqcloud/gpt-4", "DeepInfra/x/y", "Yqcloud/gpt-4"), "*": ("Qwen/",)}
    assert chains.chain(listed, "gpt-4o") == [Link("Yqcloud", "gpt-4"), Link("DeepInfra", "x/y")]
    assert chains.chain(listed, "other") == [Link("Qwen", "")]
    assert chains.chain({}, "other") == []
    assert chains.named("gpt4free:DeepInfra/x/y") == Link("DeepInfra", "x/y")
    assert chains.named("gemini-flash") is None


def test_a_provider_that_fails_is_left_out_for_longer_each_time_and_probed_by_one_call() -> None:
    blacklist = Blacklist(2, 60, 200)
    blacklist.bad("A", 0, 0)
    assert blacklist.admits("A", 1)
    blacklist.bad("A", 1, 1)
    assert not blacklist.admits("A", 60)
    assert blacklist.absent(31) == {"A": 30}
    assert blacklist.admits("A", 61)
    assert not blacklist.admits("A", 61), "only one call probes"
    blacklist.undecided("A", 61)
    assert blacklist.admits("A", 61)
    blacklist.bad("A", 61, 61)
    assert blacklist.absent(61) == {"A": 120}
    assert blacklist.admits("A", 181)
    blacklist.bad("A", 181, 181)
    assert blacklist.absent(181) == {"A": 200}
    assert blacklist.admits("A", 381)
    blacklist.good("A")
    assert blacklist.absent(381) == {}
    assert blacklist.admits("A", 381) and blacklist.admits("B", 0)


def test_failures_of_one_moment_are_one_absence() -> None:
    blacklist = Blacklist(2, 60, 3600)
    for began in range(8):
        blacklist.bad("A", began, 10)
    assert blacklist.absent(10) == {"A": 60}
    assert blacklist.admits("A", 70)
    blacklist.bad("A", 9, 71)
    assert blacklist.absent(71) == {"A": 0}, "a call from before the absence says nothing new"
    blacklist.undecided("A", 9)
    assert not blacklist.admits("A", 72), "the probe is still under way"
    blacklist.bad("A", 70, 73)
    assert blacklist.absent(73) == {"A": 120}


def test_a_call_that_names_the_provider_fails_beside_the_probe_and_counts_once() -> None:
    blacklist = Blacklist(1, 60, 3600)
    blacklist.bad("A", 0, 0)
    assert blacklist.admits("A", 60)
    blacklist.bad("A", 61, 62)
    assert blacklist.absent(62) == {"A": 120}
    blacklist.bad("A", 60, 63)
    assert blacklist.absent(63) == {"A": 119}
    assert blacklist.admits("A", 182), "the probe has ended, though its failure was no news"


class AuthError(Exception): ...


class GeminiError(Exception): ...


class UsageLimitExceededError(GeminiError): ...


class TemporarilyBlockedError(GeminiError): ...


class ModelInvalidError(GeminiError): ...


class ReadTimeout(Exception): ...


class APIError(Exception): ...


class HTTPError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__("__Secure-1PSID=g.a000secretsecret")
        self.response = type("Response", (), {"status_code": status})()


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (AuthError(), "upstream_auth", NEEDS_LOGIN),
        (UsageLimitExceededError(), "rate_limited", None),
        (TemporarilyBlockedError(), "rate_limited", None),
        (ModelInvalidError(), "not_found", None),
        (ReadTimeout(), "timeout", None),
        (TimeoutError(), "timeout", None),
        (APIError("Failed to generate contents. Status: 429"), "rate_limited", None),
        (APIError("Batch execution failed with status code 401"), "upstream_auth", NEEDS_LOGIN),
        (APIError("Failed. Status: 500"), "upstream_broken", None),
        (HTTPError(403), "upstream_auth", NEEDS_LOGIN),
        (HTTPError(502), "upstream_broken", None),
        (KeyError("x"), "upstream_broken", None),
        (RuntimeError("__Secure-1PSID=g.a000secretsecret"), "upstream_broken", None),
    ],
)
def test_every_exception_of_the_package_becomes_a_fault_without_its_words(
    error: Exception, kind: str, code: str | None
) -> None:
    fault = gemini_faults.translated(error)
    assert (fault.kind, fault.code) == (kind, code)
    assert "secret" not in fault.message


def test_a_model_that_does_not_fit_a_chat_is_the_callers_mistake() -> None:
    assert gemini_faults.translated(ModelInvalidError(), going=True).kind == "bad_request"


def test_a_limit_ends_when_the_first_used_up_quota_comes_back() -> None:
    quotas = {
        "a": {"usage_percentage": 100, "reset_time": 1500},
        "b": {"usage_percentage": 40, "reset_time": 1100},
        "c": {"usage_percentage": 120, "reset_time": 900},
        "extra": "odd",
    }
    fault = gemini_faults.translated(UsageLimitExceededError(), quotas=quotas, now=1000)
    assert fault.retry_after == 500
    assert gemini_faults.translated(UsageLimitExceededError(), quotas={}, now=1000).retry_after is None


@pytest.mark.parametrize(
    ("status", "token", "kind"),
    [(1000, True, None), (1033, True, None), (1000, False, "upstream_auth"), (1016, True, "upstream_auth"),
     (1060, True, "refused"), (1040, True, "refused"), (1014, True, "unavailable")],
)  # fmt: skip
def test_the_status_of_an_account_decides_whether_it_can_be_used(status: int, token: bool, kind: str | None) -> None:
    fault = gemini_faults.of_status(status, token)
    assert (fault.kind if fault is not None else None) == kind


def test_rotation_is_due_before_the_end_that_is_assumed() -> None:
    assert due(1000, 86400, 21600) == 1000 + 18 * 3600


def test_patience_is_for_the_first_piece_then_between_two_and_never_past_the_end() -> None:
    patience = Patience(first=10, total=100, idle=20)
    assert patience.left(False, 4) == 6
    assert patience.left(False, 11) == 0
    assert patience.left(True, 50) == 20
    assert patience.left(True, 95) == 5
    assert patience.left(True, 101) == 0


def test_usage_is_an_estimate_that_says_so() -> None:
    counted = chat_answer.usage("x" * 9, "y" * 8, "z" * 4)
    assert (counted["prompt_tokens"], counted["completion_tokens"], counted["total_tokens"]) == (3, 3, 6)
    assert counted["completion_tokens_details"] == {"reasoning_tokens": 1}
    assert counted["estimated"] is True


def test_chunks_end_with_usage_where_it_is_wanted_and_with_done() -> None:
    frames = b"".join(chat_answer.ended(HEAD, [], {"total_tokens": 1}, {"conversation_id": "c"}))
    *chunks, done = frames.decode().strip().split("\n\n")
    assert done == "data: [DONE]"
    first, second = (json.loads(each.removeprefix("data: ")) for each in chunks)
    assert first["choices"][0]["finish_reason"] == "stop" and first["conversation_id"] == "c"
    assert second["choices"] == [] and second["usage"] == {"total_tokens": 1}
    assert b"usage" not in b"".join(chat_answer.ended(HEAD, [], None, {}))


def test_emulated_calls_are_calls_for_the_client() -> None:
    answer = Gathered(calls=[Called("weather", "{}"), Called("clock", "{}")])
    choice = chat_answer.whole(HEAD, answer, {}, {})["choices"][0]
    assert choice["finish_reason"] == "tool_calls" and choice["message"]["content"] is None
    ids = [call["id"] for call in choice["message"]["tool_calls"]]
    assert len(set(ids)) == 2
    chunk = json.loads(chat_answer.called(HEAD, answer.calls).decode().removeprefix("data: "))
    assert [call["id"] for call in chunk["choices"][0]["delta"]["tool_calls"]] == ids


def test_thoughts_and_words_are_chunks_of_their_own() -> None:
    chunks = list(chat_answer.piece(HEAD, Piece(text="a", thinking="b")))
    deltas = [json.loads(each.decode().removeprefix("data: "))["choices"][0]["delta"] for each in chunks]
    assert deltas == [{"reasoning_content": "b"}, {"content": "a"}]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"port": 70000}, "port"),
        ({"tools": "pretend"}, "tools"),
        ({"gemini": {"concurrency": 0}}, "gemini.concurrency"),
        ({"gemini": {"lead": 90000}}, "gemini.lead"),
        ({"fallback": {"chains": {"*": ["Yqcloud"]}}}, "Provider/model"),
        ({"fallback": {"failures": 0}}, "fallback.failures"),
        ({"timeouts": {"idle": 0}}, "timeouts"),
        ({"gemini": {"accountz": {}}}, "accountz"),
        ({"gemini": {"accounts": {"a": {"secure_1psidts": "x"}}}}, "secure_1psid"),
    ],
)
def test_a_setting_that_cannot_be_is_named(block: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsMistake, match=said):
        read(block)


def test_what_the_router_needs_in_the_block_is_left_alone() -> None:
    settings = read({"enabled": True, "priority": 3, "service": {"start": False}, "port": 9000, "gemini": None})
    assert settings.port == 9000 and settings.gemini.enabled


def test_cookies_in_settings_cannot_be_printed() -> None:
    settings = read({"gemini": {"accounts": {"a": {"secure_1psid": "secret-one"}}}, "api_key": "secret-two"})
    assert "secret" not in repr(settings)
    assert settings.gemini.accounts["a"].secure_1psid.reveal() == "secret-one"


def test_settings_follow_the_router_beside_it(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"server: {{port: 9317, host: 0.0.0.0, state_dir: {tmp_path}/state}}\n"
        f"auth: {{dir: {tmp_path}/auth}}\n"
        "providers: {webai: {enabled: true, port: 0, tools: emulate}}\n"
    )
    keys = tmp_path / "state" / "keys"
    keys.mkdir(parents=True)
    (keys / "service.key").write_text("sk-service\n")
    found = load(config, None, {"SWITCHYARD__PROVIDERS__WEBAI__FILES__MOST": "3"})
    assert found.settings.relay.urls == ("ws://127.0.0.1:9317/v1/ws",)
    assert (found.settings.tools, found.settings.files.most) == ("emulate", 3)
    assert found.profiles == tmp_path / "auth" / "auth_profiles"
    assert isinstance(found.vault, AccountVault)
    assert found.key() == "sk-service"
    own = load(config, None, {"SWITCHYARD__PROVIDERS__WEBAI__API_KEY": "sk-own"})
    assert own.key() == "sk-own"


def test_announcements_go_where_the_relay_is() -> None:
    urls = ("ws://127.0.0.1:8317/v1/ws", "wss://host/base/v1/ws")
    assert announce_urls(urls) == [
        "http://127.0.0.1:8317/v0/relay/services",
        "https://host/base/v0/relay/services",
    ]
    with pytest.raises(SettingsMistake, match=r"relay\.urls"):
        announce_urls(("8317",))


def test_a_package_that_is_missing_is_named_with_its_licence_and_its_command() -> None:
    assert set(extras.installed()) == {"gemini-webapi", "g4f", "browser-cookie3"}
    assert extras.missing(extras.GEMINI) == "gemini-webapi (AGPL-3.0) is not installed: make webai EXTRAS=gemini"
