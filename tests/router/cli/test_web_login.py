"""``switchyard login webai``: cookies come from a prompt or from stdin, go to the gateway, and are shown nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from router.cli import login_command, web_login
from router.cli.login_command import Wishes
from router.cli.talk import Place, Refused, Unreachable
from router.cli.terminal import Terminal


class Person(Terminal):
    """Types these answers, or has them on stdin."""

    def __init__(self, *answers: str, typing: bool = True) -> None:
        super().__init__()
        self.answers = list(answers)
        self.typing = typing
        self.said: list[str] = []

    @property
    def interactive(self) -> bool:
        return self.typing

    def secret(self, prompt: str) -> str:
        return self.answers.pop(0)

    def say(self, text: str) -> None:
        self.said.append(text)


class Gateway:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, place: Place, method: str, path: str, body: Any, *, timeout: float) -> Any:
        self.asked.append((method, path, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("person", [Person("one ", "two"), Person("one\ntwo\n", typing=False)])
def test_cookies_go_to_the_gateway(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway({"name": "work", "state": "ready"})
    assert web_login.login("work", False, terminal=person, ask=gateway) == 0
    body = {"account": "work", "secure_1psid": "one", "secure_1psidts": "two"}
    assert gateway.asked == [("POST", "/v1/auth/webai", body)]
    assert capsys.readouterr().out == "work\n"
    assert not [said for said in person.said if "one" in said.split() or "two" in said.split(":")]


@pytest.mark.parametrize(
    ("answer", "code"), [(Refused("the gateway answered 401: not accepted", {}), 1), (Unreachable("nobody"), 3)]
)
def test_a_refusal_is_said(answer: Exception, code: int) -> None:
    person = Person("one", "")
    assert web_login.login(None, False, terminal=person, ask=Gateway(answer)) == code
    assert str(answer) in person.said


def test_nothing_is_asked_for_without_a_cookie() -> None:
    gateway = Gateway(None)
    assert web_login.login(None, False, terminal=Person("", typing=False), ask=gateway) == 1
    assert gateway.asked == []


def test_the_command_knows_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    monkeypatch.setattr(web_login, "login", lambda *words, **more: called.append(words) or 0)
    for name in web_login.NAMES:
        assert login_command.login(name, Wishes(label="work"), None) == 0
    assert called == [("work", False, None)] * 2
