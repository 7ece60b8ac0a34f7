"""The one error type."""

from __future__ import annotations

import pytest

from router.faults import KINDS, MEANINGS, Fault, bad_request


def test_every_kind_has_a_meaning_and_nothing_else_has() -> None:
    assert set(MEANINGS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_the_upstream_is_shown_as_a_401(kind: str) -> None:
    fault = Fault(kind, "text", status=401)  # type: ignore[arg-type]
    assert (fault.http_status == 401) == (kind == "unauthenticated")


def test_a_request_fault_keeps_the_providers_own_status() -> None:
    assert Fault("bad_request", "no", status=422).http_status == 422
    assert Fault("bad_request", "no").http_status == 400
    assert Fault("upstream_broken", "no", status=418).http_status == 502


def test_a_mistake_names_its_path_in_the_repr_and_in_param() -> None:
    fault = bad_request("messages[3]: unknown role.", "messages[3].role")
    assert fault.param == "messages[3].role"
    assert "at messages[3].role" in repr(fault)
    assert str(fault) == "messages[3]: unknown role."
