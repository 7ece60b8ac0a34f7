from __future__ import annotations

import pytest

from router.wire.responses import SPEC

CREATED = (
    b'{"type":"response.created","sequence_number":0,'
    b'"response":{"id":"r","n":1.0e2,"model":"up","tools":[{"model":"x"}]}}'
)


def test_the_model_of_a_lifecycle_event_is_renamed_and_nothing_else() -> None:
    assert SPEC.rename_model(CREATED, "shown") == CREATED.replace(b'"model":"up"', b'"model":"shown"')


def test_the_model_of_an_unstreamed_body_is_renamed() -> None:
    body = b'{"id":"r","model":"up","output":[{"model":"inner"}],"f":1.50}'
    assert SPEC.rename_model(body, "shown") == b'{"id":"r","model":"shown","output":[{"model":"inner"}],"f":1.50}'


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"response.output_text.delta", "delta":"the \\"model\\": x"}',
        b'{"type":"response.output_item.done","item":{"type":"image_generation_call","model":"gpt-image"}}',
        b'{"type":"response.completed","response":{"id":"r","tools":[{"model":"x"}]}}',
        b"[DONE]",
        b'not json "model"',
    ],
)
def test_everything_else_keeps_its_bytes(data: bytes) -> None:
    assert SPEC.rename_model(data, "shown") == data


def test_the_dialect_is_named_and_tolerates_comments() -> None:
    assert (SPEC.name, SPEC.id_prefix) == ("responses", "resp_")
    assert SPEC.heartbeat.startswith(b":")
    assert SPEC.heartbeat.endswith(b"\n\n")
