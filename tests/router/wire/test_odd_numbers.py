"""Numbers that came as text: what is no number, or too long for one, breaks nothing."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire import schema
from router.wire.gemini import SPEC
from router.wire.gemini.partial_args import PartialArguments
from router.wire.openai_errors import from_error
from tests.router.wire.gemini.frames import frame, read

LONG = "9" * 5000


def asked(**config: Any) -> Any:
    return SPEC.read_request({"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": config}, "m", False)


@pytest.mark.parametrize("text", [LONG, "--5", "-", "", "5-", "1_000", "\u0663"])
@pytest.mark.parametrize("key", ["maxOutputTokens", "temperature"])
def test_text_that_is_no_number_is_refused_with_its_path(key: str, text: str) -> None:
    with pytest.raises(Fault) as caught:
        asked(**{key: text})
    assert caught.value.param == f"generationConfig.{key}"


def test_decimal_texts_are_numbers_as_proto_json_has_it() -> None:
    assert (asked(maxOutputTokens="12").max_tokens, asked(seed="-3").sampling.seed) == (12, -3)


def test_a_counter_without_an_end_counts_nothing() -> None:
    events = read(frame({"text": "x"}, finish="STOP") | {"usageMetadata": {"promptTokenCount": LONG}})
    assert [getattr(event, "text", None) for event in events][1] == "x"


def test_a_place_without_an_end_is_ignored() -> None:
    partial = PartialArguments()
    partial.add({"jsonPath": f"$.a[{LONG}]", "stringValue": "x"})
    assert partial.value == {}


def test_a_pointer_without_an_end_points_at_nothing() -> None:
    given = {"anyOf": [{"type": "string"}], "$ref": f"#/anyOf/{LONG}"}
    assert LONG[:50] in schema.for_openapi(given)["description"]


@pytest.mark.parametrize("code", [LONG, "\u00b2", "\u0663x"])
def test_a_code_that_is_no_status_breaks_no_error(code: str) -> None:
    assert from_error({"message": "m", "code": code}).kind == "upstream_broken"
    assert from_error({"message": "m", "code": "429"}).kind == "rate_limited"
