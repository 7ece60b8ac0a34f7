"""For the tool (``SCHEMATHESIS_HOOKS``): a key of a role does what the description lets it, and nothing else."""

from __future__ import annotations

import json
import os

import schemathesis

ROLES = ("viewer", "operator", "admin")
KEYS: dict[str, str] = json.loads(os.environ["KEYS"])
"""Role -> key; the tool itself sends the viewer's."""


@schemathesis.check  # type: ignore[untyped-decorator, unused-ignore]
def roles_are_enforced(ctx: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """403 with the role that is needed, exactly where the key's own is less; and the same request with the others."""
    _judge("viewer", response.status_code, response.text, case)
    for role in KEYS.keys() - {"viewer"}:
        again = case.call(headers={"authorization": f"Bearer {KEYS[role]}"})
        assert again.status_code < 500 or again.status_code in (502, 503), f"{role} got {again.status_code}"
        _judge(role, again.status_code, again.text, case)


def _judge(role: str, status: int, text: str, case: schemathesis.Case) -> None:
    described = case.operation.definition.raw
    need = described["description"].removeprefix("Needs the role ").removesuffix(".")
    if described.get("security") == [] or status in (404, 405):
        return  # the key stands in the body; a made-up path is nobody's
    refused = status == 403 and f"needs the role {need}" in text
    enough = ROLES.index(role) >= ROLES.index(need)
    assert refused is not enough, f"{role} got {status} from {case.method} {case.path}, which needs {need}"
