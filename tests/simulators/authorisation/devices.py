"""Device endpoints: the standard one (RFC 8628, 3.1 and 3.2) and OpenAI's own."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulators.authorisation.grants import CODE_LIFE, DEVICE_LIFE, Code, Device, Grants
from tests.simulators.authorisation.refusals import refused
from tests.simulators.authorisation.vendors import Vendor
from tests.simulators.connection import Request
from tests.simulators.refusal import Refusal

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
OPENAI_REDIRECT = "https://auth.openai.com/deviceauth/callback"


class DeviceEndpoint:
    """Starts device flows. wall: the server's clock. address: where people go to type the code."""

    def __init__(self, grants: Grants, wall: Callable[[], float]) -> None:
        self._grants = grants
        self._wall = wall
        self.interval: int | None = 5
        """Seconds between polls; None: the answer does not say (RFC 8628: 5)."""

    def start(self, sign_in: str, vendor: Vendor, fields: Mapping[str, str], page: str) -> dict[str, Any]:
        """The answer of the standard endpoint. page: where the person goes. Raises `Refusal`."""
        if fields.get("client_id") != vendor.client_id:
            raise refused(vendor, "invalid_client", "the client is unknown")
        lacking = set(vendor.scopes) - set(fields.get("scope", "").split(" "))
        if lacking:
            raise refused(vendor, "invalid_scope", f"scope lacks: {' '.join(sorted(lacking))}")
        challenge = fields.get("code_challenge")
        if vendor.pkce and (fields.get("code_challenge_method") != "S256" or len(challenge or "") != 43):
            raise refused(vendor, "invalid_request", "code_challenge must be S256 in base64url without padding")
        device = self._device(sign_in, fields.get("scope", ""), challenge)
        answer: dict[str, Any] = {
            "device_code": device.device_code,
            "user_code": device.user_code,
            "verification_uri": page,
            "expires_in": int(DEVICE_LIFE),
        }
        if vendor.style != "github":
            answer["verification_uri_complete"] = f"{page}?user_code={device.user_code}"
        return answer if self.interval is None else {**answer, "interval": self.interval}

    def start_openai(self, sign_in: str, vendor: Vendor, request: Request) -> dict[str, Any]:
        """The answer of OpenAI's ``deviceauth/usercode``. Raises `Refusal`."""
        if _json(request).get("client_id") != vendor.client_id:
            raise Refusal(400, {"error": {"message": "unknown client", "type": "invalid_request_error"}})
        device = self._device(sign_in, " ".join(vendor.scopes), None)
        return {
            "device_auth_id": device.device_code,
            "user_code": device.user_code,
            "interval": str(self.interval or 5),
            "expires_at": "2100-01-01T00:00:00Z",
        }

    def poll_openai(self, sign_in: str, request: Request) -> dict[str, Any]:
        """The answer of ``deviceauth/token``: a code and the verifier that goes with it. Pending is a 403 or 404."""
        fields = _json(request)
        device = self._grants.devices.get(str(fields.get("device_auth_id")))
        if device is None or device.sign_in != sign_in or device.user_code != fields.get("user_code"):
            raise Refusal(404, {"error": {"message": "not found", "type": "invalid_request_error"}})
        problem = self._grants.poll(device)
        if problem in ("authorization_pending", "slow_down"):
            raise Refusal(403, {"error": {"message": "pending", "code": "deviceauth_authorization_unknown"}})
        if problem is not None or device.used or device.person is None:
            raise Refusal(400, {"error": {"message": "gone", "code": problem or "expired_token"}})
        device.used = True
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        code = Code(
            value=secrets.token_urlsafe(24),
            sign_in=sign_in,
            person=device.person,
            redirect_uri=OPENAI_REDIRECT,
            challenge=challenge,
            state=None,
            scope=device.scope,
            offline=True,
            expires_at=self._wall() + CODE_LIFE,
        )
        self._grants.codes[code.value] = code
        return {"authorization_code": code.value, "code_challenge": challenge, "code_verifier": verifier}

    def _device(self, sign_in: str, scope: str, challenge: str | None) -> Device:
        letters = "".join(secrets.choice(LETTERS) for _ in range(8))
        device = Device(
            device_code=secrets.token_urlsafe(24),
            user_code=f"{letters[:4]}-{letters[4:]}",
            sign_in=sign_in,
            scope=scope,
            challenge=challenge,
            expires_at=self._wall() + DEVICE_LIFE,
            interval=float(self.interval or 5),
        )
        self._grants.devices[device.device_code] = device
        return device


def _json(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        fields = json.loads(request.body) if kind == "application/json" else None
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise Refusal(400, {"error": {"message": "a JSON object is wanted", "type": "invalid_request_error"}})
    return fields
