"""The token endpoint: codes, refresh tokens and device codes become tokens, each under the vendor's own rules."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.simulators.authorisation import people
from tests.simulators.authorisation.grants import Family, Granted, Grants, Reuse
from tests.simulators.authorisation.people import Person
from tests.simulators.authorisation.refusals import dead_refresh_token, refused
from tests.simulators.authorisation.vendors import SECRET, Vendor
from tests.simulators.connection import Request

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def fields_of(vendor: Vendor, request: Request) -> dict[str, str]:
    """The fields of a request in the one encoding that the vendor takes. Raises `Refusal`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    wanted = "application/json" if vendor.body == "json" else "application/x-www-form-urlencoded"
    if kind != wanted:
        raise refused(vendor, "invalid_request", f"the body must be {wanted}, not {kind or 'without a type'}")
    try:
        pairs = list(json.loads(request.body).items()) if vendor.body == "json" else _form(request.body)
    except (ValueError, AttributeError):
        raise refused(vendor, "invalid_request", "the body cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs) or not all(isinstance(value, str) for value in fields.values()):
        raise refused(vendor, "invalid_request", "a field comes twice or is no text")
    return fields


def _form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)


def check_client(vendor: Vendor, request: Request, fields: Mapping[str, str]) -> None:
    """Raises `Refusal` invalid_client."""
    problem = None
    if vendor.auth == "basic":
        pair = base64.b64encode(f"{vendor.client_id}:{SECRET}".encode()).decode()
        if not hmac.compare_digest(request.headers.get("authorization", ""), f"Basic {pair}"):
            problem = "the client's name and secret belong in the Authorization header"
    elif "authorization" in request.headers:
        problem = "no Authorization header is wanted here"
    if vendor.auth == "body" and fields.get("client_secret") != SECRET:
        problem = "the client secret is wrong"
    if vendor.auth == "none" and "client_secret" in fields:
        problem = "a public client has no secret"
    if fields.get("client_id") != vendor.client_id and not (vendor.auth == "basic" and "client_id" not in fields):
        problem = "the client is unknown"
    if problem is not None:
        raise refused(vendor, "invalid_client", problem)


class TokenEndpoint:
    """Answers for all vendors. `grants`: what is granted. `wall`: the server's clock, drift included."""

    def __init__(self, grants: Grants, wall: Callable[[], float]) -> None:
        self._grants = grants
        self._wall = wall

    def answer(self, sign_in: str, vendor: Vendor, request: Request, fields: Mapping[str, str]) -> dict[str, Any]:
        """The JSON of a good answer. Raises `Refusal`."""
        check_client(vendor, request, fields)
        grant = fields.get("grant_type")
        if grant == "authorization_code" and ("authorize" in vendor.paths or "poll" in vendor.paths):
            return self._code(sign_in, vendor, fields)
        if grant == "refresh_token" and vendor.refreshes:
            return self._refresh(sign_in, vendor, fields)
        if grant == DEVICE_GRANT and "device" in vendor.paths and "poll" not in vendor.paths:
            return self._device(sign_in, vendor, fields)
        raise refused(vendor, "unsupported_grant_type", f"no such grant here: {grant}")

    def begin(self, sign_in: str, vendor: Vendor, person: Person, scope: str, *, refresh: bool) -> Family:
        """A new family, after a sign-in."""
        wanted = refresh and vendor.refreshes
        return self._grants.begin(sign_in, person, scope, vendor.prefixes, refresh=wanted)

    def issue(self, vendor: Vendor, family: Family, life: float | None) -> Granted:
        """A new access token of the family."""
        token = people.access_token(family.sign_in, vendor, family.person, self._wall())
        return self._grants.issue(family, token, life)

    def _code(self, sign_in: str, vendor: Vendor, fields: Mapping[str, str]) -> dict[str, Any]:
        code = self._grants.codes.get(fields.get("code", ""))
        if code is None or code.sign_in != sign_in or self._wall() >= code.expires_at:
            raise refused(vendor, "invalid_grant", "the code is unknown or has expired")
        if code.used:
            raise refused(vendor, "invalid_grant", "the code has been used already")
        code.used = True
        if fields.get("redirect_uri") != code.redirect_uri:
            raise refused(vendor, "invalid_grant", "redirect_uri is not the one of the authorisation request")
        if code.challenge is not None and not _proves(fields.get("code_verifier", ""), code.challenge):
            raise refused(vendor, "invalid_grant", "the code_verifier does not fit")
        if vendor.state and fields.get("state") != code.state:
            raise refused(vendor, "invalid_request", "state is not the one of the authorisation request")
        if not vendor.state and "state" in fields:
            raise refused(vendor, "invalid_request", "state is not wanted here")
        family = self.begin(sign_in, vendor, code.person, code.scope, refresh=code.offline)
        return self._answer(vendor, family, self.issue(vendor, family, vendor.life), new=True)

    def _refresh(self, sign_in: str, vendor: Vendor, fields: Mapping[str, str]) -> dict[str, Any]:
        if fields.get("scope") != vendor.refresh_scope:
            raise refused(vendor, "invalid_scope", f"scope of a refresh: {vendor.refresh_scope}")
        token = fields.get("refresh_token", "")
        known = self._grants.find(token)
        if known is not None and known.sign_in != sign_in:
            raise dead_refresh_token(vendor, "unknown")
        try:
            family, again = self._grants.use(token, rotates=vendor.rotates, prefix=vendor.prefixes[1])
        except Reuse as error:
            raise dead_refresh_token(vendor, error.why) from None
        granted = again or self.issue(vendor, family, vendor.life)
        return self._answer(vendor, family, granted, new=vendor.rotates)

    def _device(self, sign_in: str, vendor: Vendor, fields: Mapping[str, str]) -> dict[str, Any]:
        device = self._grants.devices.get(fields.get("device_code", ""))
        if device is None or device.sign_in != sign_in or device.used:
            raise refused(vendor, "invalid_grant", "the device code is unknown or has been used")
        if device.challenge is not None and not _proves(fields.get("code_verifier", ""), device.challenge):
            raise refused(vendor, "invalid_grant", "the code_verifier does not fit")
        problem = self._grants.poll(device)
        if problem is not None:
            refusal = refused(vendor, problem, f"{problem} for {device.user_code}")
            if problem == "slow_down" and vendor.style == "github" and isinstance(refusal.body, dict):
                refusal.body["interval"] = int(device.interval)
            raise refusal
        device.used = True
        assert device.person is not None
        family = self.begin(sign_in, vendor, device.person, device.scope, refresh=True)
        return self._answer(vendor, family, self.issue(vendor, family, vendor.life), new=True)

    def _answer(self, vendor: Vendor, family: Family, granted: Granted, *, new: bool) -> dict[str, Any]:
        answer: dict[str, Any] = {"access_token": granted.access, "token_type": "Bearer"}
        if granted.expires_at is not None:
            answer["expires_in"] = round(granted.expires_at - self._wall())
        if new and granted.refresh is not None:
            answer["refresh_token"] = granted.refresh
        answer["scope"] = family.scope
        return {**answer, **people.besides(family.sign_in, vendor, family.person, self._wall())}


def _proves(verifier: str, challenge: str) -> bool:
    """RFC 7636, 4.6."""
    if not 43 <= len(verifier) <= 128:
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")
    return hmac.compare_digest(digest, challenge)


def form_encoded(answer: Mapping[str, Any]) -> bytes:
    """As GitHub answers whoever does not ask for JSON."""
    return urlencode({key: str(value) for key, value in answer.items()}).encode()
