"""The device flow as values: requests, answers, and how long to wait between two polls. Pure.

RFC 8628; OpenID Connect Discovery for its endpoints; and the style ``openai``, whose poll gives an authorisation code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from router.accounts import oauth
from router.accounts.asking import Reply
from router.accounts.login.pkce import challenge
from router.accounts.oauth import Tokens, TokenTrouble
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import DeviceFlow, SignIn, TokenEndpoint
from router.version import USER_AGENT
from router.wire import codec

SLOWER = 5.0
"""Seconds that ``slow_down`` adds, for good (RFC 8628, 3.5)."""
LONGEST_PAUSE = 60.0
"""Seconds between two polls while the provider cannot be reached, at most."""
_LONGEST_CODE = 64
_PENDING = (403, 404)  # what the style ``openai`` answers while the person has not confirmed yet
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Endpoints(Struct, frozen=True):
    """Where one provider's device flow is asked. token_url: None where the facts say it."""

    device_url: str
    token_url: str | None = None


class Begun(Struct, frozen=True, kw_only=True):
    """What the person has to do. user_code: shown exactly as it is. expires_at: Unix seconds. interval: seconds."""

    device_code: Secret
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None = None
    expires_at: float
    interval: float


class Grant(Struct, frozen=True):
    """The style ``openai``: what the poll gives is a code, and the verifier that goes with it."""

    code: Secret
    verifier: Secret


class Pace(Struct, frozen=True):
    """How fast to poll. interval: seconds, by the provider. failures: polls in a row that got no answer."""

    interval: float
    failures: int = 0

    @property
    def pause(self) -> float:
        """Seconds to wait before the next poll: doubled for every failure (RFC 8628, 3.5)."""
        if self.failures == 0:
            return self.interval
        return float(max(self.interval, min(LONGEST_PAUSE, self.interval * 2 ** min(self.failures, 10))))

    def after(self, outcome: Outcome) -> Pace:
        """The pace after a poll that gave nothing."""
        if outcome == "slow_down":
            return Pace(self.interval + SLOWER)
        return Pace(self.interval) if outcome == "pending" else Pace(self.interval, self.failures + 1)


Outcome: TypeAlias = Literal["pending", "slow_down", "unreachable"]


def discovery_request(device: DeviceFlow) -> HttpRequest | None:
    """OIDC Discovery 4.1; None where the facts name the endpoints."""
    if device.discovery_url is None:
        return None
    return HttpRequest("GET", device.discovery_url, _headers())


def read_discovery(reply: Reply, device: DeviceFlow) -> Endpoints:
    """The endpoints of a discovery document, each checked. Raises `TokenTrouble`."""
    answer = oauth.read_object(reply)
    if reply.status != 200 or answer is None:
        raise TokenTrouble("transient", f"the discovery document could not be read (status {reply.status})")
    device_url = checked_endpoint(answer.get("device_authorization_endpoint"), device)
    return Endpoints(device_url, checked_endpoint(answer.get("token_endpoint"), device))


def checked_endpoint(url: Any, device: DeviceFlow) -> str:
    """`url` if it may be trusted with a sign-in: https, within the domain of the facts. Raises `TokenTrouble`.

    A discovery document on this very machine (an operator's own, or a test's) may name this machine, without https.
    """
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        host = parts.hostname if parts is not None else None
    except ValueError:
        parts, host = None, None
    if parts is not None and host is not None and "@" not in parts.netloc and parts.netloc.isprintable():
        domain = (device.discovery_domain or urlsplit(device.discovery_url or "").hostname or "").lower()
        if parts.scheme == "https" and (host == domain or host.endswith(f".{domain}")):
            return str(url)
        if host in _LOOPBACK and urlsplit(device.discovery_url or "").hostname in _LOOPBACK:
            return str(url)
    raise TokenTrouble("misconfigured", "the discovery document names an endpoint outside the provider's own domain")


def with_token_url(sign_in: SignIn, token_url: str | None) -> SignIn:
    """The facts with a token endpoint that was discovered; those that have one keep it."""
    if token_url is None or sign_in.token is not None:
        return sign_in
    return replace(sign_in, token=TokenEndpoint(url=token_url))


def begin_request(sign_in: SignIn, device_url: str, verifier: Secret | None) -> HttpRequest:
    """RFC 8628, 3.1."""
    device = device_flow(sign_in)
    fields = {"client_id": sign_in.client_id}
    if device.style == "openai":
        body = codec.dumps(fields)
        return HttpRequest("POST", device_url, _headers("application/json"), body)
    if device.scopes:
        fields["scope"] = " ".join(device.scopes)
    if verifier is not None:
        fields |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    return HttpRequest("POST", device_url, _headers("application/x-www-form-urlencoded"), urlencode(fields).encode())


def read_begun(reply: Reply, device: DeviceFlow) -> Begun:
    """RFC 8628, 3.2. Raises `TokenTrouble`; the addresses that a person is sent to are looked at."""
    answer = oauth.read_object(reply)
    code = _text(answer, "device_code", "device_auth_id")
    user_code = _text(answer, "user_code", "usercode")
    address = web_address(_text(answer, "verification_uri", "verification_url") or device.verification_uri)
    if answer is None or code is None or user_code is None or reply.status >= 400:
        raise oauth.trouble(reply, answer)
    if address is None or len(user_code) > _LONGEST_CODE or not user_code.isprintable():
        raise TokenTrouble("misconfigured", "the provider's answer has no address and code that can be shown")
    life = _number(answer.get("expires_in"), device.longest)
    return Begun(
        device_code=Secret(code),
        user_code=user_code,
        verification_uri=address,
        verification_uri_complete=web_address(_text(answer, "verification_uri_complete")),
        expires_at=reply.began + min(life, device.longest),
        interval=max(1.0, _number(answer.get("interval"), device.interval)),
    )


def poll_request(sign_in: SignIn, device_code: Secret, user_code: str, verifier: Secret | None) -> HttpRequest:
    """RFC 8628, 3.4. sign_in: with its token endpoint."""
    device = device_flow(sign_in)
    if device.style == "openai":
        fields = {"device_auth_id": device_code.reveal(), "user_code": user_code}
        return HttpRequest("POST", device.poll_url or "", _headers("application/json"), codec.dumps(fields))
    return oauth.device_token(sign_in, device_code, verifier.reveal() if verifier is not None else None)


def read_poll(reply: Reply, device: DeviceFlow) -> Tokens | Grant | Outcome:
    """RFC 8628, 3.5. Raises `TokenTrouble` where the flow is over: denied, expired, or an error that nobody knows."""
    if device.style == "openai":
        return _read_grant(reply)
    try:
        return oauth.read_tokens(reply)
    except TokenTrouble as trouble:
        return _outcome(trouble, reply)


def _read_grant(reply: Reply) -> Grant | Outcome:
    answer = oauth.read_object(reply)
    code, verifier = _text(answer, "authorization_code"), _text(answer, "code_verifier")
    if reply.status == 200 and code is not None and verifier is not None:
        return Grant(Secret(code), Secret(verifier))
    if reply.status in _PENDING:
        return "pending"
    return _outcome(oauth.trouble(reply, answer), reply)


def _outcome(trouble: TokenTrouble, reply: Reply) -> Outcome:
    if trouble.trouble == "pending":
        return "pending"
    if trouble.trouble == "slow_down":
        return "slow_down"
    answer = oauth.read_object(reply)
    passing = reply.status in (408, 429) or reply.status >= 500 or answer is None
    if trouble.trouble == "transient" and passing:
        return "unreachable"
    raise trouble


def device_flow(sign_in: SignIn) -> DeviceFlow:
    """The facts of the flow. Raises `ValueError` where there is none."""
    if sign_in.device is None:
        raise ValueError(f"{sign_in.title} has no sign-in with a code at another device")
    return sign_in.device


def web_address(text: str | None) -> str | None:
    """`text` if a browser may be sent there: https, or http on this machine. A provider must not open files."""
    if text is None or not (text.isascii() and text.isprintable()) or " " in text or len(text) > 2048:
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    return text if host and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)) else None


def _headers(content_type: str | None = None) -> dict[str, str]:
    headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": USER_AGENT}
    if content_type is not None:
        headers["content-type"] = content_type
    return headers


def _text(answer: Mapping[str, Any] | None, *names: str) -> str | None:
    values = (answer.get(name) for name in names) if answer is not None else ()
    return next((value for value in values if isinstance(value, str) and value), None)


def _number(value: Any, otherwise: float) -> float:
    """A number that is more than nothing; some vendors send it as a text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        return otherwise
    return float(value)
