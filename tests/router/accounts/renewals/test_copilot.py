"""GitHub's token makes Copilot's: lifetimes, addresses, and what GitHub's errors mean."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from router.accounts.asking import Ask, Reply
from router.accounts.credential import Credential
from router.accounts.oauth import TokenTrouble
from router.accounts.renewals import copilot
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins
from router.wire import codec

NOW = 1_800_000_000.0
FACTS = shipped_sign_ins()["copilot"]
ACCOUNT = Credential(provider="copilot", label="ada", refresh=Secret("ghu_ada"))


def answering(status: int, answer: Any, asked: list[HttpRequest] | None = None, **headers: str) -> Ask:
    async def ask(request: HttpRequest) -> Reply:
        if asked is not None:
            asked.append(request)
        body = answer if isinstance(answer, bytes) else codec.dumps(answer)
        return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, NOW)

    return ask


async def test_githubs_token_goes_into_a_header_and_stays() -> None:
    asked: list[HttpRequest] = []
    renewed = await copilot.renew(FACTS, ACCOUNT, answering(200, {"token": "t", "refresh_in": 1500}, asked))
    assert (renewed.access, renewed.refresh, renewed.persist) == (Secret("t"), None, False)
    assert renewed.expires_at == NOW + 1800
    assert asked[0].headers["authorization"] == "token ghu_ada"
    assert "ghu_ada" not in asked[0].url


@pytest.mark.parametrize(
    ("told", "date", "seconds"),
    [
        ({"expires_at": NOW + 1700}, None, 1700),
        ({"expires_at": NOW + 1700 + 4000}, NOW + 4000, 1700),
        ({"refresh_in": 1200, "expires_at": NOW + 9999}, None, 1500),
        ({"refresh_in": 0, "expires_at": "soon"}, None, 600),
        ({"refresh_in": True}, None, 600),
    ],
)
async def test_the_life_is_by_our_clock(told: dict[str, Any], date: float | None, seconds: float) -> None:
    headers = {} if date is None else {"date": formatdate(date, usegmt=True)}
    renewed = await copilot.renew(FACTS, ACCOUNT, answering(200, {"token": "t", **told}, **headers))
    assert renewed.expires_at == NOW + seconds


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://api.individual.githubcopilot.com", True),
        ("https://api.business.githubcopilot.com", True),
        ("http://api.individual.githubcopilot.com", False),
        ("https://githubcopilot.com.evil.example", False),
        ("https://evilgithubcopilot.com", False),
        ("https://a@githubcopilot.com", False),
        ("https://[", False),
        (7, False),
    ],
)
async def test_an_address_is_taken_from_the_providers_own_domain_alone(address: Any, taken: bool) -> None:
    renewed = await copilot.renew(FACTS, ACCOUNT, answering(200, {"token": "t", "endpoints": {"api": address}}))
    assert renewed.facts == ({"base_url": address} if taken else {})


@pytest.mark.parametrize(
    ("status", "answer", "headers", "trouble"),
    [
        (401, {"message": "Bad credentials"}, {}, "dead"),
        (403, {"message": "Resource not accessible by integration"}, {}, "denied"),
        (404, {"message": "Not Found"}, {}, "denied"),
        (403, {"message": "API rate limit exceeded"}, {"x_ratelimit_remaining": "0"}, "transient"),
        (403, {"message": "secondary rate limit"}, {"retry_after": "60"}, "transient"),
        (403, b"<html>", {}, "transient"),
        (401, b"", {}, "transient"),
        (200, {"tokens": []}, {}, "transient"),
        (200, {"token": ""}, {}, "transient"),
        (500, {"message": "oops"}, {}, "transient"),
        (502, b"<html>", {}, "transient"),
    ],
)
async def test_githubs_errors(status: int, answer: Any, headers: dict[str, str], trouble: str) -> None:
    with pytest.raises(TokenTrouble) as caught:
        await copilot.renew(FACTS, ACCOUNT, answering(status, answer, **headers))
    assert caught.value.trouble == trouble
    assert caught.value.retry_after == (60 if "retry_after" in headers else None)
    assert not caught.value.unknown
