"""Whoever manages, for tests: with the key, or in a session of a browser."""

from __future__ import annotations

from typing import Any

from tests.router.api.harness import MANAGEMENT, Answer, Running

P = "/v0/management"
AUTH = "/v1/auth"


def placed(path: str) -> str:
    """The whole path."""
    return path if path.startswith(AUTH) else P + path


async def manage(
    router: Running, method: str, path: str, body: Any = None, *, key: str = MANAGEMENT, **headers: str | None
) -> Answer:
    """One request with a key. path: below `P`, or a whole one below `AUTH`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await router.send(placed(path), body, method=method, headers={"authorization": f"Bearer {key}", **named})


class Browser:
    """A session: it sends the cookie and no key."""

    def __init__(self, router: Running, answer: Answer) -> None:
        assert answer.status == 200, answer.body
        self.router = router
        self.set_cookie = answer.headers["set-cookie"]
        self.cookie = self.set_cookie.partition(";")[0]
        self.csrf = answer.json["csrf"]

    async def send(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        sent = {"cookie": self.cookie, "x-switchyard-csrf": self.csrf, "authorization": None}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.router.send(placed(path), body, method=method, headers=sent)


async def opened(router: Running, key: str = MANAGEMENT) -> Browser:
    """A new session."""
    answer = await router.send(f"{P}/session", {"key": key}, headers={"authorization": None})
    return Browser(router, answer)


async def made_key(router: Running, name: str, scope: str) -> str:
    """A new key of the database."""
    answer = await manage(router, "POST", "/keys", {"name": name, "scope": scope})
    assert answer.status == 200, answer.body
    return str(answer.json["key"])
