from __future__ import annotations

import pytest

from router.faults import Kind
from router.wire.chat import SPEC as CHAT
from router.wire.gemini import SPEC as GEMINI
from router.wire.messages import SPEC as MESSAGES
from router.wire.responses import SPEC as RESPONSES
from router.wire.statuses import kind_of

CASES: list[tuple[int, Kind]] = [
    (400, "bad_request"), (401, "upstream_auth"), (402, "quota_spent"), (403, "refused"), (404, "not_found"),
    (405, "not_found"), (408, "timeout"), (409, "conflict"), (413, "too_large"), (418, "bad_request"),
    (422, "bad_request"), (425, "overloaded"), (429, "rate_limited"), (499, "bad_request"), (500, "upstream_broken"),
    (501, "upstream_broken"), (502, "upstream_broken"), (503, "overloaded"), (504, "timeout"), (524, "timeout"),
    (529, "overloaded"), (599, "upstream_broken"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), CASES)
def test_a_bare_status_means_the_same_in_every_dialect(status: int, kind: Kind) -> None:
    assert kind_of(status) == kind
    for spec in (CHAT, RESPONSES, MESSAGES, GEMINI):
        assert spec.read_fault(status, {}, b"").kind == kind


def test_what_is_no_error_status_is_a_broken_provider() -> None:
    assert {kind_of(status) for status in (0, 200, 302, 399, 600)} == {"upstream_broken"}
