"""What a key may do in management: look, run things, or everything. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from router.access.keys import ClientKey, Scope

Role: TypeAlias = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most: each may do what those before it may."""
ROLE_OF: Mapping[Scope, Role] = MappingProxyType({"viewer": "viewer", "operator": "operator", "management": "admin"})


def role_of(key: ClientKey) -> Role | None:
    """The highest role that the scopes of a key give; None where it may not manage at all."""
    roles = [ROLE_OF[scope] for scope in key.scopes if scope in ROLE_OF]
    return max(roles, key=ROLES.index, default=None)


def covers(role: Role, need: Role) -> bool:
    """Whether a role may do what needs `need`."""
    return ROLES.index(role) >= ROLES.index(need)
