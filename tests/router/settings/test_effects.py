"""Every setting of the schema has a test that proves its effect."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from router.server.product import server_settings
from router.settings.describe import describe
from router.settings.schema import Settings
from tests.router.api.effects import CASES

ROOT = Path(__file__).resolve().parents[3]
FLIPPED = "tests/router/api/test_effects.py::test_a_changed_setting_shows_at_once"
MAPPED = "tests/router/settings/test_effects.py::test_the_servers_own_settings_follow_the_schema"
STORED = "tests/router/api/test_effects.py::test_stored_answers_follow_the_settings_of_the_start"
API = "tests/router/api/"
SIGN_INS = "tests/router/api/test_sign_in_settings.py::"
SERVER = "tests/router/server/"
ADDRESS = f"{SERVER}test_listen.py::test_an_address_of_another_machine_is_refused_with_the_setting_named"
ONE_VALUE = "tests/router/cli/test_config_and_keys.py::test_a_gateway_with_a_value_that_it_cannot_take_says_what_to_do"
OLD_COMMAND = "tests/router/cli/test_services_run.py::test_an_old_command_starts_our_service_whatever_it_says"
AISTUDIO = "tests/services/aistudio/"
IN_BROWSER: Mapping[str, str] = {
    "browser.attach_url": "engines::test_a_persons_own_browser_is_used_and_left_as_it_was",
    "browser.context_uses": "pool::test_worn_pages_contexts_and_browsers_are_replaced",
    "browser.devtools": "answers::test_without_devtools_the_page_itself_tells_what_its_call_brings",
    "browser.executable_path": "pool::test_without_a_browser_the_service_says_why",
    "browser.idle_shutdown": "pool::test_idle_ends_the_browser_and_keeps_the_session",
    "browser.max_instances": "pool::test_three_pages_serve_twelve_requests_and_each_gets_its_own_answer",
    "browser.memory_limit": "pool::test_worn_pages_contexts_and_browsers_are_replaced",
    "browser.mode": "answers::test_a_browser_on_a_screen_that_nobody_sees_answers_too",
    "browser.page_uses": "pool::test_worn_pages_contexts_and_browsers_are_replaced",
    "continue_conversations": "answers::test_a_conversation_goes_on_in_its_own_chat_where_that_is_wanted",
    "defaults.max_tokens": "answers::test_every_setting_reaches_the_page_and_none_reaches_the_next_request",
    "defaults.temperature": "answers::test_every_setting_reaches_the_page_and_none_reaches_the_next_request",
    "defaults.top_p": "answers::test_every_setting_reaches_the_page_and_none_reaches_the_next_request",
    "health_port": "whole_way::test_the_program_serves_and_stops_when_it_is_told_to",
    "keep_fresh": "pool::test_a_session_is_renewed_and_its_new_cookies_are_saved",
    "login.deadline": "login::test_a_sign_in_that_nobody_makes_ends_and_leaves_nothing_behind",
    "login.novnc_port": "login::test_a_sign_in_by_typing_into_the_window_makes_a_profile_that_answers",
    "login.novnc_host": "settings::test_the_window_of_a_sign_in_is_seen_where_it_is_set",
    "login.vnc_port": "login::test_a_sign_in_by_typing_into_the_window_makes_a_profile_that_answers",
    "profiles": "whole_way::test_the_program_serves_and_stops_when_it_is_told_to",
    "queue.deadline": "pool::test_a_full_line_and_a_long_wait_are_refused_with_a_time",
    "queue.limit": "pool::test_a_full_line_and_a_long_wait_are_refused_with_a_time",
    "relay.name": "whole_way::test_the_program_serves_and_stops_when_it_is_told_to",
    "relay.urls": "whole_way::test_the_program_serves_and_stops_when_it_is_told_to",
    "selectors": "answers::test_the_users_own_page_map_repairs_a_control",
    "tiers": "answers::test_markdown_is_exact_where_the_way_of_reading_allows_it",
    "timeouts.control": "faults::test_a_broken_page_says_what_is_broken",
    "timeouts.first": "faults::test_silence_before_the_answer_ends_too",
    "timeouts.idle": "faults::test_a_stalled_answer_ends_and_its_page_is_replaced",
    "url": "whole_way::test_the_program_serves_and_stops_when_it_is_told_to",
    "browser.browser_age": "settings::test_what_has_served_for_long_is_replaced",
    "browser.page_age": "settings::test_what_has_served_for_long_is_replaced",
    "defaults.level": "settings::test_the_level_of_thinking_that_nobody_asks_for_is_the_one_that_is_set",
    "login.display": "settings::test_a_sign_in_opens_on_the_display_that_is_set",
    "login.novnc_path": "settings::test_the_pages_of_novnc_are_looked_for_where_it_is_set",
    "temporary_chat": "settings::test_a_chat_is_temporary_where_that_is_wanted",
    "timeouts.launch": "settings::test_a_browser_that_does_not_start_in_the_time_that_is_set_is_given_up",
    "timeouts.ready": "settings::test_a_page_that_comes_late_is_waited_for_as_long_as_is_set",
    "timeouts.stop": "settings::test_a_page_that_stops_slowly_is_kept_within_the_time_that_is_set",
    "timeouts.total": "settings::test_an_answer_that_takes_too_long_as_a_whole_is_ended",
    "timeouts.wire": "settings::test_a_page_whose_network_is_silent_is_watched_after_the_time_that_is_set",
}
"""What the AI Studio service reads, proven before its stand-in page: file and test."""
OF_WEBAI = "tests/services/webai/test_"
WEBAI: Mapping[str, tuple[str, ...]] = {
    "enabled": (f"{API}test_webai.py::test_it_is_off_unless_it_is_turned_on",),
    "endpoint": (f"{API}test_webai.py::test_a_service_at_a_fixed_address_is_asked_by_the_router",),
    "allowed_endpoints": (f"{API}test_webai.py::test_what_may_be_told",),
    "api_key": (f"{API}test_webai.py::test_the_service_key_is_used_where_there_is_no_other",),
    "service.start": ("tests/router/cli/test_services.py::test_a_service_is_wanted_where_it_is_on_and_can_run",),
    "tools": (f"{OF_WEBAI}surfaces.py::test_tools_are_refused_by_default_and_emulated_where_declared",),
    "port": (f"{OF_WEBAI}main.py::test_it_starts_alone_announces_itself_and_ends_on_a_signal",),
    "gemini.enabled": (f"{OF_WEBAI}moving_on.py::test_what_is_off_is_off",),
    "gemini.accounts": (f"{OF_WEBAI}accounts.py::test_newer_cookies_in_the_settings_replace_those_that_are_kept",),
    "gemini.concurrency": (f"{OF_WEBAI}moving_on.py::test_an_account_has_so_many_places_and_then_says_so",),
    "gemini.lifetime": (f"{OF_WEBAI}accounts.py::test_cookies_are_rotated_six_hours_before_their_end_and_kept",),
    "gemini.lead": (f"{OF_WEBAI}accounts.py::test_cookies_are_rotated_six_hours_before_their_end_and_kept",),
    "gemini.keep_chats": (f"{OF_WEBAI}surfaces.py::test_keep_chats_keeps_every_chat",),
    "gemini.browser": (f"{OF_WEBAI}gemini_accounts.py::test_no_browser_is_read_unasked",),
    "fallback.enabled": (f"{OF_WEBAI}moving_on.py::test_the_chain_answers_where_no_account_can",),
    "fallback.chains": (f"{OF_WEBAI}free_package.py::test_the_chain_goes_to_the_next_one_and_remembers",),
    "fallback.custom": (f"{OF_WEBAI}free_package.py::test_a_provider_answers_streamed_and_not",),
    "fallback.failures": (f"{OF_WEBAI}moving_on.py::test_a_provider_that_fails_is_left_out_and_the_next_one_serves",),
    "fallback.blacklist": (f"{OF_WEBAI}moving_on.py::test_a_provider_that_fails_is_left_out_and_the_next_one_serves",),
    "timeouts.first": (f"{OF_WEBAI}moving_on.py::test_silence_ends_with_a_status",),
    **{
        path: (f"{OF_WEBAI}effects.py::test_{name}",)
        for path, name in {
            "host": "it_listens_on_the_address_that_is_set_and_on_no_other",
            "fallback.first": "the_next_provider_is_asked_where_one_does_not_begin_in_time",
            "fallback.blacklist_most": "the_absence_of_a_provider_is_never_longer_than_is_set",
            "fallback.concurrency": "gpt4free_gives_so_many_answers_at_the_same_time",
            "gemini.rest": "an_account_whose_limit_is_reached_rests_as_long_as_is_set",
            "timeouts.start": "a_page_that_does_not_open_in_time_is_given_up",
            "timeouts.idle": "a_silent_answer_ends_after_the_time_for_a_piece_and_for_the_whole",
            "timeouts.drain": "open_answers_are_cut_when_their_time_at_the_end_is_over",
        }.items()
    },
    "timeouts.total": (
        f"{OF_WEBAI}effects.py::test_a_silent_answer_ends_after_the_time_for_a_piece_and_for_the_whole",
        f"{OF_WEBAI}effects.py::test_an_answer_that_goes_on_and_on_ends_after_the_time_for_the_whole",
    ),
    "fallback.custom.NAME.api_key": (
        f"{OF_WEBAI}effects.py::test_a_provider_of_the_users_own_gets_its_key",
        f"{OF_WEBAI}free_package.py::test_a_provider_answers_streamed_and_not",
    ),
    "gemini.proxy": (f"{OF_WEBAI}gemini_accounts.py::test_the_page_is_asked_through_the_proxy_that_is_set",),
    "gemini.ca": (f"{OF_WEBAI}gemini_accounts.py::test_the_page_must_show_a_certificate_of_the_ca_that_is_set",),
    "gemini.accounts.NAME.secure_1psid": (
        f"{OF_WEBAI}accounts.py::test_newer_cookies_in_the_settings_replace_those_that_are_kept",
    ),
    "gemini.accounts.NAME.secure_1psidts": (
        f"{OF_WEBAI}accounts.py::test_newer_cookies_in_the_settings_replace_those_that_are_kept",
    ),
    "gemini.thinking": (f"{OF_WEBAI}chat_request.py::test_effort_asks_for_thinking",),
    "fallback.custom.NAME.base_url": (f"{OF_WEBAI}free_package.py::test_a_provider_answers_streamed_and_not",),
    "files.most": (f"{OF_WEBAI}chat_request.py::test_files_have_limits",),
    "files.each": (f"{OF_WEBAI}chat_request.py::test_files_have_limits",),
    "files.together": (f"{OF_WEBAI}chat_request.py::test_files_have_limits",),
}
"""What the WebAI service reads."""
WATCH, CLI = "tests/services/healthwatch/test_", "tests/router/cli/test_own_programs.py"
RUN = "tests/router/cli/test_own_programs_run.py"
SUPERVISION: Mapping[str, tuple[str, ...]] = {
    "enabled": (f"{CLI}::test_they_and_healthwatch_are_wanted_as_the_settings_say",),
    "port": (f"{CLI}::test_they_and_healthwatch_are_wanted_as_the_settings_say",),
    "every": (f"{WATCH}watch.py::test_the_plan_follows_the_settings_of_the_router",),
    "again": (f"{WATCH}judge.py::test_two_failures_in_a_row_and_not_one",),
    "failures": (f"{WATCH}judge.py::test_two_failures_in_a_row_and_not_one",),
    "grace": (f"{WATCH}judge.py::test_what_is_left_alone",),
    "most_per_hour": (f"{WATCH}judge.py::test_after_so_many_in_an_hour_it_is_only_told_and_once",),
    "disk_free": (f"{WATCH}watch.py::test_a_full_disk_is_said",),
}
OWN: Mapping[str, tuple[str, ...]] = {
    "name": (f"{CLI}::test_files_follow_the_settings_and_supervisord_follows_the_files",),
    "command": (f"{CLI}::test_every_word_of_a_command_arrives_as_it_is",),
    "url": (f"{CLI}::test_they_and_healthwatch_are_wanted_as_the_settings_say",),
    "relay": (f"{RUN}::test_status_tells_of_a_program_that_should_be_connected_and_is_not",),
    "stop_seconds": (f"{RUN}::test_a_program_is_killed_when_it_has_not_stopped_in_its_time",),
    "readyz": (f"{WATCH}watch.py::test_one_of_the_operators_own_is_known_by_its_readyz_alone",),
}
"""The programs that run beside the router."""
CERTIFICATE = f"{SERVER}test_tls.py::test_https_answers_and_a_changed_certificate_counts_for_new_connections"

PROOFS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(CASES, (FLIPPED,)),
        "server.host": (MAPPED, ADDRESS),
        "server.port": (MAPPED, f"{SERVER}test_parent.py::test_a_changed_port_is_taken_over_by_the_replacement"),
        "server.workers": (ONE_VALUE,),
        "auth.store": (ONE_VALUE,),
        "providers.aistudio.service.command": (OLD_COMMAND,),
        "providers.webai.service.command": (OLD_COMMAND,),
        "server.state_dir": (f"{API}test_affinity.py::test_makers_are_remembered_over_a_restart",),
        "server.tls.cert": (MAPPED, CERTIFICATE),
        "server.tls.key": (MAPPED, CERTIFICATE),
        "server.limits.header_bytes": (MAPPED, f"{SERVER}test_run.py::test_a_head_that_is_too_large_is_a_431"),
        "server.timeouts.header": (MAPPED, f"{SERVER}test_run.py::test_a_request_head_that_drips_is_cut_off"),
        "server.timeouts.keep_alive": (MAPPED, f"{SERVER}test_run.py::test_an_idle_connection_is_closed"),
        "server.timeouts.drain": (MAPPED, f"{SERVER}test_run.py::test_at_the_deadline_a_call_writes_its_own_error"),
        "server.timeouts.content_stall": (f"{API}test_midstream.py::test_keep_alives_alone_do_not_hold_a_stream_open",),
        "providers.vertex.service_account_files": (
            f"{API}test_side_surfaces.py::test_vertex_exchanges_its_service_account_once_for_many_calls",
        ),
        "models.routing[].resume": (f"{API}test_rescue.py::test_who_wants_the_error_gets_it",),
        **{
            f"models.routing[].{name}": (f"{API}test_route_limits.py::test_a_rule_says_{test}",)
            for name, test in {
                "first_token": "how_long_a_first_token_may_take",
                "max_attempts": "how_often_it_is_tried",
                "deadline": "when_no_further_attempt_begins",
                "idle": "how_long_a_stream_may_be_silent",
                "total": "how_long_a_call_may_take",
            }.items()
        },
        "models.routing[].hedge": (f"{API}test_hedging.py::test_a_rule_has_its_own_word",),
        "network.proxy": (
            f"{API}test_network.py::test_the_proxy_for_all_counts_where_none_is_named_and_follows_a_reload",
            f"{API}test_network.py::test_the_environment_counts_behind_the_settings",
        ),
        "network.no_proxy": (
            f"{API}test_network.py::test_the_proxy_for_all_counts_where_none_is_named_and_follows_a_reload",
        ),
        "models.routing[].cache": (f"{API}test_cache.py::test_a_rule_says_whether_its_calls_are_kept",),
        "retry.hedge": (
            f"{API}test_hedging.py::test_the_second_target_answers_where_the_first_is_slow",
            f"{API}test_hedging.py::test_without_it_the_first_target_is_waited_for",
        ),
        "retry.resume": (
            f"{API}test_rescue.py::test_who_wants_the_error_gets_it",
            f"{API}test_rescue.py::test_what_only_looks_like_a_rest_is_taken_where_that_is_wanted",
        ),
        "models.routing[].grace": (
            f"{API}test_route_grace.py::test_the_grace_of_a_rule_counts_for_its_calls_and_may_be_changed",
        ),
        "relay.max_message_bytes": (
            MAPPED,
            f"{API}test_relay_door.py::test_the_largest_message_is_told_and_a_larger_one_ends_the_session",
        ),
        "relay.arrival_wait": (
            f"{API}test_arrivals.py::test_a_call_waits_for_a_service_that_is_about_to_come",
            f"{API}test_relay.py::test_without_a_service_the_reason_is_told",
        ),
        **{
            f"auth.keys[].limits.{name}": (f"{API}test_key_limits.py::{test}",)
            for name, test in {
                "requests_per_minute": "test_the_limit_of_a_minute_is_told_in_every_dialect",
                "tokens_per_minute": "test_tokens_are_counted_as_the_provider_says",
                "tokens_per_day": "test_tokens_are_counted_as_the_provider_says",
                "tokens_per_month": "test_tokens_are_counted_as_the_provider_says",
                "usd_per_day": "test_money_by_the_price_table",
                "usd_per_month": "test_money_by_the_price_table",
                "soft": "test_what_is_nearly_reached_is_told_in_a_header",
            }.items()
        },
        "usage.unreadable": (
            f"{API}test_key_limits.py::test_while_the_ledger_cannot_be_read_it_is_told_and_the_settings_decide",
        ),
        "auth.dir": (f"{SIGN_INS}test_accounts_come_from_the_folder_that_is_set",),
        "providers.llmux.claude_pro.enabled": (f"{SIGN_INS}test_a_subscription_serves_only_while_it_is_turned_on",),
        "providers.llmux.claude_pro.client_secret": (f"{SIGN_INS}test_the_secret_of_the_client_decides_a_sign_in",),
        "providers.llmux.claude_pro.client_secret_file": (
            f"{SIGN_INS}test_the_secret_of_the_client_decides_a_sign_in",
        ),
        "providers.llmux.claude_pro.sign_in": (f"{SIGN_INS}test_facts_of_a_sign_in_follow_the_settings_at_once",),
        **{
            f"providers.aistudio.{path}": (f"{AISTUDIO}test_{test.replace('::', '_in_browser.py::')}",)
            for path, test in IN_BROWSER.items()
        },
        "providers.aistudio.health_host": (
            f"{AISTUDIO}test_main.py::test_it_says_how_it_is_where_the_settings_want_it",
            "tests/router/cli/test_services.py::test_a_service_is_asked_where_it_listens",
        ),
        "providers.aistudio.browser.engine": (
            f"{AISTUDIO}test_small_parts.py::test_an_engine_that_is_missing_says_what_to_do",
            f"{AISTUDIO}test_small_parts.py::test_a_preferred_browser_that_is_missing_gives_way_and_says_so",
        ),
        "providers.aistudio.browser.sandbox": (
            f"{AISTUDIO}test_sandbox.py::test_the_setting_the_user_and_the_machine_decide",
            f"{AISTUDIO}test_sandbox.py::test_playwright_is_told_and_a_sandbox_that_fails_is_named",
        ),
        "providers.aistudio.browser.type": (
            f"{AISTUDIO}test_small_parts.py::test_a_preferred_browser_that_is_missing_gives_way_and_says_so",
            f"{AISTUDIO}test_small_parts.py::test_the_engine_wins_over_the_type_where_camoufox_is_a_preference",
        ),
        "providers.aistudio.relay.key_file": (
            f"{AISTUDIO}test_beside.py::test_what_is_given_wins_and_relative_paths_start_at_the_checkout",
        ),
        "providers.aistudio.relay.ca": (
            "tests/services/link/test_dialling.py::test_tls_takes_a_certificate_of_the_given_ca_and_no_other",
        ),
        **{f"supervision.{path}": tests for path, tests in SUPERVISION.items()},
        **{f"services[].{path}": tests for path, tests in OWN.items()},
        **{f"providers.webai.{path}": tests for path, tests in WEBAI.items()},
        "providers.aistudio.timeouts.stalled": (
            f"{AISTUDIO}test_signs.py::test_a_pool_whose_holders_do_nothing_is_stuck_after_the_time_that_is_set",
        ),
        "providers.aistudio.service.start": (
            "tests/router/cli/test_services.py::test_a_service_is_wanted_where_it_is_on_and_can_run",
        ),
        "policies.stored_responses.enabled": (STORED,),
        "policies.stored_responses.max_bytes": (STORED,),
        "policies.stored_responses.ttl": (
            f"{API}test_effects.py::test_stored_answers_live_as_long_as_the_settings_say",
        ),
        "observe.level": (f"{API}test_reload.py::test_the_log_level_changes_at_once",),
        "observe.format": (f"{API}test_observability.py::test_each_request_is_one_json_object_where_that_is_set",),
    }
)  # fmt: skip
"""Setting -> node ids of the black-box tests that fail where it has no effect."""


def settings() -> dict[str, str]:
    """Every setting of the reference with its effect. What several blocks share stands there once."""
    rows = re.findall(r"^\| `([^`…]+)` \|.*\| (reload|restart) \|$", describe(), re.MULTILINE)
    assert len(rows) > 80
    return dict(rows)


def test_every_setting_is_proved_and_nothing_else_is() -> None:
    known = set(settings())
    assert known - set(PROOFS) == set(), "settings without a proof of their effect"
    assert set(PROOFS) - known == set(), "proofs of settings that are gone"


def test_what_is_flipped_on_a_running_router_is_what_applies_on_reload() -> None:
    effects = settings()
    assert {path for path in CASES if effects[path] != "reload"} == set()
    assert {path for path in effects if effects[path] == "restart" and PROOFS.get(path) == (FLIPPED,)} == set()


@pytest.mark.parametrize("node", sorted({node for nodes in PROOFS.values() for node in nodes}))
def test_each_proof_is_a_test_that_exists(node: str) -> None:
    file, _, name = node.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_servers_own_settings_follow_the_schema() -> None:
    changed = Settings.model_validate(
        {
            "server": {
                "host": "::1",
                "port": 4711,
                "tls": {"cert": "/c.pem", "key": "/k.pem"},
                "limits": {"header_bytes": 5000},
                "timeouts": {"drain": 1.5, "header": 2.5, "keep_alive": 3.5},
            },
            "relay": {"max_message_bytes": 2_000_000},
        }
    )
    made = server_settings(changed)
    assert (made.host, made.port) == ("::1", 4711)
    assert (made.tls_cert, made.tls_key) == (Path("/c.pem"), Path("/k.pem"))
    assert (made.header_bytes, made.socket_bytes) == (5000, 2_000_000)
    assert (made.drain_seconds, made.header_seconds, made.keep_alive_seconds) == (1.5, 2.5, 3.5)
